import { createHash } from 'node:crypto'
import { z } from 'zod'
import { approve, findStanding } from '../authorization/approval.ts'
import { type AuthorizationRequest, checkAdmission } from '../authorization/authorization_request.ts'
import { respond } from '../authorization/authorization_response.ts'
import { redirectKind } from '../checks/redirect_uri.ts'
import { type Client, clientName } from '../clients/client.ts'
import { metadataDigest } from '../clients/metadata.ts'
import type { ServerContext } from '../context.ts'
import { OAuthError } from '../errors.ts'
import { type ResolvedResource, resolveResource } from '../grants/resource.ts'
import { readForm } from '../http/form.ts'
import { findByDigest } from '../keys/find_by_digest.ts'
import { renderConsentPage, type Vouched } from '../pages/consent_page.tsx'
import { newSecret } from '../random.ts'
import { checkForgery, identifyBrowser } from '../sign_in/browser.ts'
import { findSession, type Session } from '../sign_in/session.ts'
import type { UserAuthorization } from '../storage/user_authorizations.ts'
import { findOperator } from './operator.ts'

/** How long a person may think about it. */
const REQUEST_TTL = 600_000

/** What of a request is kept while the person thinks. The rest is looked up again, and must not have changed. */
const storedRequest = z.object({
  redirectUri: z.string(),
  responseMode: z.enum(['query', 'form_post']),
  state: z.string().optional(),
  resource: z.string(),
  scopes: z.array(z.string()),
  codeChallenge: z.string(),
  nonce: z.string().optional(),
  /** Of the client's metadata, and of what the page said of the resource. */
  metadataDigest: z.string(),
  resourceDigest: z.string(),
})
type StoredRequest = z.infer<typeof storedRequest>

/** Shows the request to the person and waits for POST /consent. */
export async function askForConsent(
  context: ServerContext,
  request: Request,
  asked: AuthorizationRequest,
  session: Session,
  known: readonly UserAuthorization[],
): Promise<Response> {
  const { basePath } = context.issuer
  const [handle, operator] = await Promise.all([storeRequest(context, asked, session), findOperator(context)])
  const browser = identifyBrowser(context, request)
  const url = new URL(request.url)
  const switchQuery = new URLSearchParams({ switch: '1', return_to: url.pathname + url.search })
  const page = renderConsentPage({
    basePath,
    operator,
    csrf: browser.csrf,
    request: handle,
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

async function storeRequest(
  context: ServerContext,
  asked: AuthorizationRequest,
  session: Session,
): Promise<string> {
  const handle = newSecret()
  const stored: StoredRequest = {
    redirectUri: asked.redirectUri,
    responseMode: asked.responseMode,
    state: asked.state,
    resource: asked.resource,
    scopes: [...asked.scopes],
    codeChallenge: asked.codeChallenge,
    nonce: asked.nonce,
    metadataDigest: metadataDigest(asked.client.metadata).toString('base64url'),
    resourceDigest: resourceDigest(asked, asked.scopes),
  }
  await context.storage.storeAuthRequest(
    {
      digest: context.purposeKeys.mac('digest', handle),
      organization_id: asked.server?.organization_id ?? asked.client.organizationId,
      session_digest: session.digest,
      client_id: asked.client.clientId,
      request: stored,
      expires_at: new Date(context.now() + REQUEST_TTL),
    },
    new Date(context.now()),
  )
  return handle
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
  const { waiting, asked } = await findRequest(context, form.get('request') ?? '', session)
  const refuse = async (error_description: string) => {
    if (!(await context.storage.consumeAuthRequest(waiting, session.digest, new Date(context.now()))))
      throw alreadyAnswered()
    return respond(context, asked, { error: 'access_denied', error_description })
  }
  const approved = asked.scopes.filter((scope) => form.getAll('scope').includes(scope))
  if (decision === 'deny' || approved.every((scope) => scope === 'offline_access'))
    return refuse('The person did not allow it.')
  const { mayUse, known } = await findStanding(context, asked, session.user.id)
  if (!mayUse) return refuse('This person may not use this MCP server.')
  const code = await approve(context, waiting, { ...asked, session, approved, known })
  if (code === undefined) throw alreadyAnswered()
  return respond(context, asked, { code })
}

/**
 * The request that waits, and what it is found by, with client and server as they are now: what has changed since is
 * asked about anew.
 */
async function findRequest(
  context: ServerContext,
  handle: string,
  session: Session,
): Promise<{ waiting: Buffer; asked: Omit<AuthorizationRequest, 'prompt' | 'maxAge' | 'idTokenHint'> }> {
  const now = new Date(context.now())
  const known = await findByDigest(context.purposeKeys, handle, (digest) =>
    context.storage.findAuthRequest(digest, session.digest, now),
  )
  if (known === undefined) throw alreadyAnswered()
  const { digest: waiting, found: row } = known
  const stored = storedRequest.parse(row.request)
  const client = await context.clients.find(row.client_id)
  if (
    client === undefined ||
    metadataDigest(client.metadata).toString('base64url') !== stored.metadataDigest
  ) {
    throw startAgain('The app has changed while you were looking at it.')
  }
  const target = await resolveResource(context, [stored.resource], undefined).catch(nothingIfUnknown)
  if (target === undefined || resourceDigest(target, stored.scopes) !== stored.resourceDigest) {
    throw startAgain('The MCP server has changed while you were looking at it.')
  }
  await checkAdmission(context, client, target)
  const { redirectUri, responseMode, state, scopes, codeChallenge, nonce } = stored
  const asked = { ...target, client, redirectUri, responseMode, state, scopes, codeChallenge, nonce }
  return { waiting, asked }
}

/** Of all that the page says of a resource: its address and names, what it sees, and what the scopes let the client do. */
function resourceDigest(
  { resource, name, server, offered }: ResolvedResource,
  scopes: readonly string[],
): string {
  const shown = [
    resource,
    name,
    server?.description,
    server?.identity,
    offered.filter(({ name }) => scopes.includes(name)),
  ]
  return createHash('sha256').update(JSON.stringify(shown)).digest('base64url')
}

/** A database that is away says nothing about the resource. */
function nothingIfUnknown(error: unknown): undefined {
  if (error instanceof OAuthError && error.code === 'invalid_target') return undefined
  throw error
}

function alreadyAnswered(): OAuthError {
  return startAgain('This page was answered already, or it waited for too long.')
}

function startAgain(what: string): OAuthError {
  return new OAuthError('invalid_request', `${what} Go back to your app and connect again.`)
}
