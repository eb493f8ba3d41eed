import type { Issuer } from '../issuer.ts'

/** Where a sign-in may lead: our own pages that begin with one of these. */
const DESTINATIONS = ['/authorize', '/account', '/device', '/invitation', '/logout', '/console']

/** A query can hold a whole authorization request, hardly more. */
const MAX_LENGTH = 16_384

/**
 * Where to go on after a sign-in: a path of this issuer with its query. Whatever is no such path, in whichever
 * spelling, becomes the account page (RFC 9700 §4.11).
 */
export function toReturnPath(issuer: Issuer, returnTo: string | undefined): string {
  return findReturnPath(issuer, returnTo) ?? `${issuer.basePath}/account`
}

function findReturnPath(issuer: Issuer, returnTo: string | undefined): string | undefined {
  if (returnTo === undefined || returnTo.length > MAX_LENGTH) return undefined
  // Browsers strip tabs and line breaks and turn `\` into `/`; nothing of ours contains either.
  if (!/^\/(?!\/)[\x21-\x5b\x5d-\x7e]*$/.test(returnTo)) return undefined
  const url = new URL(returnTo, issuer.origin)
  if (url.origin !== issuer.origin || url.pathname.includes('//')) return undefined
  const isOurs = DESTINATIONS.some((destination) => {
    const path = issuer.basePath + destination
    return url.pathname === path || url.pathname.startsWith(`${path}/`)
  })
  return isOurs ? url.pathname + url.search : undefined
}
