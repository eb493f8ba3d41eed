import { OAuthError } from '../errors.ts'

/** What all spellings of one MCP server's address have in common. */
export interface CanonicalResource {
  /** To be compared as a string; never sent anywhere. */
  url: string
  /** Scheme, host and port. */
  origin: string
}

const LOOPBACK = ['localhost', '127.0.0.1', '[::1]']
const MAX_LENGTH = 2048

/** RFC 3986 §2 and §3.2 without `#`; a backslash, white space or a letter outside of ASCII makes no URI. */
const URI = /^https?:\/\/(?![/?])(?:[\w\-.~:/?[\]@!$&'()*+,;=]|%[0-9a-f]{2})+$/i

/**
 * Finds the canonical form of a resource indicator (RFC 8707 §2): scheme and host in lower case, no default
 * port, no dot segments, single slashes and none at the end, percent-encoding normalised (RFC 3986 §6.2.2),
 * the query as it is. Undefined for what names no MCP server: another scheme, a fragment, user info, or http
 * elsewhere than on loopback.
 */
export function canonicalResource(text: string): CanonicalResource | undefined {
  if (text.length > MAX_LENGTH || !URI.test(text) || authorityOf(text).includes('@')) return undefined
  const url = URL.parse(text)
  if (url === null || !isSecure(url)) return undefined
  const path = normalizeEncoding(url.pathname)
    .replaceAll(/\/{2,}/g, '/')
    .replace(/\/$/, '')
  return { url: url.origin + path + url.search, origin: url.origin }
}

/** The audience of access tokens for the management API. */
export function managementResource(issuerUrl: string): string {
  return `${issuerUrl}/api`
}

/**
 * Checks the address that an MCP server is registered under. Throws `invalid_request` with what is wrong.
 *
 * @returns its canonical form; the address itself stays as it was written, since clients compare it so
 */
export function checkServerUrl(text: string): CanonicalResource {
  const canonical = canonicalResource(text)
  if (canonical === undefined) throw new OAuthError('invalid_request', `server_url ${findFault(text)}`)
  return canonical
}

function findFault(text: string): string {
  if (text.length > MAX_LENGTH) return `is longer than ${MAX_LENGTH} characters.`
  if (text.includes('#'))
    return 'must not have a fragment (RFC 8707 section 2): leave out # and what follows.'
  const url = URL.parse(text)
  if (url === null) return "must be the MCP server's whole address, such as https://mcp.example.com/mcp."
  if (url.protocol !== 'https:' && url.protocol !== 'http:') return 'must begin with https://.'
  if (!URI.test(text)) {
    return 'must be a URI as in RFC 3986: percent-encode what is not an ASCII letter, a digit or a URI character.'
  }
  if (authorityOf(text).includes('@')) return 'must not hold a user name or a password.'
  return 'must be https; http is for loopback addresses only (localhost, 127.0.0.1, [::1]).'
}

function isSecure(url: URL): boolean {
  return url.protocol === 'https:' || (url.protocol === 'http:' && LOOPBACK.includes(url.hostname))
}

function authorityOf(text: string): string {
  return text.split(/[/?]/, 3)[2] ?? ''
}

/** Decodes what needs no encoding and writes the rest in upper case (RFC 3986 §6.2.2.1 and §6.2.2.2). */
function normalizeEncoding(path: string): string {
  return path.replaceAll(/%[0-9a-f]{2}/gi, (encoded) => {
    const character = String.fromCharCode(Number.parseInt(encoded.slice(1), 16))
    return /[\w\-.~]/.test(character) ? character : encoded.toUpperCase()
  })
}
