import { approve, findApprovedBefore, organizationOf } from '../authorization/approval.ts'
import { type AuthorizationRequest, checkAdmission } from '../authorization/authorization_request.ts'
import { respond } from '../authorization/authorization_response.ts'
import {
  openRequest,
  requestDigest,
  resourceDigest,
  sealRequest,
  type WaitingRequest,
} from '../authorization/waiting_request.ts'
import { isRegisteredRedirectUri, redirectKind } from '../checks/redirect_uri.ts'
import { type Client, clientName } from '../clients/client.ts'
import { metadataDigest } from '../clients/metadata.ts'
import type { ServerContext } from '../context.ts'
import { OAuthError } from '../errors.ts'
import { mayUseResource, resolveResource } from '../grants/resource.ts'
import { readForm } from '../http/form.ts'
import { renderConsentPage, type Vouched } from '../pages/consent_page.tsx'
import { checkForgery, identifyBrowser } from '../sign_in/browser.ts'
import { findSession, type Session } from '../sign_in/session.ts'
import type { AnsweredAuthRequest } from '../storage/auth_requests.ts'
import type { UserAuthorization } from '../storage/user_authorizations.ts'
import { findOperator } from './operator.ts'

/** Shows the request to the person and waits for POST /consent. */
export async function askForConsent(
  context: ServerContext,
  request: Request,
  asked: AuthorizationRequest,
  session: Session,
  known: readonly UserAuthorization[],
): Promise<Response> {
  const { basePath } = context.issuer
  const browser = identifyBrowser(context, request)
  const url = new URL(request.url)
  const switchQuery = new URLSearchParams({ switch: '1', return_to: url.pathname + url.search })
  const page = renderConsentPage({
    basePath,
    operator: await findOperator(context),
    csrf: browser.csrf,
    request: sealRequest(context, asked, session),
    ...describeClient(asked),
    server: describeResource(asked),
    scopes: describeScopes(asked, known),
    identity: asked.server?.identity ?? [],
    clientSees: asked.scopes.filter((scope) => scope === 'openid' || scope === 'email'),
    user: { email: session.user.email },
    stepUp: known.length > 0,
    offerPasskey: !session.user.hasPasskey,
    switchAccountUrl: `${basePath}/sign-in?${switchQuery}`,
    formActions: [asked.redirectUri],
  })
  if (browser.setCookie !== undefined) page.headers.append('Set-Cookie', browser.setCookie)
  return page
}

function describeClient({ client, redirectUri }: AuthorizationRequest) {
  const url = new URL(redirectUri)
  return {
    client: { name: clientName(client), uri: client.metadata.client_uri, vouched: vouchedBy(client) },
    redirect: { host: url.host || url.protocol, kind: redirectKind(redirectUri) },
    loopbackOnly: client.metadata.redirect_uris.every((uri) => redirectKind(uri) === 'loopback'),
  }
}

function vouchedBy(client: Client): Vouched {
  if (client.source === 'registered') return { by: 'operator' }
  return client.verifiedDomain === undefined
    ? { by: 'nobody' }
    : { by: 'domain', domain: client.verifiedDomain }
}

/** The MCP server or the management API; the issuer has nothing to show but who the person is. */
function describeResource({ name, resource, server }: AuthorizationRequest) {
  return name === undefined
    ? undefined
    : { name, url: resource, description: server?.description ?? undefined }
}

function describeScopes({ scopes, offered }: AuthorizationRequest, known: readonly UserAuthorization[]) {
  const granted = new Set(known.flatMap((authorization) => authorization.scopes))
  return scopes.map((name) => ({
    name,
    description: offered.find((scope) => scope.name === name)?.description ?? '',
    isNew: known.length > 0 && !granted.has(name),
  }))
}

/** POST /consent: the person's decision. It counts once, in the session in which the page was shown. */
export async function consent(context: ServerContext, request: Request): Promise<Response> {
  const form = await readForm(request)
  checkForgery(context, request, form.get('csrf'))
  const session = await findSession(context, request)
  if (session === undefined) throw startAgain('You are signed out by now.')
  const decision = form.get('decision')
  if (decision !== 'approve' && decision !== 'deny') {
    throw new OAuthError('invalid_request', 'decision must be approve or deny.')
  }
  const waiting = openRequest(context, form.get('request') ?? '', session)
  if (waiting === undefined) throw alreadyAnswered()
  const asked = await findAsked(context, waiting)
  const answered = answeredRequest(waiting, asked, session)
  const refuse = async (error_description: string) => {
    if (!(await context.storage.consumeAuthRequest(answered, new Date(context.now()))))
      throw alreadyAnswered()
    return respond(context, asked, { error: 'access_denied', error_description })
  }
  const approved = asked.scopes.filter((scope) => form.getAll('scope').includes(scope))
  if (decision === 'deny' || approved.every((scope) => scope === 'offline_access'))
    return refuse('The person did not allow it.')
  if (!(await mayUseResource(context, asked, session.user.id)))
    return refuse('This person may not use this MCP server.')
  const known = await findApprovedBefore(context, asked, session)
  const code = await approve(context, answered, { ...asked, session, approved, known })
  if (code === undefined) throw alreadyAnswered()
  return respond(context, asked, { code })
}

type Asked = Omit<AuthorizationRequest, 'prompt' | 'maxAge' | 'idTokenHint'>

/** The request with client and server as they are now: what has changed since is asked about anew. */
async function findAsked(context: ServerContext, waiting: WaitingRequest): Promise<Asked> {
  const client = await context.clients.find(waiting.clientId)
  if (
    client === undefined ||
    metadataDigest(client.metadata).toString('base64url') !== waiting.metadataDigest ||
    !isRegisteredRedirectUri(client.metadata.redirect_uris, waiting.redirectUri)
  ) {
    throw startAgain('The app has changed while you were looking at it.')
  }
  const target = await resolveResource(context, [waiting.resource], undefined).catch(nothingIfUnknown)
  if (target === undefined || resourceDigest(target, waiting.scopes) !== waiting.resourceDigest) {
    throw startAgain('The MCP server has changed while you were looking at it.')
  }
  await checkAdmission(context, client, target)
  const { redirectUri, responseMode, state, scopes, codeChallenge, nonce } = waiting
  return { ...target, client, redirectUri, responseMode, state, scopes, codeChallenge, nonce }
}

function answeredRequest(waiting: WaitingRequest, asked: Asked, session: Session): AnsweredAuthRequest {
  return {
    digest: requestDigest(waiting),
    organization_id: organizationOf(asked),
    session_digest: session.digest,
    client_id: waiting.clientId,
    expires_at: new Date(waiting.expiresAt),
  }
}

/** A database that is away says nothing about the resource. */
function nothingIfUnknown(error: unknown): undefined {
  if (error instanceof OAuthError && error.code === 'invalid_target') return undefined
  throw error
}

function alreadyAnswered(): OAuthError {
  return startAgain(
    'This page was answered already, it waited for too long, or what it asks about has changed.',
  )
}

function startAgain(what: string): OAuthError {
  return new OAuthError('invalid_request', `${what} Go back to your app and connect again.`)
}
