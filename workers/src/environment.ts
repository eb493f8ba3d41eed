import {
  parseAdminToken,
  parseChoice,
  parseEmail,
  parseEmailDomains,
  parseInteger,
  parseSecrets,
  parseSignUp,
  parseUpstreamIssuer,
  parseWebUrl,
  toUpstream,
} from '@auth-agent/server/environment_values'
import {
  EnvironmentError,
  readTogether,
  readVariables,
  toOwner,
  variable as variableOr,
} from '@auth-agent/server/environment_variables'
import { parseIssuer } from '@auth-agent/server/issuer'
import { SIGNING_ALGS, type SigningAlg, type SignUp, type UpstreamOptions } from '@auth-agent/server/options'
import { z } from 'zod'
import type { Bindings } from './bindings.ts'
import { LOG_LEVELS, type LogLevel } from './log.ts'

/** The most iterations of PBKDF2 that the platform derives; more throw. The workerd on a developer's machine derives them. */
export const MAX_PBKDF2_ITERATIONS = 100_000

/** What variables and secrets say, checked, with their defaults. They have the names that they have on Node. */
export interface Settings {
  issuer: string
  secrets: readonly string[]
  adminToken: string | undefined
  owner: { email: string; password: string } | undefined
  emailWebhookUrl: string | undefined
  signingAlg: SigningAlg
  accessTokenTtl: number
  refreshTokenTtl: number
  signUp: SignUp
  upstream: UpstreamOptions | undefined
  pbkdf2Iterations: number
  attemptBudget: number
  logLevel: LogLevel
  allowLoopbackFetch: boolean
}

/** What a Worker has no use for, and would be left without a word. */
const ELSEWHERE: readonly (readonly [names: RegExp, why: string])[] = [
  [/^DATABASE_URL$/, 'the binding HYPERDRIVE names the database'],
  [/^DATABASE_CONNECTIONS$/, 'each request has connections of its own'],
  [/^DATA_DIR$/, 'nothing is kept on a disk'],
  [/^REDIS_URL$/, 'attempts are counted in the database'],
  [/^SMTP_URL$/, 'mail leaves by EMAIL_WEBHOOK_URL'],
  [/^TRUSTED_PROXIES$/, 'the platform says who the client is'],
  [/^(PORT|HOST)$/, 'the routes in wrangler.jsonc say where it answers'],
  [/^WORKERS$/, 'the platform starts as many as it needs'],
  [/^METRICS_/, 'the dashboard of the platform has the metrics'],
  [/^OTEL_/, '"observability" in wrangler.jsonc says what is traced, and who is told'],
]

const MISSING =
  'is missing: set it as a variable in wrangler.jsonc, or as a secret with `wrangler secret put`'

const variable = <Value>(rule: (text: string) => Value) => variableOr(rule, MISSING)

const SCHEMA = z.object({
  ISSUER_URL: variable((text) => parseIssuer(text).url),
  AUTH_AGENT_SECRET: variable(parseSecrets),
  AUTH_AGENT_ADMIN_TOKEN: variable(parseAdminToken).optional(),
  AUTH_AGENT_OWNER_EMAIL: variable(parseEmail).optional(),
  AUTH_AGENT_OWNER_PASSWORD: z.string().optional(),
  EMAIL_WEBHOOK_URL: variable((text) => parseWebUrl(text, 'the address that takes mail')).optional(),
  SIGNING_ALG: variable((text) => parseChoice(text, SIGNING_ALGS)).default('ES256'),
  ACCESS_TOKEN_TTL: variable((text) => parseInteger(text, 1, 86_400, 'seconds')).default(3600),
  REFRESH_TOKEN_TTL: variable((text) => parseInteger(text, 1, 31_536_000, 'seconds')).default(2_592_000),
  SIGN_UP: variable(parseSignUp).default('closed'),
  UPSTREAM_ISSUER: variable(parseUpstreamIssuer).optional(),
  UPSTREAM_CLIENT_ID: z.string().optional(),
  UPSTREAM_CLIENT_SECRET: z.string().optional(),
  UPSTREAM_NAME: z.string().trim().optional(),
  UPSTREAM_EMAIL_DOMAINS: variable(parseEmailDomains).optional(),
  PBKDF2_ITERATIONS: variable(parseIterations).default(MAX_PBKDF2_ITERATIONS),
  ATTEMPT_BUDGET: variable((text) => parseInteger(text, 100, 1_000_000_000, 'attempts')).default(1_000),
  LOG_LEVEL: variable((text) => parseChoice(text, LOG_LEVELS)).default('info'),
  HYPERDRIVE_CACHING: variable(parseCaching),
  ALLOW_LOOPBACK_FETCH: variable((text) => parseChoice(text, ['true', 'false'] as const)).default('false'),
})

/**
 * Reads the settings. An empty value counts as none.
 * Throws an {@link EnvironmentError} for the first value that makes no sense.
 */
export function readEnvironment(bindings: Readonly<Bindings>): Settings {
  if (typeof bindings.HYPERDRIVE?.connectionString !== 'string')
    throw new EnvironmentError('HYPERDRIVE is missing: bind a Hyperdrive of that name in wrangler.jsonc.')
  const given = Object.entries(bindings).filter(
    ([, value]) => value !== undefined && !(typeof value === 'string' && value.trim() === ''),
  )
  for (const [name, value] of given) checkVariable(name, value)
  const values = readVariables(SCHEMA, given)
  return {
    issuer: values.ISSUER_URL,
    secrets: values.AUTH_AGENT_SECRET,
    adminToken: values.AUTH_AGENT_ADMIN_TOKEN,
    owner: toOwner(values),
    emailWebhookUrl: values.EMAIL_WEBHOOK_URL,
    signingAlg: values.SIGNING_ALG,
    accessTokenTtl: values.ACCESS_TOKEN_TTL,
    refreshTokenTtl: values.REFRESH_TOKEN_TTL,
    signUp: values.SIGN_UP,
    upstream: readTogether(() => toUpstream(values, values.ISSUER_URL)),
    pbkdf2Iterations: values.PBKDF2_ITERATIONS,
    attemptBudget: values.ATTEMPT_BUDGET,
    logLevel: values.LOG_LEVEL,
    allowLoopbackFetch: isLoopbackFetchAllowed(values.ALLOW_LOOPBACK_FETCH, values.ISSUER_URL),
  }
}

/** wrangler.jsonc can hold other things than text, which would count as missing. */
function checkVariable(name: string, value: unknown): void {
  const why = ELSEWHERE.find(([names]) => names.test(name))?.[1]
  if (why !== undefined)
    throw new EnvironmentError(`${name} means nothing on Workers, where ${why}: remove it.`)
  if (Object.hasOwn(SCHEMA.shape, name) && typeof value !== 'string')
    throw new EnvironmentError(`${name} is no text: put its value into quotes.`)
}

/** Exactly what the platform takes: fewer would be weak, more would throw at every sign-in. */
function parseIterations(text: string): number {
  return parseInteger(text, MAX_PBKDF2_ITERATIONS, MAX_PBKDF2_ITERATIONS, 'the iterations that Workers take')
}

/** Nothing tells a Worker how its Hyperdrive is configured, so whoever deploys it says what he did. */
function parseCaching(text: string): 'disabled' {
  if (text !== 'disabled')
    throw new Error(
      'must be disabled, since the query cache would hide revocations: run `wrangler hyperdrive update <id> --caching-disabled true`, then set it so',
    )
  return text
}

/** What is deployed has an issuer for everybody, and nothing on loopback to fetch from. */
function isLoopbackFetchAllowed(choice: 'true' | 'false', issuer: string): boolean {
  if (choice === 'true' && !parseIssuer(issuer).isLoopback)
    throw new EnvironmentError(
      'ALLOW_LOOPBACK_FETCH is true, which is for development only, and ISSUER_URL is not on this machine: remove it.',
    )
  return choice === 'true'
}
