import { describeReturn } from '../authorization/authorization_request.ts'
import type { ServerContext } from '../context.ts'
import { OAuthError } from '../errors.ts'
import { type Form, readForm, readQuery } from '../http/form.ts'
import { seeOther, withCookies, withHeaders } from '../http/see_other.ts'
import type { ConnectionInfo } from '../options.ts'
import { renderSignInPage } from '../pages/sign_in_page.tsx'
import { checkForgery, identifyBrowser } from '../sign_in/browser.ts'
import { completeSignIn } from '../sign_in/completion.ts'
import { findEmailAddress } from '../sign_in/email_address.ts'
import { requestEmailCode } from '../sign_in/email_code.ts'
import { findByPassword } from '../sign_in/password.ts'
import { toReturnPath } from '../sign_in/return_to.ts'
import { findSession } from '../sign_in/session.ts'
import { renderEmailCodeForm } from './email_code.ts'
import { findOperator } from './operator.ts'

/** GET and POST /sign-in: by password, or asking for a code by e-mail. Passkeys have endpoints of their own. */
export async function signIn(
  context: ServerContext,
  request: Request,
  info: ConnectionInfo,
): Promise<Response> {
  if (request.method === 'POST') return submit(context, request, info)
  const query = readQuery(request)
  const returnTo = toReturnPath(context.issuer, query.get('return_to'))
  const isSwitching = query.get('switch') === '1'
  if (!isSwitching && (await findSession(context, request))) return seeOther(context, returnTo)
  // OpenID Connect Core §3.1.2.1: the address that the client believes the person to have.
  const email = findEmailAddress(query.get('login_hint'))
  return renderSignInForm(context, request, { returnTo, email, ...wishesOf(query) })
}

/** What the way to the page said: that the person wants another account, and that an app wants him asked anew. */
export function wishesOf(form: Form): { switching: boolean; fresh: boolean } {
  return { switching: form.get('switch') === '1', fresh: form.get('fresh') === '1' }
}

async function submit(context: ServerContext, request: Request, info: ConnectionInfo): Promise<Response> {
  const form = await readForm(request)
  checkForgery(context, request, form.get('csrf'))
  const returnTo = toReturnPath(context.issuer, form.get('return_to'))
  const typed = form.get('email')
  const email = findEmailAddress(typed)
  const refuse = (status: number, error: string) =>
    renderSignInForm(context, request, { returnTo, email: typed, ...wishesOf(form), status, error })
  if (email === undefined) return refuse(400, 'Enter your e-mail address, such as you@example.com.')
  try {
    return methodOf(context, form) === 'email_code'
      ? await sendCode(context, request, info, { email, returnTo })
      : await checkPassword(context, request, info, { email, returnTo, form })
  } catch (error) {
    if (!(error instanceof OAuthError) || error.status >= 500) throw error
    return withHeaders(await refuse(error.status, error.description), error.headers)
  }
}

function methodOf(context: ServerContext, form: Form): 'password' | 'email_code' {
  const isCodeMeant = form.get('password') === undefined && context.mailer !== undefined
  const method = form.get('method') ?? (isCodeMeant ? 'email_code' : 'password')
  if (method === 'password' || method === 'email_code') return method
  throw new OAuthError('invalid_request', 'The method must be password or email_code.')
}

async function sendCode(
  context: ServerContext,
  request: Request,
  info: ConnectionInfo,
  { email, returnTo }: { email: string; returnTo: string },
): Promise<Response> {
  await requestEmailCode(context, request, info, email)
  return renderEmailCodeForm(context, request, { email, returnTo })
}

async function checkPassword(
  context: ServerContext,
  request: Request,
  info: ConnectionInfo,
  { email, returnTo, form }: { email: string; returnTo: string; form: Form },
): Promise<Response> {
  const password = form.get('password')
  if (password === undefined) throw new OAuthError('invalid_request', 'Enter your password.')
  const signedIn = await findByPassword(context, request, info, { email, password })
  if (signedIn === undefined) {
    const error = 'Address and password do not belong to an account here.'
    return renderSignInForm(context, request, { returnTo, email, ...wishesOf(form), status: 401, error })
  }
  return seeOther(context, returnTo, await completeSignIn(context, request, signedIn))
}

export interface ShownSignIn {
  returnTo: string
  email?: string | undefined
  switching?: boolean
  fresh?: boolean
  status?: number
  error?: string
  /** Whether the error is of what was typed. Default true. */
  isTyped?: boolean
}

export async function renderSignInForm(
  context: ServerContext,
  request: Request,
  shown: ShownSignIn,
): Promise<Response> {
  const { upstream } = context
  const { basePath } = context.issuer
  const browser = identifyBrowser(context, request)
  const { clientName, serverName, formActions } = await describeReturn(context, shown.returnTo)
  const page = renderSignInPage({
    ...shown,
    basePath,
    operator: await findOperator(context),
    csrf: browser.csrf,
    client: clientName === undefined ? undefined : { name: clientName },
    server: serverName === undefined ? undefined : { name: serverName },
    emailCode: context.mailer !== undefined,
    signUp: context.settings.signUp !== 'closed',
    upstream: upstream && { name: upstream.name },
    formActions: [...formActions, ...upstreamTargets(upstream?.issuer)],
  })
  return withCookies(page, [browser.setCookie])
}

/**
 * Where the provider's button leads, for the policy of the page, which browsers apply to each redirect that follows. Where the
 * provider is on https, all of https is open to it. On plain http, which is on this machine, its pages may be at another port.
 */
function upstreamTargets(issuer: string | undefined): string[] {
  if (issuer === undefined) return []
  return issuer.startsWith('http:') ? ['http:'] : [issuer]
}
