import { type Context, Hono } from 'hono'
import { RegExpRouter } from 'hono/router/reg-exp-router'
import type { ServerContext } from './context.ts'
import { createContext } from './create_context.ts'
import {
  account,
  endAccountSession,
  removeAccountIdentity,
  removeAccountPasskey,
  revokeAccountAuthorization,
} from './endpoints/account.ts'
import { changeAccountPassword } from './endpoints/account_password.ts'
import { authorization } from './endpoints/authorization.ts'
import { clientConfiguration } from './endpoints/client_configuration.ts'
import { consent } from './endpoints/consent.ts'
import { devInbox } from './endpoints/dev_inbox.ts'
import { signInByCode } from './endpoints/email_code.ts'
import { logout } from './endpoints/end_session.ts'
import { health, ready } from './endpoints/health.ts'
import { home } from './endpoints/home.ts'
import { introspection } from './endpoints/introspection.ts'
import { invitation } from './endpoints/invitation.ts'
import { jwks } from './endpoints/jwks.ts'
import { serverMetadata } from './endpoints/metadata.ts'
import {
  passkeyAuthentication,
  passkeyAuthenticationOptions,
  passkeyRegistration,
  passkeyRegistrationOptions,
} from './endpoints/passkeys.ts'
import { passwordReset, passwordResetRequest } from './endpoints/password_reset.ts'
import { protectedResource } from './endpoints/protected_resource.ts'
import { registration } from './endpoints/registration.ts'
import { revocation } from './endpoints/revocation.ts'
import { revocations } from './endpoints/revocations.ts'
import { setup } from './endpoints/setup.ts'
import { signIn } from './endpoints/sign_in.ts'
import { token } from './endpoints/token.ts'
import { beginUpstream, finishUpstream } from './endpoints/upstream.ts'
import { userinfo } from './endpoints/userinfo.ts'
import { OAuthError } from './errors.ts'
import { cacheableDocument, respondCacheable } from './http/cacheable.ts'
import { answerPreflight, FOR_ANY_ORIGIN } from './http/cors.ts'
import { renderErrorForPeople, renderErrorJson } from './http/failure.ts'
import type { Purpose } from './keys/purpose_keys.ts'
import { maintain } from './maintenance.ts'
import { managementApi } from './management/api.ts'
import type { ConnectionInfo, ServerOptions } from './options.ts'
import { findAsset } from './pages/assets.ts'
import { createSetupLink, ensureOwner } from './sign_in/owner.ts'
import { measureRequests } from './telemetry/measure_requests.ts'
import { currentRequestId, runRequest } from './telemetry/request_scope.ts'
import { type Measurements, silentTelemetry } from './telemetry/telemetry.ts'
import { UPSTREAM_CALLBACK_PATH } from './upstream_options.ts'

export { PURPOSES, type Purpose } from './keys/purpose_keys.ts'

/** A running authorization server, for any runtime. */
export interface Server {
  /** Answers a request, at once where nothing is waited for. Neither throws nor rejects. */
  fetch(request: Request, info: ConnectionInfo): Response | Promise<Response>
  /** Cleans up and rotates keys; to be called about once a minute. */
  maintain(): Promise<void>
  /** A one-time link that makes its first visitor the owner, for the terminal; undefined once there is one. */
  setupLink(): Promise<string | undefined>
  /**
   * Gives every signing key a successor, whatever its age. It is published at once, and signs after `publishAhead`
   * seconds: a day by default, by when every cache holds it.
   */
  rotateSigningKeys(publishAhead?: number): Promise<void>
  /** Gives the key of a purpose a successor. Every node knows it within two minutes, and uses it then or in a day. */
  rotatePurposeKey(purpose: Purpose, when: 'in a day' | 'immediately'): Promise<void>
  /**
   * Deletes the former keys of a purpose: what they made is refused, within two minutes on every node. Rejects with a
   * sentence for the operator where there is none, or the new one is not used yet.
   */
  withdrawPurposeKeys(purpose: Purpose): Promise<void>
  /** What a monitor may want to know now. */
  measure(): Measurements
}

/** Makes a server. Rejects with a sentence for the operator where an option makes no sense. */
export async function createServer(options: ServerOptions): Promise<Server> {
  const context = await createContext(options)
  if (options.owner !== undefined) await ensureOwner(context, options.owner)
  const app = createApp(context)
  return {
    fetch: (request, info) => identify(context, app, request, info),
    maintain: () => maintain(context),
    setupLink: () => createSetupLink(context),
    rotateSigningKeys: (publishAhead) => context.signingKeys.rotateAll(publishAhead),
    rotatePurposeKey: (purpose, when) => context.purposeKeys.rotate(purpose, when),
    withdrawPurposeKeys: (purpose) => context.purposeKeys.withdrawFormer(purpose),
    measure: () => ({
      denials: context.denials.size,
      denialsAge: context.denials.age(),
      signingKeyAges: context.signingKeys.ages(),
    }),
  }
}

/** A database that hangs holds up neither monitors nor documents. */
const NEEDS_NO_PURPOSE_KEY = /\/(health|ready|assets\/[^/]*)$|\/\.well-known\//

/** Every request has an id. A refusal tells it, so that whoever was refused can name it to the operator. */
function identify(
  { purposeKeys, waitUntil }: ServerContext,
  app: App,
  request: Request,
  info: ConnectionInfo,
): Response | Promise<Response> {
  return runRequest(info, () => {
    const reading = purposeKeys.keepCurrent()
    const mustWait = reading !== undefined && !NEEDS_NO_PURPOSE_KEY.test(new URL(request.url).pathname)
    if (reading !== undefined) waitUntil(reading)
    const answer = mustWait ? reading.then(() => app.fetch(request, info)) : app.fetch(request, info)
    return answer instanceof Promise ? answer.then(tellRequestId) : tellRequestId(answer)
  })
}

function tellRequestId(response: Response): Response {
  if (response.status >= 400) response.headers.set('X-Request-Id', currentRequestId() ?? '')
  return response
}

type Endpoint = (
  context: ServerContext,
  request: Request,
  info: ConnectionInfo,
  /** What a variable of the route's path stands for. */
  variable: (name: string) => string,
) => Response | Promise<Response>
type Methods = Partial<Record<'GET' | 'POST' | 'PUT' | 'DELETE', Endpoint>>
type App = Hono<{ Bindings: ConnectionInfo }>

/** What programs call. Browser clients call it from their own origin, so it answers CORS; no cookie counts here. */
const FOR_PROGRAMS: Readonly<Record<string, Methods>> = {
  '/token': { POST: token },
  '/introspect': { POST: introspection },
  '/revoke': { POST: revocation },
  '/register': { POST: registration },
  '/userinfo': { GET: userinfo, POST: userinfo },
  '/.well-known/jwks.json': { GET: jwks },
  '/.well-known/oauth-protected-resource': {
    GET: (context, request) => protectedResource(context, request, undefined),
  },
  // Of the management API below the origin as well (RFC 9728 §3.1), in one pattern: Hono's fastest router takes no two that overlap.
  '/.well-known/oauth-protected-resource/:serverId': {
    GET: (context, request, _info, variable) => {
      const serverId = variable('serverId')
      return protectedResource(context, request, serverId === 'api' ? undefined : serverId)
    },
  },
  '/register/:clientId': { GET: configuration, PUT: configuration, DELETE: configuration },
}

/** What people see. It carries the session cookie, so it never answers CORS. */
const FOR_PEOPLE: Readonly<Record<string, Methods>> = {
  '/authorize': { GET: authorization, POST: authorization },
  '/consent': { POST: consent },
  '/': { GET: home },
  '/sign-in': { GET: signIn, POST: signIn },
  '/sign-in/code': { POST: signInByCode },
  '/sign-in/upstream': { POST: beginUpstream },
  [UPSTREAM_CALLBACK_PATH]: { GET: finishUpstream },
  '/setup': { GET: setup, POST: setup },
  '/invitation': { GET: invitation, POST: invitation },
  '/password-reset': { GET: passwordResetRequest, POST: passwordResetRequest },
  '/password-reset/new': { GET: passwordReset, POST: passwordReset },
  '/account': { GET: account },
  '/account/authorizations/revoke': { POST: revokeAccountAuthorization },
  '/account/sessions/revoke': { POST: endAccountSession },
  '/account/passkeys/remove': { POST: removeAccountPasskey },
  '/account/identities/remove': { POST: removeAccountIdentity },
  '/account/password': { POST: changeAccountPassword },
  '/logout': { GET: logout, POST: logout },
  '/dev/inbox': { GET: devInbox },
}

/** What our own script calls, with the session cookie: JSON without CORS. */
const FOR_OUR_SCRIPT: Readonly<Record<string, Methods>> = {
  '/passkeys/authentication/options': { POST: passkeyAuthenticationOptions },
  '/passkeys/authentication': { POST: passkeyAuthentication },
  '/passkeys/registration/options': { POST: passkeyRegistrationOptions },
  '/passkeys/registration': { POST: passkeyRegistration },
}

/** What MCP servers ask by themselves, with their API key. */
const FOR_MCP_SERVERS: Readonly<Record<string, Methods>> = {
  '/revocations': { GET: revocations },
}

/** What monitors ask. It tells nothing, and so answers under any name. */
const FOR_MONITORS: Readonly<Record<string, Methods>> = {
  '/health': { GET: health },
  '/ready': { GET: ready },
}

/** RFC 8414 §3, OpenID Connect Discovery §4: the forms that clients probe; below the path of an issuer, and inserted before it. */
const DISCOVERY = ['/.well-known/oauth-authorization-server', '/.well-known/openid-configuration']

/** The only route table. */
function createApp(context: ServerContext): App {
  const { issuer, telemetry } = context
  // The fastest router that there is; it says at once where two routes overlap in a way that it cannot tell apart.
  const root: App = new Hono({ router: new RegExpRouter() })
  if (telemetry !== silentTelemetry) root.use(measureRequests(telemetry, issuer.basePath))
  root.notFound((c) =>
    renderErrorForPeople(context, c.req.raw, new OAuthError('not_found', 'There is no such page.')),
  )
  root.onError((error, c) => renderErrorForPeople(context, c.req.raw, error))
  addRoutes(root.basePath(issuer.basePath), context, FOR_MONITORS, renderErrorJson)
  if (issuer.basePath !== '') {
    // A probe does not know the path of the issuer; a person may end its address with a slash.
    addRoutes(root, context, FOR_MONITORS, renderErrorJson)
    addRoutes(root, context, { [`${issuer.basePath}/`]: { GET: home } }, renderErrorForPeople)
  }

  if (issuer.isLoopback) root.use(refuseOtherHosts(context))
  addDiscovery(root, context)
  const app = root.basePath(issuer.basePath)
  addRoutesForPrograms(app, context, FOR_PROGRAMS)
  addRoutes(app, context, FOR_MCP_SERVERS, renderErrorJson)
  addRoutes(app, context, FOR_OUR_SCRIPT, renderErrorJson)
  addRoutes(app, context, FOR_PEOPLE, renderErrorForPeople)
  app.get('/assets/*', (c) => findAsset(c.req.path.slice(issuer.basePath.length)) ?? c.notFound())
  app.route('/api', managementApi(context))
  return root
}

function addDiscovery(root: App, context: ServerContext): void {
  const { basePath } = context.issuer
  const document = cacheableDocument(serverMetadata(context.issuer))
  const paths = new Set(DISCOVERY.flatMap((path) => [`${path}${basePath}`, `${basePath}${path}`]))
  for (const path of paths)
    addRoutesForPrograms(root, context, {
      [path]: { GET: (_, request) => respondCacheable(request, document) },
    })
  // RFC 9728 §3.1: the well-known path is inserted before that of the resource, here of the management API.
  if (basePath !== '')
    addRoutesForPrograms(root, context, {
      [`/.well-known/oauth-protected-resource${basePath}/api`]: {
        GET: (_, request) => protectedResource(context, request, undefined),
      },
    })
}

function configuration(
  context: ServerContext,
  request: Request,
  _info: ConnectionInfo,
  variable: (name: string) => string,
): Promise<Response> {
  return clientConfiguration(context, request, variable('clientId'))
}

/** A path has one handler: Hono calls that at once, where it has several call each other, which costs more than most of them do. */
function addRoutes(
  app: App,
  context: ServerContext,
  routes: Readonly<Record<string, Methods>>,
  render: Render,
): void {
  for (const [path, methods] of Object.entries(routes))
    app.all(path, (c) => answer(context, c, methods, render))
}

/** The same, and scripts of every origin may call. */
function addRoutesForPrograms(
  app: App,
  context: ServerContext,
  routes: Readonly<Record<string, Methods>>,
): void {
  for (const [path, methods] of Object.entries(routes))
    app.all(path, (c) =>
      c.req.method === 'OPTIONS' ? preflight(c) : answer(context, c, methods, renderErrorForPrograms),
    )
}

async function preflight(c: Context): Promise<Response> {
  return (await answerPreflight(c, async () => {})) as Response
}

/** Whatever the endpoint has come to: a script must be able to read what it was refused. */
const renderErrorForPrograms: Render = (context, request, error) => {
  const response = renderErrorJson(context, request, error)
  for (const [name, value] of Object.entries(FOR_ANY_ORIGIN)) response.headers.set(name, value)
  return response
}

type Render = (context: ServerContext, request: Request, error: unknown) => Response

function answer(
  context: ServerContext,
  { req, env }: Context<{ Bindings: ConnectionInfo }>,
  methods: Methods,
  render: Render,
): Response | Promise<Response> {
  const renderError = (error: unknown) => render(context, req.raw, error)
  try {
    // Few routes have variables, and Hono decodes all that there are.
    const variable = (name: string) => req.param(name) ?? ''
    const response = findEndpoint(methods, req.method)(context, req.raw, env, variable)
    return response instanceof Promise ? response.catch(renderError) : response
  } catch (error) {
    return renderError(error)
  }
}

function findEndpoint(methods: Methods, asked: string): Endpoint {
  // A HEAD is a GET whose body Hono leaves out (RFC 9110 §9.3.2).
  const method = asked === 'HEAD' ? 'GET' : asked
  const endpoint = Object.hasOwn(methods, method) ? methods[method as keyof Methods] : undefined
  if (endpoint !== undefined) return endpoint
  const allow = Object.keys(methods).join(', ')
  throw new OAuthError('method_not_allowed', `Use ${allow} here.`, { headers: { Allow: allow } })
}

/** A name that somebody rebinds to this machine must reach nothing (DNS rebinding), so only the issuer's own answers. */
function refuseOtherHosts(context: ServerContext) {
  const { host } = new URL(context.issuer.url)
  return async (c: { req: { raw: Request } }, next: () => Promise<void>): Promise<Response | undefined> => {
    const asked = c.req.raw.headers.get('Host') ?? new URL(c.req.raw.url).host
    if (asked.toLowerCase() === host) {
      await next()
      return undefined
    }
    const error = new OAuthError('misdirected_request', `This server answers as ${context.issuer.url} only.`)
    return renderErrorJson(context, c.req.raw, error)
  }
}
