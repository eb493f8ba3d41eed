import type { ServerContext } from '../context.ts'
import { readForm, readQuery } from '../http/form.ts'
import { seeOther, withCookies } from '../http/see_other.ts'
import type { ConnectionInfo } from '../options.ts'
import { renderErrorPage } from '../pages/error_page.tsx'
import { renderOwnerSetupPage } from '../pages/owner_setup_page.tsx'
import { checkForgery, identifyBrowser } from '../sign_in/browser.ts'
import { completeSignIn } from '../sign_in/completion.ts'
import { findEmailAddress } from '../sign_in/email_address.ts'
import { becomeOwner, isSetupLink } from '../sign_in/owner.ts'
import { findPasswordFault, MIN_PASSWORD_LENGTH } from '../sign_in/password_policy.ts'

/** GET and POST /setup: whoever has the link from the terminal becomes the owner. Looking at it uses nothing up. */
export async function setup(
  context: ServerContext,
  request: Request,
  _info: ConnectionInfo,
): Promise<Response> {
  if (request.method === 'POST') return submit(context, request)
  const token = readQuery(request).get('token')
  if (token === undefined || !(await isSetupLink(context, token))) return renderUselessLink(context)
  return renderSetupForm(context, request, { token })
}

async function submit(context: ServerContext, request: Request): Promise<Response> {
  const form = await readForm(request)
  checkForgery(context, request, form.get('csrf'))
  const token = form.get('token')
  if (token === undefined || !(await isSetupLink(context, token))) return renderUselessLink(context)
  const email = findEmailAddress(form.get('email'))
  const refuse = (error: string) =>
    renderSetupForm(context, request, { token, email: form.get('email'), status: 400, error })
  if (email === undefined) return refuse('Enter your e-mail address, such as you@example.com.')
  const password = form.get('password') ?? ''
  const fault = findPasswordFault(password, email)
  if (fault !== undefined) return refuse(fault)
  const owner = await becomeOwner(context, { token, email, password })
  if (owner === undefined) return renderUselessLink(context)
  const { basePath } = context.issuer
  return seeOther(context, `${basePath}/account`, await completeSignIn(context, request, owner))
}

function renderSetupForm(
  context: ServerContext,
  request: Request,
  shown: { token: string; email?: string | undefined; status?: number; error?: string },
): Response {
  const browser = identifyBrowser(context, request)
  const { basePath } = context.issuer
  const page = renderOwnerSetupPage({
    ...shown,
    basePath,
    csrf: browser.csrf,
    minPasswordLength: MIN_PASSWORD_LENGTH,
  })
  return withCookies(page, [browser.setCookie])
}

function renderUselessLink({ issuer: { basePath } }: ServerContext): Response {
  return renderErrorPage({
    basePath,
    status: 404,
    title: 'This link does not work',
    message: 'A link for the first owner works once, within an hour, and only while there is no owner.',
    hint: 'Restart the server to get a new one, if there is no owner yet.',
    link: { href: `${basePath}/sign-in`, label: 'Sign in' },
  })
}
