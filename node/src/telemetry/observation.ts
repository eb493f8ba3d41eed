import cluster from 'node:cluster'
import type { Server } from '@auth-agent/server'
import type { AttemptCounters } from '@auth-agent/server/attempt_counters'
import type { Logger } from '@auth-agent/server/log'
import type { Mailer } from '@auth-agent/server/mail'
import type { FetchPublicUrl } from '@auth-agent/server/public_fetch'
import type { Database } from '@auth-agent/server/storage/database'
import { silentTelemetry, type Telemetry } from '@auth-agent/server/telemetry'
import type { Settings } from '../environment.ts'
import { joinMetrics, superviseMetrics } from './cluster_metrics.ts'
import { createMetrics, type Metrics } from './metrics.ts'
import { answerMetrics, type ReadMetrics } from './metrics_answer.ts'
import { listenForScrapes } from './metrics_listener.ts'
import { observeAttemptCounters } from './observed_attempt_counters.ts'
import { observeDatabase, type StatementWatch, watchBoth } from './observed_database.ts'
import type { OpenTelemetry } from './open_telemetry.ts'
import type { Fetched, Tracing } from './tracing.ts'

/** What watches this process, put around the parts of a server. Where nothing is asked for, each part stays as it is. */
export interface Observation {
  telemetry: Telemetry | undefined
  database(database: Database): Database
  attemptCounters(counters: AttemptCounters): AttemptCounters
  fetchPublicUrl(fetch: FetchPublicUrl, what: Fetched): FetchPublicUrl
  mailer(mailer: Mailer): Mailer
  server(server: Server, database: Database): Promise<Server>
  /** Lets what was collected leave. */
  close(): Promise<void>
}

type ObservationSettings = Pick<Settings, 'metrics' | 'otelEndpoint' | 'otelMetricsEndpoint' | 'workers'>

/** Begins to watch, as the settings say. */
export async function observe(settings: ObservationSettings, log: Logger): Promise<Observation> {
  const isCounting = settings.metrics !== undefined || settings.otelMetricsEndpoint !== undefined
  const metrics = isCounting ? createMetrics(nameOf(settings)) : undefined
  const otel = await loadOpenTelemetry(settings, metrics, log)
  const tracing = otel?.tracing
  const closes: (() => void | Promise<void>)[] = otel === undefined ? [] : [otel.close]
  return {
    telemetry: telemetryOf(metrics, tracing),
    database(database) {
      const watch = watchAll(metrics?.statements, tracing?.statements)
      return watch === undefined ? database : observeDatabase(database, watch)
    },
    attemptCounters(counters) {
      const watch = watchAll(metrics?.statements, tracing?.counterStatements)
      return watch === undefined ? counters : observeAttemptCounters(counters, watch)
    },
    fetchPublicUrl: (fetch, what) => tracing?.fetchPublicUrl(fetch, what) ?? fetch,
    mailer: (mailer) => tracing?.mailer(mailer) ?? mailer,
    async server(server, database) {
      const traced = tracing === undefined ? server : { ...server, fetch: tracing.requests(server.fetch) }
      if (metrics === undefined) return traced
      metrics.gauge({
        measure: isSupervisor(settings) ? undefined : server.measure,
        connections: () => database.connections?.() ?? { open: 0, idle: 0, waiting: 0 },
      })
      if (settings.metrics === undefined) return traced
      const { read, stop } = readerOf(metrics, settings)
      closes.push(stop)
      const { port, host, token } = settings.metrics
      if (port === undefined) return answeringMetrics(traced, read, token)
      if (cluster.isPrimary) closes.push((await listenForScrapes(read, { port, host, token })).close)
      return traced
    },
    async close() {
      for (const close of closes.splice(0).toReversed()) await close()
    },
  }
}

/** The SDK takes its time and some megabytes, so only those load it who ask for it. */
async function loadOpenTelemetry(
  { otelEndpoint, otelMetricsEndpoint }: ObservationSettings,
  metrics: Metrics | undefined,
  log: Logger,
): Promise<OpenTelemetry | undefined> {
  if (otelEndpoint === undefined && otelMetricsEndpoint === undefined) return undefined
  const { startOpenTelemetry } = await import('./open_telemetry.ts')
  const counted = otelMetricsEndpoint === undefined ? undefined : metrics?.registry
  const isTracing = otelEndpoint !== undefined
  return startOpenTelemetry({ isTracing, counted }, process.env, cluster.worker?.id, log)
}

function watchAll(...given: (StatementWatch | undefined)[]): StatementWatch | undefined {
  const [first, ...others] = given.filter((watch) => watch !== undefined)
  return first && others.reduce(watchBoth, first)
}

/** Of a process among several. */
function nameOf({ workers }: Pick<ObservationSettings, 'workers'>): string | undefined {
  if (cluster.worker !== undefined) return String(cluster.worker.id)
  return isSupervisor({ workers }) ? 'supervisor' : undefined
}

function isSupervisor({ workers }: Pick<ObservationSettings, 'workers'>): boolean {
  return cluster.isPrimary && workers > 1
}

function telemetryOf(metrics: Metrics | undefined, tracing: Tracing | undefined): Telemetry | undefined {
  if (tracing === undefined) return metrics?.telemetry
  const counting = metrics?.telemetry ?? silentTelemetry
  return {
    ...counting,
    requestAnswered(request) {
      counting.requestAnswered(request)
      tracing.requestAnswered(request)
    },
  }
}

function readerOf(
  { registry }: Metrics,
  { workers }: ObservationSettings,
): { read: ReadMetrics; stop(): void } {
  if (cluster.isWorker) return joinMetrics(registry)
  if (isSupervisor({ workers })) return superviseMetrics(registry)
  return { read: () => registry.metrics(), stop() {} }
}

/** Beside the server, on its port, and never without a token. */
function answeringMetrics(server: Server, read: ReadMetrics, token: string | undefined): Server {
  if (token === undefined) return server
  return {
    ...server,
    fetch: (request, info) =>
      request.method === 'GET' && /^[^?#]*\/\/[^/?#]*\/metrics(\?|$)/.test(request.url)
        ? answerMetrics(read, token, request.headers.get('Authorization'))
        : server.fetch(request, info),
  }
}
