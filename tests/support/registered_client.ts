import type { webcrypto } from 'node:crypto'
import type { TestServer } from './server.ts'

/** A client as the management API answers it. */
export interface RegisteredClient {
  client_id: string
  client_secret?: string
}

/** Registers a client by the management API. */
export function registerClientByApi(server: TestServer, metadata: object): Promise<RegisteredClient> {
  return server.manage<RegisteredClient>('POST', '/clients', { client_name: 'Ledger', ...metadata })
}

export interface AssertionKey {
  key: webcrypto.CryptoKey
  jwks: { keys: object[] }
}

/** A key pair for `private_key_jwt`, and the public half as the client registers it. */
export async function createAssertionKey(): Promise<AssertionKey> {
  const algorithm = { name: 'ECDSA', namedCurve: 'P-256' }
  const { privateKey, publicKey } = await crypto.subtle.generateKey(algorithm, true, ['sign', 'verify'])
  const jwk = await crypto.subtle.exportKey('jwk', publicKey)
  return { key: privateKey, jwks: { keys: [{ ...jwk, kid: 'a-key', use: 'sig', alg: 'ES256' }] } }
}
