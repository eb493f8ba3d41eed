import { resolve } from 'node:path'
import {
  EnvironmentError,
  readTogether,
  readVariables,
  toOwner,
  variable,
} from '@auth-agent/server/environment_variables'
import { parseIssuer } from '@auth-agent/server/issuer'
import { SIGNING_ALGS, type SigningAlg, type SignUp, type UpstreamOptions } from '@auth-agent/server/options'
import { z } from 'zod'
import {
  isLoopbackHost,
  parseAdminToken,
  parseChoice,
  parseDatabaseUrl,
  parseEmail,
  parseEmailDomains,
  parseHost,
  parseInteger,
  parseRedisUrl,
  parseSecrets,
  parseSignUp,
  parseSmtpUrl,
  parseTrustedProxies,
  parseUpstreamIssuer,
  parseWebUrl,
  parseWorkers,
  toUpstream,
} from './environment_values.ts'
import { OTLP_PROTOCOLS, parseRatio, TRACE_SAMPLERS } from './telemetry/otel_values.ts'

export { EnvironmentError }

/** Names as in pino; `silent` writes nothing. */
export const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const

/** What the environment says, checked, with its defaults. */
export interface Settings {
  issuer: string
  /** Whether the issuer and the listener are on a loopback address. */
  loopback: { issuer: boolean; listener: boolean }
  host: string
  port: number
  /** Processes that serve. */
  workers: number
  databaseUrl: string | undefined
  /** Connections that each process holds at the most. */
  databaseConnections: number
  /** Where attempts are counted; undefined: in the database. */
  redisUrl: string | undefined
  /** Absolute. */
  dataDir: string
  /** Undefined: generated into `dataDir`. */
  secrets: readonly string[] | undefined
  adminToken: string | undefined
  owner: { email: string; password: string } | undefined
  smtpUrl: string | undefined
  emailWebhookUrl: string | undefined
  signingAlg: SigningAlg
  accessTokenTtl: number
  refreshTokenTtl: number
  signUp: SignUp
  upstream: UpstreamOptions | undefined
  trustedProxies: readonly string[]
  pbkdf2Iterations: number
  attemptBudget: number
  logLevel: (typeof LOG_LEVELS)[number]
  /** Where metrics are read: on a port of their own, or on the main one with the token. Undefined: nothing counts. */
  metrics: { host: string; port: number | undefined; token: string | undefined } | undefined
  /** Where traces go; the SDK reads the further variables of the standard by itself. */
  otelEndpoint: string | undefined
  /** Where metrics are sent. */
  otelMetricsEndpoint: string | undefined
  allowLoopbackFetch: boolean
}

const SCHEMA = z.object({
  ISSUER_URL: variable((text) => parseIssuer(text).url).optional(),
  PORT: variable((text) => parseInteger(text, 1, 65_535, 'a port')).default(8787),
  HOST: variable(parseHost).default('127.0.0.1'),
  WORKERS: variable(parseWorkers).default(1),
  DATABASE_URL: variable(parseDatabaseUrl).optional(),
  DATABASE_CONNECTIONS: variable((text) => parseInteger(text, 2, 1_000, 'connections')).default(10),
  REDIS_URL: variable(parseRedisUrl).optional(),
  DATA_DIR: z.string().default('.auth-agent'),
  AUTH_AGENT_SECRET: variable(parseSecrets).optional(),
  AUTH_AGENT_ADMIN_TOKEN: variable(parseAdminToken).optional(),
  AUTH_AGENT_OWNER_EMAIL: variable(parseEmail).optional(),
  AUTH_AGENT_OWNER_PASSWORD: z.string().optional(),
  SMTP_URL: variable(parseSmtpUrl).optional(),
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
  TRUSTED_PROXIES: variable(parseTrustedProxies).default([]),
  PBKDF2_ITERATIONS: variable((text) => parseInteger(text, 100_000, 10_000_000, 'iterations')).default(
    600_000,
  ),
  ATTEMPT_BUDGET: variable((text) => parseInteger(text, 100, 1_000_000_000, 'attempts')).default(1_000),
  LOG_LEVEL: variable((text) => parseChoice(text, LOG_LEVELS)).default('info'),
  METRICS_PORT: variable((text) => parseInteger(text, 1, 65_535, 'a port')).optional(),
  METRICS_HOST: variable(parseHost).default('127.0.0.1'),
  METRICS_TOKEN: variable(parseAdminToken).optional(),
  OTEL_EXPORTER_OTLP_ENDPOINT: variable((text) => parseWebUrl(text, 'the collector')).optional(),
  OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: variable((text) => parseWebUrl(text, 'the collector')).optional(),
  OTEL_EXPORTER_OTLP_METRICS_ENDPOINT: variable((text) => parseWebUrl(text, 'the collector')).optional(),
  OTEL_EXPORTER_OTLP_PROTOCOL: variable((text) => parseChoice(text, OTLP_PROTOCOLS)).optional(),
  OTEL_EXPORTER_OTLP_TRACES_PROTOCOL: variable((text) => parseChoice(text, OTLP_PROTOCOLS)).optional(),
  OTEL_EXPORTER_OTLP_METRICS_PROTOCOL: variable((text) => parseChoice(text, OTLP_PROTOCOLS)).optional(),
  OTEL_TRACES_SAMPLER: variable((text) => parseChoice(text, TRACE_SAMPLERS)).optional(),
  OTEL_TRACES_SAMPLER_ARG: variable(parseRatio).optional(),
  OTEL_TRACES_EXPORTER: variable((text) => parseChoice(text, ['otlp', 'none'] as const)).optional(),
  OTEL_METRICS_EXPORTER: variable((text) => parseChoice(text, ['otlp', 'none'] as const)).optional(),
  OTEL_SDK_DISABLED: variable((text) => parseChoice(text, ['true', 'false'] as const)).optional(),
  ALLOW_LOOPBACK_FETCH: variable((text) => parseChoice(text, ['true', 'false'] as const)).default('false'),
})

/**
 * Reads the settings. An empty value counts as none.
 * Throws an {@link EnvironmentError} for the first value that makes no sense.
 */
export function readEnvironment(
  env: Readonly<Record<string, string | undefined>>,
  purpose: 'serve' | 'migrate' = 'serve',
): Settings {
  const given = Object.entries(env).filter(([, text]) => text !== undefined && text.trim() !== '')
  const values = readVariables(SCHEMA, given)
  checkTogether(values)
  if (purpose === 'serve') checkSecret(values)
  const issuer = values.ISSUER_URL ?? `http://localhost:${values.PORT}`
  return {
    issuer,
    loopback: { issuer: parseIssuer(issuer).isLoopback, listener: isLoopbackHost(values.HOST) },
    host: values.HOST,
    port: values.PORT,
    workers: values.WORKERS,
    databaseUrl: values.DATABASE_URL,
    databaseConnections: values.DATABASE_CONNECTIONS,
    redisUrl: values.REDIS_URL,
    dataDir: resolve(values.DATA_DIR),
    secrets: values.AUTH_AGENT_SECRET,
    adminToken: values.AUTH_AGENT_ADMIN_TOKEN,
    owner: toOwner(values),
    smtpUrl: values.SMTP_URL,
    emailWebhookUrl: values.EMAIL_WEBHOOK_URL,
    signingAlg: values.SIGNING_ALG,
    accessTokenTtl: values.ACCESS_TOKEN_TTL,
    refreshTokenTtl: values.REFRESH_TOKEN_TTL,
    signUp: values.SIGN_UP,
    upstream: readTogether(() => toUpstream(values, issuer)),
    trustedProxies: values.TRUSTED_PROXIES,
    pbkdf2Iterations: values.PBKDF2_ITERATIONS,
    attemptBudget: values.ATTEMPT_BUDGET,
    logLevel: values.LOG_LEVEL,
    metrics: metricsOf(values),
    otelEndpoint: traceCollectorOf(values),
    otelMetricsEndpoint: metricCollectorOf(values),
    allowLoopbackFetch: values.ALLOW_LOOPBACK_FETCH === 'true',
  }
}

/** A migration needs no secret; whoever serves does. */
function checkSecret(values: z.infer<typeof SCHEMA>): void {
  if (values.DATABASE_URL !== undefined && values.AUTH_AGENT_SECRET === undefined)
    throw new EnvironmentError(
      'AUTH_AGENT_SECRET is missing, and with DATABASE_URL none is generated, since every process on that database needs the same: set it to 32 random bytes or more, such as the output of `openssl rand -base64 32`.',
    )
}

/** What makes sense alone, but not beside another variable. */
function checkTogether(values: z.infer<typeof SCHEMA>): void {
  if (values.METRICS_PORT === values.PORT)
    throw new EnvironmentError(
      `METRICS_PORT is ${values.PORT}, which PORT is as well: give it another, or leave it out and set METRICS_TOKEN, for /metrics on PORT.`,
    )
  if (values.SMTP_URL !== undefined && values.EMAIL_WEBHOOK_URL !== undefined)
    throw new EnvironmentError(
      'EMAIL_WEBHOOK_URL is set beside SMTP_URL, but mail leaves on one way only: remove one of them.',
    )
}

function metricsOf(values: z.infer<typeof SCHEMA>): Settings['metrics'] {
  const { METRICS_HOST: host, METRICS_PORT: port, METRICS_TOKEN: token } = values
  return port === undefined && token === undefined ? undefined : { host, port, token }
}

function traceCollectorOf(values: z.infer<typeof SCHEMA>): string | undefined {
  if (values.OTEL_SDK_DISABLED === 'true' || values.OTEL_TRACES_EXPORTER === 'none') return undefined
  return values.OTEL_EXPORTER_OTLP_TRACES_ENDPOINT ?? values.OTEL_EXPORTER_OTLP_ENDPOINT
}

function metricCollectorOf(values: z.infer<typeof SCHEMA>): string | undefined {
  if (values.OTEL_SDK_DISABLED === 'true' || values.OTEL_METRICS_EXPORTER === 'none') return undefined
  return values.OTEL_EXPORTER_OTLP_METRICS_ENDPOINT ?? values.OTEL_EXPORTER_OTLP_ENDPOINT
}
