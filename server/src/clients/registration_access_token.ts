import type { PurposeKeys } from '../keys/purpose_keys.ts'

const TOKEN = /^rat_([A-Za-z0-9_-]{43})$/

/**
 * The token with which a registered client reads and changes its own registration (RFC 7592 §1.2). It is derived from
 * the client's id, not stored, and ends with the client.
 */
export function registrationAccessToken(keys: PurposeKeys, clientId: string): string {
  return `rat_${keys.mac('client_secret', message(clientId)).toString('base64url')}`
}

export function isRegistrationAccessToken(keys: PurposeKeys, clientId: string, token: string): boolean {
  const [, mac] = TOKEN.exec(token) ?? []
  return mac !== undefined && keys.isMac('client_secret', message(clientId), Buffer.from(mac, 'base64url'))
}

/** No client id has a space, so no client's secret is another one's registration access token. */
function message(clientId: string): string {
  return `registration ${clientId}`
}
