import type { Connections } from '@auth-agent/server/storage/database'
import type { Measurements, Telemetry } from '@auth-agent/server/telemetry'
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'
import { childOf } from './children.ts'
import type { StatementWatch } from './observed_database.ts'
import { GRANT_TYPES, OUTCOMES, REASONS, SIGN_IN_METHODS } from './words.ts'

/** What is asked at each scrape. */
export interface Gauged {
  /** Undefined for a process that serves nobody. */
  measure: (() => Measurements) | undefined
  connections(): Connections
}

/** What counts, and what is read from it. */
export interface Metrics {
  registry: Registry
  telemetry: Telemetry
  /** Times the statements of the database. */
  statements: StatementWatch
  /** Says where the numbers come from that are asked at each scrape. */
  gauge(gauged: Gauged): void
}

/** In seconds: a token request takes milliseconds, hashing a password half a second. */
const REQUEST_BUCKETS = [0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30]
const STATEMENT_BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.05, 0.25, 1, 5]

/** @param worker which of several processes this is: a label of everything that it counts */
export function createMetrics(worker?: string): Metrics {
  const registry = new Registry()
  if (worker !== undefined) registry.setDefaultLabels({ worker })
  collectDefaultMetrics({ register: registry })
  return {
    registry,
    telemetry: createTelemetry(registry),
    statements: watchStatements(registry),
    gauge: (gauged) => addGauges(registry, gauged),
  }
}

function createTelemetry(registry: Registry): Telemetry {
  const counter = (name: string, help: string, labelNames: string[]) =>
    new Counter({ name, help, labelNames, registers: [registry] })
  const requests = createRequestMetrics(registry)
  const issued = counter('auth_agent_tokens_issued_total', 'Token responses, by grant type.', ['grant_type'])
  const presented = counter(
    'auth_agent_refresh_tokens_presented_total',
    'Refresh tokens that came, by what became of them: rotated, raced, repeated (the response was lost), theft, or a refusal.',
    ['outcome'],
  )
  const revoked = counter('auth_agent_grants_revoked_total', 'Grants that were ended, by reason.', ['reason'])
  const denied = counter(
    'auth_agent_denials_recorded_total',
    'Denials that this process recorded, by kind.',
    ['kind'],
  )
  const signIns = counter('auth_agent_sign_ins_total', 'Sign-ins that were tried.', ['method', 'outcome'])
  const introspections = counter('auth_agent_introspections_total', 'Introspections, by answer.', ['active'])
  for (const grantType of GRANT_TYPES) issued.inc({ grant_type: grantType }, 0)
  for (const outcome of OUTCOMES) presented.inc({ outcome }, 0)
  for (const reason of REASONS) revoked.inc({ reason }, 0)
  for (const method of SIGN_IN_METHODS)
    for (const outcome of ['succeeded', 'failed']) signIns.inc({ method, outcome }, 0)
  const issuedBy = childOf((grantType) => issued.labels(grantType))
  const presentedAs = childOf((outcome) => presented.labels(outcome))
  const [active, inactive] = [introspections.labels('true'), introspections.labels('false')]
  return {
    requestAnswered: requests,
    tokensIssued: (grantType) => issuedBy(grantType).inc(),
    refreshTokenPresented: (outcome) => presentedAs(outcome).inc(),
    grantsRevoked: (reason, count) => revoked.inc({ reason }, count),
    denialRecorded: (kind) => denied.inc({ kind }),
    signInTried: (method, outcome) => signIns.inc({ method, outcome }),
    introspected: (isActive) => (isActive ? active : inactive).inc(),
  }
}

/** Methods that have a meaning here; any other counts as one. */
const METHODS = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'])

function createRequestMetrics(registry: Registry): Telemetry['requestAnswered'] {
  const duration = new Histogram({
    name: 'auth_agent_request_duration_seconds',
    help: 'Time from the first handler of a request to the head of its answer, by route.',
    labelNames: ['route', 'method', 'status'],
    buckets: REQUEST_BUCKETS,
    registers: [registry],
  })
  const refusals = new Counter({
    name: 'auth_agent_refusals_total',
    help: 'Requests that were refused, by route and error code.',
    labelNames: ['route', 'error'],
    registers: [registry],
  })
  const limited = new Counter({
    name: 'auth_agent_rate_limited_total',
    help: 'Requests that were answered with 429, by route.',
    labelNames: ['route'],
    registers: [registry],
  })
  const durationOf = childOf((route) =>
    childOf((method) => childOf((status) => duration.labels(route, method, status))),
  )
  return ({ route, method, status, seconds, refusedWith }) => {
    const counted = METHODS.has(method) ? method : 'other'
    durationOf(route)(counted)(classOf(status)).observe(seconds)
    if (refusedWith !== undefined) refusals.inc({ route, error: refusedWith })
    if (status === 429) limited.inc({ route })
  }
}

function classOf(status: number): string {
  if (status < 300) return '2xx'
  if (status < 400) return '3xx'
  return status < 500 ? '4xx' : '5xx'
}

function watchStatements(registry: Registry): StatementWatch {
  const duration = new Histogram({
    name: 'auth_agent_database_statement_duration_seconds',
    help: 'Time of a statement, waiting for a connection included, by the name of the statement.',
    labelNames: ['statement'],
    buckets: STATEMENT_BUCKETS,
    registers: [registry],
  })
  const failures = new Counter({
    name: 'auth_agent_database_failures_total',
    help: 'Statements that failed, by name.',
    labelNames: ['statement'],
    registers: [registry],
  })
  const durationOf = childOf((statement) => duration.labels(statement))
  return (statement) => {
    const startedAt = performance.now()
    return (failure) => {
      durationOf(statement).observe((performance.now() - startedAt) / 1000)
      if (failure !== undefined) failures.inc({ statement })
    }
  }
}

function addGauges(registry: Registry, { measure, connections }: Gauged): void {
  const gauge = (name: string, help: string, labelNames: string[], collect: (this: Gauge) => void) =>
    new Gauge({ name, help, labelNames, collect, registers: [registry] })
  gauge('auth_agent_database_connections', 'Connections to the database, by state.', ['state'], function () {
    const { open, idle } = connections()
    this.set({ state: 'in_use' }, open - idle)
    this.set({ state: 'idle' }, idle)
  })
  gauge('auth_agent_database_waiting', 'Statements that wait for a connection.', [], function () {
    this.set(connections().waiting)
  })
  if (measure === undefined) return
  gauge('auth_agent_denials', 'Denials in memory.', [], function () {
    this.set(measure().denials)
  })
  gauge(
    'auth_agent_denials_age_seconds',
    'Since denials were last read; they are read when asked.',
    [],
    function () {
      const age = measure().denialsAge
      if (Number.isFinite(age)) this.set(age)
    },
  )
  gauge('auth_agent_signing_key_age_seconds', 'Since the key that signs began to.', ['alg'], function () {
    for (const [alg, age] of measure().signingKeyAges) this.set({ alg }, age)
  })
}
