import type { ServerContext } from '../context.ts'
import { OAuthError } from '../errors.ts'
import { type Form, readForm, readQuery } from '../http/form.ts'
import { seeOther, withCookies } from '../http/see_other.ts'
import type { ConnectionInfo } from '../options.ts'
import { type AccountPageProps, renderAccountPage } from '../pages/account_page.tsx'
import { checkForgery, identifyBrowser } from '../sign_in/browser.ts'
import { MIN_PASSWORD_LENGTH } from '../sign_in/password_policy.ts'
import { findSession, forgetSession, type Session } from '../sign_in/session.ts'
import { identityId, isOnlyWayIn } from '../sign_in/ways_in.ts'
import { endAuthorization } from '../tokens/revocation.ts'
import { findOperator } from './operator.ts'

/** What the page says after something was done. The query names it, and never holds the text. */
const NOTICES = {
  revoked: 'The access has ended.',
  signed_out: 'That session has ended.',
  passkey_removed: 'The passkey does not open your account any more. Delete it on its device, too.',
  identity_removed:
    'It does not open your account any more. Whoever signs in there with your verified address connects it again.',
  password_changed: 'Your password is changed, and you are signed out everywhere else.',
  joined: 'You have accepted the invitation.',
} as const

const ONLY_WAY_IN =
  'This is your only way to sign in. Set a password, or add another passkey, before you remove it.'

/** GET /account: what somebody granted, and how he signs in. */
export async function account(
  context: ServerContext,
  request: Request,
  _info: ConnectionInfo,
): Promise<Response> {
  const session = await findSession(context, request)
  if (session === undefined) return goSignIn(context)
  const notice = findNotice(readQuery(request).get('notice'))
  return renderAccount(context, request, session, { notice })
}

/** POST /account/authorizations/revoke: ends an app's access for good. */
export async function revokeAccountAuthorization(
  context: ServerContext,
  request: Request,
  _info: ConnectionInfo,
): Promise<Response> {
  return act(context, request, 'revoked', async ({ user }, form) => {
    await endAuthorization(context, { userId: user.id, authorizationId: idOf(form) })
    return undefined
  })
}

/** POST /account/sessions/revoke: signs out another browser, or this one. */
export async function endAccountSession(
  context: ServerContext,
  request: Request,
  _info: ConnectionInfo,
): Promise<Response> {
  return act(context, request, 'signed_out', async (session, form) => {
    const id = idOf(form)
    if (await context.storage.endSessionOfUser(session.user.id, id)) {
      await context.audit.record({
        type: 'session.ended',
        user_id: session.user.id,
        detail: { session_id: id },
      })
    }
    if (id !== session.id) return undefined
    return withCookies(goSignIn(context), [forgetSession(context)])
  })
}

/** POST /account/passkeys/remove, unless no way to sign in would be left. */
export async function removeAccountPasskey(
  context: ServerContext,
  request: Request,
  _info: ConnectionInfo,
): Promise<Response> {
  return act(context, request, 'passkey_removed', async (session, form) => {
    const id = idOf(form)
    if (await isOnlyWayIn(context, session.user.id, id))
      return renderAccount(context, request, session, { status: 400, error: ONLY_WAY_IN })
    if (await context.storage.removePasskey(session.user.id, id)) {
      const event = { type: 'passkey.removed', user_id: session.user.id, detail: { credential_id: id } }
      await context.audit.record(event)
    }
    return undefined
  })
}

/** POST /account/identities/remove: disconnects an account at another provider, unless no way to sign in would be left. */
export async function removeAccountIdentity(
  context: ServerContext,
  request: Request,
  _info: ConnectionInfo,
): Promise<Response> {
  return act(context, request, 'identity_removed', async (session, form) => {
    const id = idOf(form)
    const { id: user_id } = session.user
    if (await isOnlyWayIn(context, user_id, id))
      return renderAccount(context, request, session, { status: 400, error: ONLY_WAY_IN })
    const identity = (await context.storage.listIdentities(user_id)).find((it) => identityId(it) === id)
    if (identity !== undefined && (await context.storage.removeIdentity(user_id, identity))) {
      const { issuer } = identity
      await context.audit.record({ type: 'identity.removed', user_id, detail: { issuer } })
    }
    return undefined
  })
}

/** What every form of the page has in common: who sent it, and the way back to the page. */
export async function act(
  context: ServerContext,
  request: Request,
  notice: keyof typeof NOTICES,
  work: (session: Session, form: Form) => Promise<Response | undefined>,
): Promise<Response> {
  const form = await readForm(request)
  checkForgery(context, request, form.get('csrf'))
  const session = await findSession(context, request)
  if (session === undefined) return goSignIn(context)
  const response = await work(session, form)
  return response ?? seeOther(context, `${context.issuer.basePath}/account?notice=${notice}`)
}

export async function renderAccount(
  context: ServerContext,
  request: Request,
  session: Session,
  shown: Pick<AccountPageProps, 'status' | 'notice' | 'error'>,
): Promise<Response> {
  const { storage } = context
  const browser = identifyBrowser(context, request)
  const [operator, authorizations, sessions, passkeys, identities, password] = await Promise.all([
    findOperator(context),
    storage.listUserAuthorizations(session.user.id),
    storage.listSessions(session.user.id, new Date(context.now())),
    storage.listPasskeys(session.user.id),
    storage.listIdentities(session.user.id),
    storage.findPasswordOfUser(session.user.id),
  ])
  const page = renderAccountPage({
    ...shown,
    basePath: context.issuer.basePath,
    operator,
    csrf: browser.csrf,
    user: { email: session.user.email },
    authorizations: authorizations.map((it) => ({
      id: it.id,
      clientName: it.client_name,
      clientDomain: it.client_domain ?? undefined,
      serverName: it.server_name ?? undefined,
      serverUrl: it.server_url ?? undefined,
      scopes: it.scopes.map((name) => ({
        name,
        description: it.offered?.find((offered) => offered.name === name)?.description ?? '',
      })),
      identity: it.identity,
      grantedAt: it.granted_at,
      lastUsedAt: it.last_used_at,
    })),
    sessions: sessions.map((it) => ({
      id: it.id,
      current: it.id === session.id,
      createdAt: it.created_at,
      lastSeenAt: it.last_seen_at,
      userAgent: it.user_agent ?? undefined,
    })),
    passkeys: passkeys.map((it) => ({
      id: it.id,
      name: it.name ?? 'Passkey',
      createdAt: it.created_at,
      lastUsedAt: it.last_used_at ?? undefined,
    })),
    identities: identities.map((it) => ({
      id: identityId(it),
      name: it.issuer === context.upstream?.issuer ? context.upstream.name : new URL(it.issuer).host,
      connectedAt: it.created_at,
    })),
    hasPassword: Boolean(password?.password_hash),
    minPasswordLength: MIN_PASSWORD_LENGTH,
  })
  return withCookies(page, [browser.setCookie])
}

function goSignIn(context: ServerContext): Response {
  const { basePath } = context.issuer
  return seeOther(context, `${basePath}/sign-in?${new URLSearchParams({ return_to: `${basePath}/account` })}`)
}

function idOf(form: Form): string {
  const id = form.get('id')
  if (id === undefined) throw new OAuthError('invalid_request', 'The parameter id is missing.')
  return id
}

/** A name from outside finds what is written above, and not what every object inherits. */
function findNotice(name: string | undefined): string | undefined {
  return Object.entries(NOTICES).find(([known]) => known === name)?.[1]
}
