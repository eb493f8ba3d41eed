import type { Issuer } from '../issuer.ts'

/** What a cookie of ours is for. */
export type CookieName = 'browser' | 'session' | 'known' | 'inbox' | 'upstream'

/** Every cookie of ours holds 256 bits, base64url, but for the one that holds something sealed. */
const VALUE = /^[A-Za-z0-9_-]{43}$/
const SEALED = /^[A-Za-z0-9_-]{1,4000}\.[A-Za-z0-9_-]{43}$/

/**
 * How a cookie is called: with the `__Host-` prefix on https, where no other host and no subdomain can set it
 * (RFC 6265bis §4.1.3.2), and plain on loopback http, where Safari drops `Secure` cookies. Issuers that share an
 * origin have names of their own, since `__Host-` leaves them no path.
 */
export function cookieName(issuer: Issuer, name: CookieName): string {
  const tenant = issuer.basePath.replace(/[^A-Za-z0-9]/g, '-')
  return `${isSecure(issuer) ? '__Host-' : ''}${name}${tenant}`
}

/** The value of a cookie of ours; undefined where it is missing, or nothing that we would have set. */
export function findCookie(issuer: Issuer, request: Request, name: CookieName): string | undefined {
  const wanted = cookieName(issuer, name)
  for (const pair of (request.headers.get('Cookie') ?? '').split(';')) {
    const equals = pair.indexOf('=')
    if (pair.slice(0, equals).trim() !== wanted) continue
    const value = pair.slice(equals + 1).trim()
    if ((name === 'upstream' ? SEALED : VALUE).test(value)) return value
  }
  return undefined
}

/** A `Set-Cookie` value. @param maxAge in seconds; 0 removes the cookie */
export function setCookie(issuer: Issuer, name: CookieName, value: string, maxAge: number): string {
  const secure = isSecure(issuer) ? '; Secure' : ''
  return `${cookieName(issuer, name)}=${value}; Path=/; Max-Age=${maxAge}; HttpOnly; SameSite=Lax${secure}`
}

function isSecure(issuer: Issuer): boolean {
  return issuer.url.startsWith('https:')
}
