import type { ServerContext } from '../context.ts'
import { type Form, readForm, readQuery } from '../http/form.ts'
import { seeOther, withCookies } from '../http/see_other.ts'
import type { ConnectionInfo } from '../options.ts'
import { renderErrorPage } from '../pages/error_page.tsx'
import { renderInvitationPage } from '../pages/invitation_page.tsx'
import { renderJoinPage } from '../pages/join_page.tsx'
import { checkForgery, identifyBrowser } from '../sign_in/browser.ts'
import { completeSignIn } from '../sign_in/completion.ts'
import { acceptSignedIn, acceptWithPassword, findInvitation } from '../sign_in/invitation.ts'
import { findPasswordFault, MIN_PASSWORD_LENGTH } from '../sign_in/password_policy.ts'
import { findSession, type Session } from '../sign_in/session.ts'
import type { StoredInvitation } from '../storage/invitations.ts'

/** An invitation that somebody has opened, and who he is. */
interface Opened {
  token: string
  invitation: StoredInvitation
  hasAccount: boolean
  session: Session | undefined
}

/**
 * GET and POST /invitation. Whose address has no account chooses a password; whose has one signs in as
 * himself, for the link alone opens nobody's account.
 */
export async function invitation(
  context: ServerContext,
  request: Request,
  _info: ConnectionInfo,
): Promise<Response> {
  const form = request.method === 'POST' ? await readForm(request) : readQuery(request)
  if (request.method === 'POST') checkForgery(context, request, form.get('csrf'))
  const token = form.get('token')
  const found = token === undefined ? undefined : await findInvitation(context, token)
  if (token === undefined || found === undefined) return renderUselessLink(context)
  const opened = { ...found, token, session: await findSession(context, request) }
  if (opened.hasAccount && opened.session?.user.email !== opened.invitation.email)
    return askToSignIn(context, opened)
  return request.method === 'POST'
    ? accept(context, request, opened, form)
    : renderForm(context, request, opened)
}

async function accept(
  context: ServerContext,
  request: Request,
  opened: Opened,
  form: Form,
): Promise<Response> {
  const { basePath } = context.issuer
  const { token, invitation, hasAccount, session } = opened
  if (hasAccount && session !== undefined) {
    const isAccepted = await acceptSignedIn(context, { token, user: session.user })
    return isAccepted ? seeOther(context, `${basePath}/account?notice=joined`) : renderUselessLink(context)
  }
  const password = form.get('password') ?? ''
  const fault = findPasswordFault(password, invitation.email)
  if (fault !== undefined) return renderForm(context, request, opened, fault)
  const signedIn = await acceptWithPassword(context, { token, password })
  if (signedIn === undefined) return renderUselessLink(context)
  return seeOther(context, `${basePath}/account`, await completeSignIn(context, request, signedIn))
}

function renderForm(context: ServerContext, request: Request, opened: Opened, error?: string): Response {
  const browser = identifyBrowser(context, request)
  const shown = {
    basePath: context.issuer.basePath,
    csrf: browser.csrf,
    token: opened.token,
    email: opened.invitation.email,
    organization: opened.invitation.organization_name,
  }
  const page = opened.hasAccount
    ? renderJoinPage(shown)
    : renderInvitationPage({
        ...shown,
        minPasswordLength: MIN_PASSWORD_LENGTH,
        error,
        status: error === undefined ? 200 : 400,
      })
  return withCookies(page, [browser.setCookie])
}

function askToSignIn(context: ServerContext, { token, invitation, session }: Opened): Response {
  const { basePath } = context.issuer
  const query = new URLSearchParams({ return_to: `${basePath}/invitation?token=${token}` })
  if (session === undefined) return seeOther(context, `${basePath}/sign-in?${query}`)
  return renderErrorPage({
    basePath,
    status: 403,
    title: 'This invitation is for somebody else',
    message: `It was sent to ${invitation.email}, and you are signed in as ${session.user.email}.`,
    link: { href: `${basePath}/sign-in?switch=1&${query}`, label: 'Sign in as somebody else' },
  })
}

function renderUselessLink({ issuer: { basePath } }: ServerContext): Response {
  return renderErrorPage({
    basePath,
    status: 404,
    title: 'This invitation does not work',
    message: 'An invitation works once, within a week. If you have accepted it already, just sign in.',
    link: { href: `${basePath}/sign-in`, label: 'Sign in' },
  })
}
