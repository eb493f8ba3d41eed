/** The token of `Authorization: Bearer …` (RFC 6750 §2.1), or undefined where the header is none, or of another scheme. */
export function findBearerToken(authorization: string | null): string | undefined {
  return /^Bearer +(\S+)$/i.exec(authorization ?? '')?.[1]
}

/** The two parts of `Authorization: Basic …`. */
export interface BasicCredentials {
  username: string
  password: string
}

/**
 * The credentials of `Authorization: Basic …`, each form-decoded (RFC 6749 §2.3.1), or undefined where the header is none,
 * malformed, or of another scheme.
 */
export function findBasicCredentials(authorization: string | null): BasicCredentials | undefined {
  const encoded = /^Basic +([A-Za-z0-9+/]+=*)$/i.exec(authorization ?? '')?.[1]
  if (encoded === undefined) return undefined
  const decoded = Buffer.from(encoded, 'base64').toString()
  const colon = decoded.indexOf(':')
  const username = formDecode(decoded.slice(0, Math.max(colon, 0)))
  const password = formDecode(decoded.slice(colon + 1))
  return colon < 0 || username === undefined || password === undefined ? undefined : { username, password }
}

function formDecode(text: string): string | undefined {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '))
  } catch {
    return undefined
  }
}
