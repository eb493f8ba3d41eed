import type { ServerContext } from '../context.ts'
import { findCookie, setCookie } from './cookies.ts'

/** Browsers keep no cookie longer than 400 days. */
const KNOWN_SECONDS = 400 * 86_400

/**
 * Whether somebody signed in to this account in this browser before. It is no proof of anything but that, and
 * decides only which budget a guess counts against (OWASP, "Slow down online guessing attacks with device cookies").
 */
export function isKnownBrowser(context: ServerContext, request: Request, email: string): boolean {
  const browserId = findCookie(context.issuer, request, 'browser')
  const mac = findCookie(context.issuer, request, 'known')
  if (browserId === undefined || mac === undefined) return false
  return context.purposeKeys.isMac('browser', knownMessage(browserId, email), Buffer.from(mac, 'base64url'))
}

/** The `Set-Cookie` value that makes a browser known to an account. */
export function rememberBrowser(context: ServerContext, browserId: string, email: string): string {
  const mac = context.purposeKeys.mac('browser', knownMessage(browserId, email)).toString('base64url')
  return setCookie(context.issuer, 'known', mac, KNOWN_SECONDS)
}

function knownMessage(browserId: string, email: string): string {
  return `known:${browserId}:${email}`
}
