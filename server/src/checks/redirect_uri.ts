import { OAuthError } from '../errors.ts'

/**
 * Private-use schemes without a dot that well-known MCP clients are registered for with their operating
 * system. RFC 8252 §7.1 wants a reversed domain name; these are reviewed exceptions.
 */
const REVIEWED_SCHEMES = [
  'cursor',
  'vscode',
  'vscode-insiders',
  'windsurf',
  'claude',
  'zed',
  'warp',
  'raycast',
]

const LOOPBACK = /^http:\/\/(127\.0\.0\.1|\[::1\]|localhost)(?::([0-9]{1,5}))?((?:[/?].*)?)$/

/** Where a redirect leads: a host on the web, a program on the person's own computer, or an app by its scheme. */
export type RedirectKind = 'https' | 'loopback' | 'app'

/**
 * Refuses what no client may register: anything but https, http on a loopback host, and private-use schemes
 * (RFC 8252 §7). What is allowed is listed, so that no denylist of `javascript:` and its like can be incomplete.
 */
export function checkRedirectUri(uri: string): void {
  const url = URL.canParse(uri) ? new URL(uri) : undefined
  if (url === undefined || !/^[\x21-\x7e]+$/.test(uri) || uri.includes('\\')) {
    refuse(uri, 'is not an absolute URI of printable ASCII characters')
  }
  if (uri.includes('#')) refuse(uri, 'has a fragment (RFC 6749 section 3.1.2)')
  if (url.username !== '' || url.password !== '') refuse(uri, 'contains user information')
  if (uri.includes('*')) refuse(uri, 'contains a wildcard; list every redirect URI in full')
  if (url.protocol === 'https:') {
    if (!/^https:\/\/[^/?]+/.test(uri)) refuse(uri, 'has no host')
    return
  }
  if (url.protocol === 'http:') {
    if (!LOOPBACK.test(uri)) refuse(uri, 'is http; use https, or http on 127.0.0.1, [::1] or localhost')
    return
  }
  const scheme = url.protocol.slice(0, -1)
  if (!uri.startsWith(`${scheme}:`)) refuse(uri, 'has a scheme that is not in lower case')
  if (!scheme.includes('.') && !REVIEWED_SCHEMES.includes(scheme)) {
    refuse(
      uri,
      `has the scheme ${scheme}; a private-use scheme is a reversed domain name such as com.example.app (RFC 8252 section 7.1)`,
    )
  }
}

function refuse(uri: string, why: string): never {
  throw new OAuthError('invalid_redirect_uri', `The redirect URI ${uri.slice(0, 200)} ${why}.`)
}

/**
 * Whether a redirect URI of an authorization request is one of those registered: equal as a string
 * (RFC 9700 §2.1), but for the port on a loopback host, which a native client picks at run time (RFC 8252 §7.3).
 */
export function isRegisteredRedirectUri(registered: readonly string[], uri: string): boolean {
  return registered.includes(uri) || registered.some((candidate) => isSameLoopback(candidate, uri))
}

function isSameLoopback(registered: string, uri: string): boolean {
  const [, registeredHost, , registeredRest] = LOOPBACK.exec(registered) ?? []
  const [, host, port, rest] = LOOPBACK.exec(uri) ?? []
  if (host === undefined || Number(port ?? 80) > 65535) return false
  return host === registeredHost && rest === registeredRest
}

export function redirectKind(uri: string): RedirectKind {
  if (uri.startsWith('https:')) return 'https'
  return LOOPBACK.test(uri) ? 'loopback' : 'app'
}

/**
 * What a remembered consent is bound to: the origin of an https or loopback redirect (without the port there,
 * since it varies), or the scheme of an app.
 */
export function redirectOrigin(uri: string): string {
  const url = new URL(uri)
  if (url.protocol === 'https:') return url.origin
  return url.protocol === 'http:' ? `http://${url.hostname}` : url.protocol
}
