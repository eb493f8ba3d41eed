import { checkCodeChallenge } from '../checks/pkce.ts'
import { isRegisteredRedirectUri } from '../checks/redirect_uri.ts'
import { parseScope } from '../checks/scope.ts'
import { type Client, clientName } from '../clients/client.ts'
import { ROOT_ORGANIZATION } from '../clients/directory.ts'
import type { ServerContext } from '../context.ts'
import { OAuthError } from '../errors.ts'
import { type ResolvedResource, resolveResource } from '../grants/resource.ts'
import { type Form, toForm } from '../http/form.ts'

/** OAuth 2.0 Multiple Response Type Encoding Practices §2.1; Form Post Response Mode §2. */
export type ResponseMode = 'query' | 'form_post'

/** To whom the answer of an authorization request goes: known good before anything else is looked at. */
export interface Recipient {
  client: Client
  redirectUri: string
  responseMode: ResponseMode
  state: string | undefined
}

/** An authorization request that was checked and resolved (OAuth 2.1 §4.1.1, OpenID Connect Core §3.1.2.1). */
export interface AuthorizationRequest extends Recipient, ResolvedResource {
  scopes: readonly string[]
  codeChallenge: string
  nonce: string | undefined
  prompt: readonly string[]
  /** In seconds. */
  maxAge: number | undefined
  idTokenHint: string | undefined
}

const MAX_NONCE_LENGTH = 512
const MAX_STATE_LENGTH = 4096

/**
 * Finds the client and checks the redirect URI, compared as strings but for the port on loopback. What fails here is
 * told to the person on a page, never to the redirect URI (RFC 6749 §4.1.2.1).
 */
export async function findRecipient(context: ServerContext, form: Form): Promise<Recipient> {
  const clientId = form.get('client_id')
  if (clientId === undefined) throw new OAuthError('invalid_request', 'client_id is missing.')
  const client = await context.clients.find(clientId)
  if (client === undefined) {
    throw new OAuthError(
      'invalid_client',
      'This client_id is not known here. Remove the connection from your app and add it again, so that it registers anew.',
    )
  }
  const { redirect_uris } = client.metadata
  const redirectUri = form.get('redirect_uri') ?? (redirect_uris.length === 1 ? redirect_uris[0] : undefined)
  if (redirectUri === undefined) throw new OAuthError('invalid_request', 'redirect_uri is missing.')
  if (!isRegisteredRedirectUri(redirect_uris, redirectUri)) {
    throw new OAuthError(
      'invalid_request',
      `The redirect_uri ${redirectUri.slice(0, 200)} is not one that this client has registered.`,
    )
  }
  return { client, redirectUri, ...readResponseWishes(form) }
}

/** How the answer is to be sent; a wish that is repeated counts for nothing here, and is refused in the answer. */
function readResponseWishes(form: Form): Pick<Recipient, 'state' | 'responseMode'> {
  const only = (name: string) => (form.getAll(name).length === 1 ? form.getAll(name)[0] : undefined)
  const state = only('state')
  return {
    state: state !== undefined && state.length <= MAX_STATE_LENGTH ? state : undefined,
    responseMode: only('response_mode') === 'form_post' ? 'form_post' : 'query',
  }
}

/** Checks everything else of the request. What fails here is told to the client, if it is one to redirect to. */
export async function checkAuthorizationRequest(
  context: ServerContext,
  recipient: Recipient,
  form: Form,
): Promise<AuthorizationRequest> {
  checkResponse(form)
  if (!recipient.client.metadata.grant_types.includes('authorization_code')) {
    throw new OAuthError(
      'unauthorized_client',
      'This client is not registered for the authorization code grant.',
    )
  }
  const codeChallenge = checkCodeChallenge(form.get('code_challenge'), form.get('code_challenge_method'))
  const nonce = form.get('nonce')
  if (nonce !== undefined && nonce.length > MAX_NONCE_LENGTH) {
    throw new OAuthError('invalid_request', `nonce is longer than ${MAX_NONCE_LENGTH} characters.`)
  }
  const prompt = checkPrompt(form.get('prompt'))
  const maxAge = checkMaxAge(form.get('max_age'))
  const asked = form.get('scope') === undefined ? undefined : parseScope(form.get('scope') ?? '')
  const target = await resolveResource(context, form.getAll('resource'), asked)
  await checkAdmission(context, recipient.client, target)
  const scopes = grantableScopes(recipient.client, target, asked)
  const idTokenHint = form.get('id_token_hint')
  return { ...recipient, ...target, scopes, codeChallenge, nonce, prompt, maxAge, idTokenHint }
}

function checkResponse(form: Form): void {
  if ((form.get('state')?.length ?? 0) > MAX_STATE_LENGTH) {
    throw new OAuthError('invalid_request', `state is longer than ${MAX_STATE_LENGTH} characters.`)
  }
  // OpenID Connect Core §6: request objects are optional, and refused by these names.
  if (form.get('request') !== undefined)
    throw new OAuthError('request_not_supported', 'Request objects are not supported.')
  if (form.get('request_uri') !== undefined)
    throw new OAuthError('request_uri_not_supported', 'request_uri is not supported.')
  const responseType = form.get('response_type')
  if (responseType === undefined)
    throw new OAuthError('invalid_request', 'response_type is missing; it is code.')
  if (responseType !== 'code') {
    throw new OAuthError(
      'unsupported_response_type',
      'response_type must be code, the only one of OAuth 2.1.',
    )
  }
  const responseMode = form.get('response_mode')
  if (responseMode !== undefined && responseMode !== 'query' && responseMode !== 'form_post') {
    throw new OAuthError('invalid_request', 'response_mode must be query or form_post.')
  }
}

function checkPrompt(prompt: string | undefined): readonly string[] {
  const prompts = prompt?.split(' ').filter((value) => value !== '') ?? []
  if (prompts.includes('none') && prompts.length > 1) {
    throw new OAuthError(
      'invalid_request',
      'prompt=none excludes every other value (OpenID Connect Core 3.1.2.1).',
    )
  }
  return prompts
}

function checkMaxAge(maxAge: string | undefined): number | undefined {
  if (maxAge === undefined) return undefined
  if (!/^\d{1,10}$/.test(maxAge))
    throw new OAuthError('invalid_request', 'max_age must be a number of seconds.')
  return Number(maxAge)
}

/**
 * Which clients may come in is for the organisation to say, of its MCP servers; for the root organisation of the issuer
 * and the management API.
 *
 * @throws OAuthError `unauthorized_client`
 */
export async function checkAdmission(
  context: ServerContext,
  client: Client,
  { server }: Pick<ResolvedResource, 'server'>,
): Promise<void> {
  const organizationId = server?.organization_id ?? ROOT_ORGANIZATION
  if (client.source === 'registered') {
    if (client.organizationId === organizationId) return
    throw new OAuthError('unauthorized_client', 'This client is registered with another organisation.')
  }
  const policy = server ?? (await context.storage.findOrganization(organizationId))
  if (policy?.client_policy === 'everyone') return
  if (policy?.client_policy === 'domains' && isAtListedDomain(client, policy.client_domains)) return
  throw new OAuthError(
    'unauthorized_client',
    'The organisation that owns this resource does not let this client in. Ask its administrator.',
  )
}

/** Whether its metadata document is served at one of these domains. */
export function isAtListedDomain(client: Client, domains: readonly string[]): boolean {
  return client.verifiedDomain !== undefined && domains.includes(client.verifiedDomain)
}

/**
 * The scopes to ask the person about: those asked for that the server offers and the client may ask (RFC 6749 §3.3
 * lets the others be ignored), or the server's default.
 *
 * @throws OAuthError `invalid_scope` when none is left
 */
function grantableScopes(
  client: Client,
  target: ResolvedResource,
  asked: readonly string[] | undefined,
): readonly string[] {
  const offered = target.offered.map((scope) => scope.name)
  const defaults = target.offered.filter((scope) => scope.default).map((scope) => scope.name)
  const wanted = asked ?? (defaults.length > 0 ? defaults : offered)
  const scopes = wanted.filter(
    (scope) =>
      (offered.includes(scope) || isGrantableOpenidScope(client, scope, wanted)) && mayAsk(client, scope),
  )
  if (scopes.every((scope) => scope === 'offline_access')) {
    const offer = [...offered, 'openid'].join(' ')
    throw new OAuthError(
      'invalid_scope',
      `None of the scopes can be granted. This resource offers: ${offer.slice(0, 500)}.`,
    )
  }
  return scopes
}

function isGrantableOpenidScope(client: Client, scope: string, wanted: readonly string[]): boolean {
  if (scope === 'offline_access') return client.metadata.grant_types.includes('refresh_token')
  if (scope === 'email') return wanted.includes('openid')
  return scope === 'openid'
}

/**
 * A registered client may ask for what its owner wrote down. What a client says of itself at registration limits
 * nothing: MCP clients register with the first challenge's scopes and later step up.
 */
function mayAsk(client: Client, scope: string): boolean {
  if (client.source !== 'registered' || client.metadata.scope === undefined) return true
  return client.metadata.scope.split(' ').includes(scope)
}

/**
 * Who asks, for the sign-in page on the way to an authorization request, and where its form may end up: Chromium
 * applies `form-action` to the redirects that follow a form. Never rejects; an invalid request describes nobody.
 */
export async function describeReturn(
  context: ServerContext,
  returnTo: string,
): Promise<{ clientName?: string; serverName?: string; formActions: readonly string[] }> {
  try {
    const url = new URL(returnTo, context.issuer.origin)
    if (url.pathname !== `${context.issuer.basePath}/authorize`) return { formActions: [] }
    const form = toForm(url.searchParams)
    const { client, redirectUri } = await findRecipient(context, form)
    const target = await resolveResource(context, form.getAll('resource'), undefined).catch(() => undefined)
    return {
      // A name that nobody vouches for is not lent the weight of the page that asks for a password.
      ...(client.source !== 'dynamic' && { clientName: clientName(client) }),
      ...(target?.name !== undefined && { serverName: target.name }),
      formActions: [redirectUri],
    }
  } catch {
    return { formActions: [] }
  }
}
