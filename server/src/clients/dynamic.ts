import { randomBytes } from 'node:crypto'
import { OAuthError } from '../errors.ts'
import type { PurposeKeys } from '../keys/purpose_keys.ts'
import { type ClientMetadata, type MetadataRules, normalForm, parseClientMetadata } from './metadata.ts'

/** What a client may register for itself (RFC 7591). It gets nothing in its own name, so no client credentials. */
const DYNAMIC: MetadataRules = {
  defaultAuthMethod: 'client_secret_basic',
  authMethods: ['none', 'client_secret_basic', 'client_secret_post', 'private_key_jwt'],
  grantTypes: ['authorization_code', 'refresh_token'],
}

const MAX_ID_BYTES = 1024
const DYNAMIC_ID = /^dcr_([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]{43})$/

/** A registration: nothing of it is stored. */
export interface DynamicRegistration {
  clientId: string
  /** Undefined for clients that have none. */
  clientSecret: string | undefined
  metadata: ClientMetadata
}

/**
 * Registers a client by sealing its metadata into its id (the idea of draft-bradley-oauth-stateless-client-id).
 * A public client that registers again gets the same id; a confidential one gets another, with a secret of its own.
 *
 * @throws OAuthError `invalid_client_metadata` or `invalid_redirect_uri` (RFC 7591 §3.2.2)
 */
export function registerDynamicClient(keys: PurposeKeys, input: unknown): DynamicRegistration {
  // What a client says of its scopes bounds nothing: it steps up later, under the id that it has. So it is not registered,
  // and the answer does not say that it is (RFC 7591 §3.2.1).
  const { scope: _, ...metadata } = parseClientMetadata(input, DYNAMIC)
  const hasSecret = usesSecret(metadata)
  const nonce = hasSecret ? randomBytes(12).toString('base64url') : undefined
  const payload = Buffer.from(JSON.stringify({ metadata: JSON.parse(normalForm(metadata)), nonce })).toString(
    'base64url',
  )
  const clientId = `dcr_${payload}.${keys.mac('client_id', payload).toString('base64url')}`
  if (clientId.length > MAX_ID_BYTES) {
    throw new OAuthError(
      'invalid_client_metadata',
      `The metadata is too long: it must fit a client_id of ${MAX_ID_BYTES} bytes, and took ${clientId.length}. Use fewer or shorter redirect URIs, jwks_uri for jwks, or a client id metadata document.`,
    )
  }
  return { clientId, clientSecret: hasSecret ? dynamicClientSecret(keys, clientId) : undefined, metadata }
}

/** Reads the metadata back out of an id. The MAC is checked before anything is parsed. */
export function openDynamicClientId(keys: PurposeKeys, clientId: string): ClientMetadata | undefined {
  if (clientId.length > MAX_ID_BYTES) return undefined
  const [, payload, mac] = DYNAMIC_ID.exec(clientId) ?? []
  if (payload === undefined || mac === undefined) return undefined
  if (!keys.isMac('client_id', payload, Buffer.from(mac, 'base64url'))) return undefined
  // It was checked when we sealed it; a rule that has become stricter since must not orphan the client.
  const sealed = JSON.parse(Buffer.from(payload, 'base64url').toString()) as { metadata: ClientMetadata }
  return sealed.metadata
}

export function isDynamicClientSecret(keys: PurposeKeys, clientId: string, secret: string): boolean {
  return keys.isMac('client_secret', clientId, Buffer.from(secret, 'base64url'))
}

function dynamicClientSecret(keys: PurposeKeys, clientId: string): string {
  return keys.mac('client_secret', clientId).toString('base64url')
}

function usesSecret({ token_endpoint_auth_method: method }: ClientMetadata): boolean {
  return method === 'client_secret_basic' || method === 'client_secret_post'
}
