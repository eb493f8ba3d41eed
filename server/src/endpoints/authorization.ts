import { approveAgain, findApprovedBefore } from '../authorization/approval.ts'
import {
  type AuthorizationRequest,
  checkAuthorizationRequest,
  findRecipient,
} from '../authorization/authorization_request.ts'
import { respond, respondWithError } from '../authorization/authorization_response.ts'
import { redirectKind, redirectOrigin } from '../checks/redirect_uri.ts'
import { isConfidential } from '../clients/client.ts'
import { metadataDigest } from '../clients/metadata.ts'
import type { ServerContext } from '../context.ts'
import { OAuthError } from '../errors.ts'
import { mayUseResource } from '../grants/resource.ts'
import { type Form, readForm, readQuery } from '../http/form.ts'
import { seeOther } from '../http/see_other.ts'
import { renderErrorPage } from '../pages/error_page.tsx'
import { findSession, type Session } from '../sign_in/session.ts'
import type { UserAuthorization } from '../storage/user_authorizations.ts'
import { verifyIdTokenHint } from '../tokens/id_token.ts'
import { askForConsent } from './consent.ts'

/**
 * The authorization endpoint (OAuth 2.1 §3.1, OpenID Connect Core §3.1.2). Nothing is written before a person has
 * signed in, so nobody can fill the database from outside; on the way to the sign-in page and back, the request is
 * in the URL and is checked anew.
 */
export async function authorization(context: ServerContext, request: Request): Promise<Response> {
  if (request.method === 'POST') return repeatAsGet(context, await readForm(request))
  const form = readQuery(request)
  const recipient = await findRecipient(context, form)
  const session = await findSession(context, request)
  try {
    const asked = await checkAuthorizationRequest(context, recipient, form)
    return await decide(context, request, asked, session)
  } catch (error) {
    if (!(error instanceof OAuthError)) throw error
    return respondWithError(context, request, recipient, error, session?.user.id)
  }
}

/** A post from another site carries no session cookie (SameSite=Lax); the GET that follows does. */
function repeatAsGet(context: ServerContext, form: Form): Response {
  const query = new URLSearchParams()
  for (const name of AUTHORIZATION_PARAMETERS) {
    for (const value of form.getAll(name)) query.append(name, value)
  }
  return seeOther(context, `${context.issuer.basePath}/authorize?${query}`)
}

const AUTHORIZATION_PARAMETERS = [
  'client_id',
  'redirect_uri',
  'response_type',
  'response_mode',
  'scope',
  'state',
  'resource',
  'code_challenge',
  'code_challenge_method',
  'nonce',
  'prompt',
  'max_age',
  'login_hint',
  'id_token_hint',
  'request',
  'request_uri',
]

async function decide(
  context: ServerContext,
  request: Request,
  asked: AuthorizationRequest,
  session: Session | undefined,
): Promise<Response> {
  const isSilent = asked.prompt.includes('none')
  if (session === undefined || (await mustSignInAgain(context, asked, session))) {
    if (isSilent)
      throw new OAuthError('login_required', 'Nobody is signed in, and prompt=none asks not to sign in.')
    return seeOther(context, signInUrl(context, request))
  }
  if (!(await mayUseResource(context, asked, session.user.id))) {
    if (isSilent) throw new OAuthError('access_denied', 'This person may not use this MCP server.')
    return renderNoAccess(context, request, asked, session)
  }
  const known = await findApprovedBefore(context, asked, session)
  const remembered = findRemembered(asked, known)
  const approval = { ...asked, session, approved: asked.scopes, known }
  const code = remembered && (await approveAgain(context, approval, remembered))
  if (code !== undefined) return respond(context, asked, { code })
  if (isSilent)
    throw new OAuthError('consent_required', 'The person has to be asked, and prompt=none asks not to.')
  return askForConsent(context, request, asked, session, known)
}

/** `prompt=login`, `max_age` and a hint at somebody else (OpenID Connect Core §3.1.2.1). */
async function mustSignInAgain(
  context: ServerContext,
  asked: AuthorizationRequest,
  session: Session,
): Promise<boolean> {
  if (asked.prompt.includes('login') || asked.prompt.includes('select_account')) return true
  // Errata 2 of §3.1.2.1: 0 means the same as prompt=login.
  if (asked.maxAge === 0) return true
  if (asked.maxAge !== undefined && context.now() - session.authTime.getTime() > asked.maxAge * 1000)
    return true
  if (asked.idTokenHint === undefined) return false
  const hint = await verifyIdTokenHint(context, asked.idTokenHint)
  if (hint === undefined) throw new OAuthError('invalid_request', 'id_token_hint was not issued here.')
  return hint.sub !== session.user.id
}

/**
 * The sign-in page, and from there back to this request. `prompt=login` is taken out of it, since it has been done by
 * then; `auth_time` tells the client how fresh it is.
 */
function signInUrl({ issuer }: ServerContext, request: Request): string {
  const query = new URL(request.url).searchParams
  const isForced = ['prompt', 'max_age', 'id_token_hint'].some((name) => query.has(name))
  const isAskedAnew = query.has('max_age') || (query.get('prompt') ?? '').split(' ').includes('login')
  const loginHint = query.get('login_hint')
  query.delete('login_hint')
  // Nothing is ever fresh enough for 0, which means the same as prompt=login; any other age is looked at again.
  if (query.get('max_age') === '0') query.delete('max_age')
  const prompt = (query.get('prompt') ?? '').split(' ').filter((value) => value === 'consent')
  query.delete('prompt')
  if (prompt.length > 0) query.set('prompt', 'consent')
  const signIn = new URLSearchParams({ return_to: `${issuer.basePath}/authorize?${query}` })
  if (isForced) signIn.set('switch', '1')
  if (isAskedAnew) signIn.set('fresh', '1')
  if (loginHint) signIn.set('login_hint', loginHint)
  return `${issuer.basePath}/sign-in?${signIn}`
}

/**
 * What the person approved before, if it is all of this: for the same client with the same metadata, server, scopes and
 * redirect origin. A client that does not authenticate and waits on loopback or at an app's scheme is always asked
 * about, since an impostor on the same machine would get the code silently (RFC 8252 §8.6).
 */
function findRemembered(
  asked: AuthorizationRequest,
  known: readonly UserAuthorization[],
): UserAuthorization | undefined {
  if (asked.prompt.includes('consent')) return undefined
  if (redirectKind(asked.redirectUri) !== 'https' && !isConfidential(asked.client)) return undefined
  const origin = redirectOrigin(asked.redirectUri)
  const digest = metadataDigest(asked.client.metadata)
  const identity = asked.server?.identity ?? []
  return known.find(
    (authorization) =>
      authorization.redirect_origin === origin &&
      authorization.metadata_digest.equals(digest) &&
      asked.scopes.every((scope) => authorization.scopes.includes(scope)) &&
      identity.every((claim) => authorization.identity.includes(claim)),
  )
}

function renderNoAccess(
  { issuer }: ServerContext,
  request: Request,
  asked: AuthorizationRequest,
  session: Session,
): Response {
  const returnTo = new URL(request.url).pathname + new URL(request.url).search
  return renderErrorPage({
    basePath: issuer.basePath,
    status: 403,
    title: 'You may not use this MCP server',
    message: `${session.user.email} is not on the list of those who may use ${asked.name}.`,
    hint: 'Ask its owner to let you in, or sign in with another account.',
    code: 'access_denied',
    link: {
      href: `${issuer.basePath}/sign-in?${new URLSearchParams({ switch: '1', return_to: returnTo })}`,
      label: 'Sign in with another account',
    },
  })
}
