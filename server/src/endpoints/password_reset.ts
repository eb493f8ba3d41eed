import type { ServerContext } from '../context.ts'
import { OAuthError } from '../errors.ts'
import { readForm, readQuery } from '../http/form.ts'
import { seeOther, withCookies, withHeaders } from '../http/see_other.ts'
import type { ConnectionInfo } from '../options.ts'
import { renderErrorPage } from '../pages/error_page.tsx'
import { renderPasswordResetPage } from '../pages/password_reset_page.tsx'
import { renderPasswordResetRequestPage } from '../pages/password_reset_request_page.tsx'
import { checkForgery, identifyBrowser } from '../sign_in/browser.ts'
import { completeSignIn } from '../sign_in/completion.ts'
import { findEmailAddress } from '../sign_in/email_address.ts'
import { findPasswordFault, MIN_PASSWORD_LENGTH } from '../sign_in/password_policy.ts'
import { findResetAddress, requestPasswordReset, resetPassword } from '../sign_in/password_reset.ts'
import { toReturnPath } from '../sign_in/return_to.ts'

/** GET and POST /password-reset: asks for a link, with the same answer whether the account exists or not. */
export async function passwordResetRequest(
  context: ServerContext,
  request: Request,
  info: ConnectionInfo,
): Promise<Response> {
  const isSubmitted = request.method === 'POST'
  const form = isSubmitted ? await readForm(request) : readQuery(request)
  const returnTo = toReturnPath(context.issuer, form.get('return_to'))
  if (!isSubmitted) return renderRequestForm(context, request, { returnTo })
  checkForgery(context, request, form.get('csrf'))
  const typed = form.get('email')
  const email = findEmailAddress(typed)
  if (email === undefined) {
    const error = 'Enter your e-mail address, such as you@example.com.'
    return renderRequestForm(context, request, { returnTo, email: typed, status: 400, error })
  }
  try {
    await requestPasswordReset(context, request, info, email)
  } catch (error) {
    if (!(error instanceof OAuthError) || error.status >= 500) throw error
    const shown = { returnTo, email, status: error.status, error: error.description }
    return withHeaders(renderRequestForm(context, request, shown), error.headers)
  }
  const notice = 'If the address has an account here, a link is on its way. It works once, within an hour.'
  return renderRequestForm(context, request, { returnTo, email, notice })
}

/** GET and POST /password-reset/new: the link from the mail, and the new password. */
export async function passwordReset(
  context: ServerContext,
  request: Request,
  _info: ConnectionInfo,
): Promise<Response> {
  if (request.method === 'POST') return submit(context, request)
  const token = readQuery(request).get('token')
  if (token === undefined || !(await findResetAddress(context, token))) return renderUselessLink(context)
  return renderResetForm(context, request, { token })
}

async function submit(context: ServerContext, request: Request): Promise<Response> {
  const form = await readForm(request)
  checkForgery(context, request, form.get('csrf'))
  const token = form.get('token')
  const email = token === undefined ? undefined : await findResetAddress(context, token)
  if (token === undefined || email === undefined) return renderUselessLink(context)
  const password = form.get('password') ?? ''
  const fault = findPasswordFault(password, email)
  if (fault !== undefined) return renderResetForm(context, request, { token, status: 400, error: fault })
  const signedIn = await resetPassword(context, { token, password })
  if (signedIn === undefined) return renderUselessLink(context)
  const path = `${context.issuer.basePath}/account?notice=password_changed`
  return seeOther(context, path, await completeSignIn(context, request, signedIn))
}

function renderRequestForm(
  context: ServerContext,
  request: Request,
  shown: { returnTo: string; email?: string | undefined; status?: number; notice?: string; error?: string },
): Response {
  const browser = identifyBrowser(context, request)
  const { basePath } = context.issuer
  return withCookies(renderPasswordResetRequestPage({ ...shown, basePath, csrf: browser.csrf }), [
    browser.setCookie,
  ])
}

function renderResetForm(
  context: ServerContext,
  request: Request,
  shown: { token: string; status?: number; error?: string },
): Response {
  const browser = identifyBrowser(context, request)
  const { basePath } = context.issuer
  const csrf = browser.csrf
  const page = renderPasswordResetPage({ ...shown, basePath, csrf, minPasswordLength: MIN_PASSWORD_LENGTH })
  return withCookies(page, [browser.setCookie])
}

function renderUselessLink({ issuer: { basePath } }: ServerContext): Response {
  return renderErrorPage({
    basePath,
    status: 404,
    title: 'This link does not work',
    message: 'A link for a new password works once, within an hour.',
    link: { href: `${basePath}/password-reset`, label: 'Ask for a new link' },
  })
}
