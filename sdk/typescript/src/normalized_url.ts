/** RFC 3986 §2, with what a client may have left unencoded; no white space, no backslash, nothing outside of ASCII. */
const PRINTABLE = /^https?:\/\/[\x21-\x5b\x5d-\x7e]+$/i

/**
 * A target without its query and fragment, after the normalization of RFC 3986 §6.2.2 and §6.2.3; undefined for
 * what is no such target.
 */
export function normalizeTarget(text: string): string | undefined {
  if (!PRINTABLE.test(text) || !URL.canParse(text)) return undefined
  const { origin, pathname, username, password } = new URL(text)
  if (username !== '' || password !== '') return undefined
  return origin + pathname.replaceAll(/%[0-9a-f]{2}/gi, normalizeOctet)
}

function normalizeOctet(encoded: string): string {
  const character = String.fromCharCode(Number.parseInt(encoded.slice(1), 16))
  return /[A-Za-z0-9\-._~]/.test(character) ? character : encoded.toUpperCase()
}
