import { createAuditLog } from './audit/events.ts'
import { createClientDirectory } from './clients/directory.ts'
import { ID_TOKEN_ALGS } from './clients/metadata.ts'
import type { ServerContext, Settings } from './context.ts'
import { type Issuer, parseIssuer } from './issuer.ts'
import { createKeyWrapping } from './keys/key_wrapping.ts'
import { loadPurposeKeys } from './keys/purpose_keys.ts'
import { type Logger, silentLog } from './log.ts'
import { MAX_ACCESS_TOKEN_TTL, type ServerOptions } from './options.ts'
import type { Stretching } from './sign_in/password_hash.ts'
import { createUpstreamProvider, type UpstreamProvider } from './sign_in/upstream_provider.ts'
import { attemptCountersIn } from './storage/attempt_counters.ts'
import { createStorage, type Storage } from './storage/storage.ts'
import { withRequestId } from './telemetry/request_scope.ts'
import { silentTelemetry } from './telemetry/telemetry.ts'
import { createDenials } from './tokens/denials.ts'
import { loadSigningKeys } from './tokens/signing_keys.ts'
import { findUpstreamFault, UPSTREAM_CALLBACK_PATH } from './upstream_options.ts'

/**
 * Checks the options and puts the server's parts together. Rejects with a sentence for the operator where an option
 * makes no sense, or where the secret does not open the keys in the database.
 */
export async function createContext(options: ServerOptions): Promise<ServerContext> {
  const { now = Date.now, waitUntil = () => {}, telemetry = silentTelemetry } = options
  const { fetchPublicUrl, mailer, inbox, endOfTurn } = options
  const log = withRequestId(options.log ?? silentLog)
  const issuer = readIssuer(options.issuer)
  if (inbox !== undefined && !issuer.isLoopback) {
    throw new Error(
      'The development inbox shows sign-in codes, so it is for a loopback issuer only: set SMTP_URL.',
    )
  }
  const settings = withDefaults(options)
  if (settings.accessTokenTtl > MAX_ACCESS_TOKEN_TTL) {
    throw new Error(
      `An access token may live for ${MAX_ACCESS_TOKEN_TTL} seconds at the most: shorten ACCESS_TOKEN_TTL.`,
    )
  }
  const stretching = createStretching(options)
  const storage = createStorage(options.database, endOfTurn)
  await claimDatabase(storage, issuer, log)
  const wrapping = createKeyWrapping(options.secrets)
  const purposeKeys = await loadPurposeKeys({ storage, wrapping, log, waitUntil, now })
  const signingKeys = await loadSigningKeys({
    storage,
    wrapping,
    algs: [...new Set([settings.signingAlg, ...ID_TOKEN_ALGS])],
    // Not today's lifetime: a longer one may be configured before the key has gone.
    maxTokenTtl: MAX_ACCESS_TOKEN_TTL,
    now,
  })
  return {
    issuer,
    settings,
    storage,
    attemptCounters: options.attemptCounters ?? attemptCountersIn(options.database, now),
    purposeKeys,
    signingKeys,
    denials: createDenials(storage, settings.denialsMaxAge, now),
    clients: createClientDirectory({ storage, purposeKeys, fetchPublicUrl, now }),
    audit: createAuditLog(storage, log, now),
    telemetry,
    stretching,
    upstream: createUpstream(options, issuer, now),
    mailer,
    inbox,
    log,
    endOfTurn,
    waitUntil,
    now,
  }
}

function createStretching({
  pbkdf2Iterations: iterations = 600_000,
  maxPbkdf2Iterations: maxIterations,
  passwordQueue: queue,
}: ServerOptions): Stretching {
  if (iterations > (maxIterations ?? Infinity)) {
    throw new Error(`This platform derives ${maxIterations} iterations at the most: lower PBKDF2_ITERATIONS.`)
  }
  return { iterations, maxIterations, queue }
}

function createUpstream(
  { upstream, fetchPublicUrl, fetchUpstream = fetchPublicUrl }: ServerOptions,
  { url }: Issuer,
  now: () => number,
): UpstreamProvider | undefined {
  if (upstream === undefined) return undefined
  const fault = findUpstreamFault(upstream, url)
  if (fault !== undefined) throw new Error(`${fault}.`)
  const redirectUri = url + UPSTREAM_CALLBACK_PATH
  return createUpstreamProvider(upstream, { fetchPublicUrl: fetchUpstream, redirectUri, now })
}

/**
 * A database belongs to one issuer: access tokens, clients' registrations and passkeys are bound to it. An issuer on
 * loopback is known to its own machine alone, and so gives way, as to another port or to the name of the deployment.
 */
async function claimDatabase(storage: Storage, { url }: Issuer, log: Logger): Promise<void> {
  const owner = await storage.claimForIssuer(url)
  if (owner === url) return
  if (!parseIssuer(owner).isLoopback) {
    throw new Error(
      `The issuer is ${url}, but this database belongs to ${owner}: set ISSUER_URL to that, name another database, or see "Another issuer" in DEPLOYMENT.md.`,
    )
  }
  await storage.changeIssuer(owner, url)
  log.warn({ former: owner, issuer: url }, 'The issuer has changed: tokens of the former one are not taken.')
}

function readIssuer(text: string): Issuer {
  try {
    return parseIssuer(text)
  } catch (cause) {
    throw new Error(`The issuer ${cause instanceof Error ? cause.message : cause}.`, { cause })
  }
}

function withDefaults(options: ServerOptions): Settings {
  return {
    signingAlg: options.signingAlg ?? 'ES256',
    accessTokenTtl: options.accessTokenTtl ?? 3600,
    refreshTokenTtl: options.refreshTokenTtl ?? 2_592_000,
    refreshTokenMaxTtl: options.refreshTokenMaxTtl ?? 31_536_000,
    signUp: options.signUp ?? 'closed',
    attemptBudget: options.attemptBudget ?? 1_000,
    adminToken: options.adminToken,
    denialsMaxAge: options.denialsMaxAge ?? 700,
    feedMaxAge: options.feedMaxAge ?? 250,
  }
}
