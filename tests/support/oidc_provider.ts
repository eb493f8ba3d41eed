import { once } from 'node:events'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import Provider, { type Configuration } from 'oidc-provider'

/** A real OpenID provider, by another author, with pages of its own. */
export interface RealProvider {
  issuer: string
  /** Has to be done before anybody comes: the client knows the issuer, and the provider the client. */
  register(client: { client_id: string; client_secret: string; redirect_uris: string[] }): void
  close(): Promise<void>
}

/**
 * Starts `oidc-provider` on 127.0.0.1, which is another site than `localhost`. Whoever types a name into its page is the
 * person with that name at acme.example, with whichever password.
 */
export async function startOidcProvider(): Promise<RealProvider> {
  let answer: RequestListener = (_request, response) => response.writeHead(503).end()
  const http = createServer((request, response) => answer(request, response))
  http.listen(0, '127.0.0.1')
  await once(http, 'listening')
  const issuer = `http://127.0.0.1:${(http.address() as AddressInfo).port}`
  return {
    issuer,
    register(client) {
      answer = new Provider(issuer, { ...CONFIGURATION, clients: [client] }).callback()
    },
    async close() {
      http.closeAllConnections()
      await new Promise((resolve) => http.close(resolve))
    },
  }
}

const CONFIGURATION: Configuration = {
  claims: { openid: ['sub'], email: ['email', 'email_verified'] },
  features: { devInteractions: { enabled: true } },
  findAccount: (_ctx, sub) => ({
    accountId: sub,
    claims: () => ({ sub, email: `${sub}@acme.example`, email_verified: true }),
  }),
  cookies: { keys: ['a key for tests only'] },
}
