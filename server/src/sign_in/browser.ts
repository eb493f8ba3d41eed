import type { ServerContext } from '../context.ts'
import { OAuthError } from '../errors.ts'
import { newSecret } from '../random.ts'
import { findCookie, setCookie } from './cookies.ts'

/** Browsers keep no cookie longer than 400 days (RFC 6265bis §5.5). */
const BROWSER_SECONDS = 400 * 86_400

/** One browser: the forms that it was shown and the e-mail codes that it asked for are bound to it. */
export interface Browser {
  id: string
  /** Goes into every form; see {@link checkForgery}. */
  csrf: string
  /** The `Set-Cookie` value for a browser that was not known. */
  setCookie?: string
}

/** Recognises a browser by its cookie, or gives it one. */
export function identifyBrowser(context: ServerContext, request: Request): Browser {
  const known = findCookie(context.issuer, request, 'browser')
  const id = known ?? newSecret()
  const csrf = context.purposeKeys.mac('browser', formMessage(context, request, id)).toString('base64url')
  if (known !== undefined) return { id, csrf }
  return { id, csrf, setCookie: setCookie(context.issuer, 'browser', id, BROWSER_SECONDS) }
}

/**
 * Checks that a form, or a call from a script of ours, comes from a page that this very browser was shown: by the
 * token in it, and by what the browser says of its origin.
 *
 * @param csrf the token, from the form's field or the header `X-CSRF-Token`
 * @throws OAuthError `access_denied` with status 403
 */
export function checkForgery(context: ServerContext, request: Request, csrf: string | undefined): void {
  checkOrigin(context, request)
  const browserId = findCookie(context.issuer, request, 'browser')
  if (browserId === undefined) {
    throw refuse(
      'This form needs the cookie that came with it. Allow cookies for this site, then reload the page.',
    )
  }
  const mac = Buffer.from(csrf ?? '', 'base64url')
  if (!context.purposeKeys.isMac('browser', formMessage(context, request, browserId), mac)) {
    throw refuse('This form is out of date. Go back, reload the page, and send it again.')
  }
}

/**
 * `Sec-Fetch-Site` is set by the browser and by nobody else, so `same-origin` settles it: pages with the referrer
 * policy `no-referrer` send `Origin: null` even to themselves (Fetch §3.2). Without it, `Origin` must be ours.
 */
function checkOrigin(context: ServerContext, request: Request): void {
  const site = request.headers.get('Sec-Fetch-Site')
  const origin = request.headers.get('Origin')
  if (site === 'same-origin' && (origin === null || origin === 'null')) return
  const isForeignSite = site !== null && site !== 'same-origin' && site !== 'none'
  const isForeignOrigin = origin !== null && origin !== context.issuer.origin
  if (isForeignSite || isForeignOrigin) throw refuse('This form was sent from another site.')
}

/** The session is in it, so that a form from before a sign-in is worth nothing after it. */
function formMessage(context: ServerContext, request: Request, browserId: string): string {
  return `form:${browserId}:${findCookie(context.issuer, request, 'session') ?? ''}`
}

function refuse(description: string): OAuthError {
  return new OAuthError('access_denied', description, { status: 403 })
}
