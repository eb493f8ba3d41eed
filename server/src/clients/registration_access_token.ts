import type { PurposeKeys } from '../keys/purpose_keys.ts'
import type { ClientRow } from '../storage/clients.ts'

const TOKEN = /^rat_([A-Za-z0-9_-]{43})$/

/** What the token is derived from: a new secret brings a new token. */
type TokenClient = Pick<ClientRow, 'client_id' | 'secret_digest'>

/**
 * The token with which a registered client reads and changes its own registration (RFC 7592 §1.2). It is derived, not
 * stored, and ends with the client, or with its secret.
 */
export function registrationAccessToken(keys: PurposeKeys, client: TokenClient): string {
  return `rat_${keys.mac('client_secret', message(client)).toString('base64url')}`
}

export function isRegistrationAccessToken(keys: PurposeKeys, client: TokenClient, token: string): boolean {
  const [, mac] = TOKEN.exec(token) ?? []
  return mac !== undefined && keys.isMac('client_secret', message(client), Buffer.from(mac, 'base64url'))
}

/** No client id has a space, so no client's secret is another one's registration access token. */
function message({ client_id, secret_digest }: TokenClient): string {
  return `registration ${client_id} ${secret_digest?.toString('base64url') ?? ''}`
}
