import { describeReturn } from '../authorization/authorization_request.ts'
import type { ServerContext } from '../context.ts'
import { readForm } from '../http/form.ts'
import { seeOther, withCookies } from '../http/see_other.ts'
import type { ConnectionInfo } from '../options.ts'
import { renderEmailCodePage } from '../pages/email_code_page.tsx'
import { checkForgery, identifyBrowser } from '../sign_in/browser.ts'
import { completeSignIn } from '../sign_in/completion.ts'
import { findEmailAddress } from '../sign_in/email_address.ts'
import { findByEmailCode } from '../sign_in/email_code.ts'
import { toReturnPath } from '../sign_in/return_to.ts'
import { findOperator } from './operator.ts'

/** POST /sign-in/code: the code that was mailed. */
export async function signInByCode(
  context: ServerContext,
  request: Request,
  _info: ConnectionInfo,
): Promise<Response> {
  const form = await readForm(request)
  checkForgery(context, request, form.get('csrf'))
  const returnTo = toReturnPath(context.issuer, form.get('return_to'))
  const code = form.get('code')
  const signedIn = code === undefined ? undefined : await findByEmailCode(context, request, code)
  if (signedIn !== undefined)
    return seeOther(context, returnTo, await completeSignIn(context, request, signedIn))
  return renderEmailCodeForm(context, request, {
    returnTo,
    // It is shown and nothing else: the code knows which address it was sent to.
    email: findEmailAddress(form.get('email')) ?? 'your address',
    status: code === undefined ? 400 : 401,
    error: 'This code is not good, or not any more. After five tries, or ten minutes, ask for a new one.',
  })
}

/** The form for the code, whether one was sent or not. */
export async function renderEmailCodeForm(
  context: ServerContext,
  request: Request,
  shown: { email: string; returnTo: string; status?: number; error?: string },
): Promise<Response> {
  const { basePath } = context.issuer
  const browser = identifyBrowser(context, request)
  const { formActions } = await describeReturn(context, shown.returnTo)
  const operator = await findOperator(context)
  const page = renderEmailCodePage({ ...shown, basePath, operator, csrf: browser.csrf, formActions })
  return withCookies(page, [browser.setCookie])
}
