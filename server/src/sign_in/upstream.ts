import { createHash } from 'node:crypto'
import { AuthorizationResponseError } from 'oauth4webapi'
import type { ServerContext } from '../context.ts'
import { OAuthError } from '../errors.ts'
import type { ConnectionInfo } from '../options.ts'
import { identifyBrowser } from './browser.ts'
import type { SignedIn } from './completion.ts'
import { checkUpstreamBudget } from './limits.ts'
import { findUpstreamAccount } from './upstream_account.ts'
import { unreachable } from './upstream_error.ts'
import { addPending, type PendingSignIn, secretsOf } from './upstream_pending.ts'
import type { UpstreamPerson, UpstreamProvider } from './upstream_provider.ts'

/** How far the provider's clock may be behind ours, in milliseconds. */
const CLOCK_TOLERANCE = 30_000
/** Codes and states outlive nobody's patience, and are refused for their age after this. In milliseconds. */
const USED_FOR = 3_600_000

/** How a person comes to the provider. */
export interface UpstreamStart {
  returnTo: string
  /** To sign in as somebody else. */
  switching: boolean
  /** Because an app wants him asked anew. */
  fresh: boolean
  loginHint: string | undefined
}

/** Sends a person to the provider. @returns where, and the cookie by which he is known when he comes back */
export async function beginUpstreamSignIn(
  context: ServerContext,
  request: Request,
  provider: UpstreamProvider,
  { returnTo, switching, fresh, loginHint }: UpstreamStart,
): Promise<{ location: URL; cookie: string }> {
  const browserId = identifyBrowser(context, request).id
  const { pending, cookie } = addPending(context, browserId, request, { returnTo, fresh })
  const location = await provider.authorizationUrl({
    state: pending.state,
    ...secretsOf(browserId, pending),
    ask: fresh ? 'login' : switching ? 'select_account' : undefined,
    loginHint,
  })
  return { location, cookie }
}

/**
 * Signs in whoever comes back from the provider, to the account that his identity opens.
 *
 * @throws OAuthError that says what to do
 */
export async function finishUpstreamSignIn(
  context: ServerContext,
  request: Request,
  info: ConnectionInfo,
  provider: UpstreamProvider,
  pending: PendingSignIn,
): Promise<SignedIn> {
  try {
    const person = await redeem(context, request, info, provider, pending)
    const authTime = checkFreshness(context, provider, pending, person)
    const { id, email } = await findUpstreamAccount(context, provider, person)
    return { user: { id, email }, method: 'upstream', amr: person.amr, authTime }
  } catch (error) {
    context.telemetry.signInTried('upstream', 'failed')
    logRefusal(context, error)
    throw error instanceof AuthorizationResponseError ? toRefusal(context, provider, error) : error
  }
}

/** What a person is told on the sign-in page is in the log too, with the reason; what is told elsewhere gets there anyway. */
function logRefusal({ log }: ServerContext, error: unknown): void {
  if (!(error instanceof OAuthError) || error.status >= 500 || !(error.cause instanceof Error)) return
  log.info({ code: error.code, reason: error.cause.message }, error.description)
}

async function redeem(
  context: ServerContext,
  request: Request,
  info: ConnectionInfo,
  provider: UpstreamProvider,
  pending: PendingSignIn,
): Promise<UpstreamPerson> {
  const attempt = await checkUpstreamBudget(context, info)
  const secrets = secretsOf(identifyBrowser(context, request).id, pending)
  const answer = new URL(request.url).searchParams
  const person = await provider.redeem(answer, { state: pending.state, ...secrets })
  await attempt.forgive()
  // Its code is for the provider to refuse the second time; that this answer is, does not depend on it.
  const digest = createHash('sha256').update(`upstream_state:${pending.state}`).digest()
  if (!(await context.storage.consumeOnce(digest, new Date(context.now() + USED_FOR)))) {
    throw new OAuthError('access_denied', 'This sign-in was used before. Begin again.', { status: 401 })
  }
  return person
}

/**
 * When the person was asked, where the provider tells (OpenID Connect Core §3.1.2.1, `prompt` and `max_age`).
 *
 * @throws OAuthError `login_required` where an app wants him asked anew, and he was not
 */
function checkFreshness(
  context: ServerContext,
  { name }: UpstreamProvider,
  { fresh, startedAt }: PendingSignIn,
  { authTime }: UpstreamPerson,
): Date | undefined {
  const at = authTime === undefined ? undefined : new Date(authTime * 1000)
  if (!fresh || (at !== undefined && at.getTime() >= startedAt - CLOCK_TOLERANCE)) return at
  context.log.info({ reason: at === undefined ? 'no_auth_time' : 'old_auth_time' }, 'A sign-in was not new.')
  const description = `Your app wants you to sign in anew, and ${name} does not say that you did. Sign in another way.`
  throw new OAuthError('login_required', description, { status: 401 })
}

/** OpenID Connect Core §3.1.2.6. What the provider says of the reason is for the log: it is not our word. */
function toRefusal(
  { log }: ServerContext,
  { name }: UpstreamProvider,
  error: AuthorizationResponseError,
): OAuthError {
  const code = /^[a-z_]{1,60}$/.test(error.error) ? error.error : 'unknown'
  log.info({ code, description: error.error_description?.slice(0, 200) }, 'The upstream provider refused.')
  if (code === 'temporarily_unavailable' || code === 'server_error') return unreachable(name, new Error(code))
  const description =
    code === 'access_denied'
      ? `You did not sign in at ${name}. Try again, or sign in another way.`
      : `${name} did not let you in (${code}). Sign in another way; the reason is in the log of this server.`
  return new OAuthError('access_denied', description, { status: 401 })
}
