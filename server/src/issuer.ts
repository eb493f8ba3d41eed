/** The issuer identifier, taken apart once. */
export interface Issuer {
  /** Byte for byte as configured. */
  url: string
  /** Scheme, host and port. */
  origin: string
  /** What its paths begin with: '' or '/tenant'. */
  basePath: string
  /** Whether its host is `localhost`, `127.0.0.1` or `[::1]`. */
  isLoopback: boolean
}

/**
 * Checks an issuer identifier (RFC 8414 §2): https, or http on loopback; no query, no fragment. Clients compare it byte
 * for byte, so it has to be in its normal form already; nothing is mended.
 *
 * @throws Error whose message goes on from the option's name: "is …, which …: give …"
 */
export function parseIssuer(text: string): Issuer {
  const url = URL.canParse(text)
    ? new URL(text)
    : refuse(text, 'is no URL: give one such as https://auth.example.com')
  const isLoopback = ['localhost', '127.0.0.1', '[::1]'].includes(url.hostname)
  if (url.protocol !== 'https:' && url.protocol !== 'http:') {
    refuse(text, 'no browser opens: give a URL that begins with https://')
  }
  if (url.protocol === 'http:' && !isLoopback) {
    refuse(text, 'sends tokens in the clear: use https, or a loopback address such as http://localhost:8787')
  }
  const basePath = url.pathname.replace(/\/+$/, '')
  const normal = url.origin + basePath
  if (text !== normal)
    refuse(text, `is not in the form in which clients compare it, byte for byte: write ${normal}`)
  return { url: text, origin: url.origin, basePath, isLoopback }
}

function refuse(text: string, why: string): never {
  throw new Error(`is ${JSON.stringify(text.slice(0, 200))}, which ${why}`)
}
