import type { Logger } from '@auth-agent/server/log'
import { within } from '@auth-agent/server/shared_work'
import { context, DiagLogLevel, diag } from '@opentelemetry/api'
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks'
import { OTLPMetricExporter as JsonMetricExporter } from '@opentelemetry/exporter-metrics-otlp-http'
import { OTLPMetricExporter as ProtobufMetricExporter } from '@opentelemetry/exporter-metrics-otlp-proto'
import { OTLPTraceExporter as JsonTraceExporter } from '@opentelemetry/exporter-trace-otlp-http'
import { OTLPTraceExporter as ProtobufTraceExporter } from '@opentelemetry/exporter-trace-otlp-proto'
import {
  defaultResource,
  detectResources,
  type Resource,
  resourceAttributesEnvDetector,
  resourceFromAttributes,
  serviceInstanceIdDetector,
  serviceNameEnvDetector,
} from '@opentelemetry/resources'
import { MeterProvider, PeriodicExportingMetricReader } from '@opentelemetry/sdk-metrics'
import { BatchSpanProcessor, TracerProvider } from '@opentelemetry/sdk-trace'
import type { Registry } from 'prom-client'
import { FAREWELL_MS } from '../stop_times.ts'
import { producerOf } from './metric_producer.ts'
import { readSampler } from './sampler.ts'
import { createTracing, type Tracing } from './tracing.ts'

type Environment = Readonly<Record<string, string | undefined>>

/** What leaves in the background; nothing waits for it but the end. */
export interface OpenTelemetry {
  tracing: Tracing | undefined
  /** Sends the last of it, or loses it: the SDK would try for longer than a process may take to stop. */
  close(): Promise<void>
}

/**
 * Sends to the collector that the standard variables name (OpenTelemetry, "OTLP Exporter Configuration"), which the
 * exporters read by themselves. While it cannot be reached what was meant for it is lost, and a line says so.
 *
 * @param counted what metrics are read from; undefined where none are sent
 * @param worker which of several processes this is
 */
export function startOpenTelemetry(
  { isTracing, counted }: { isTracing: boolean; counted: Registry | undefined },
  env: Environment,
  worker: number | undefined,
  log: Logger,
): OpenTelemetry {
  diag.setLogger(
    {
      ...SILENT,
      error: (message) => log.warn({ reason: message.slice(0, 300) }, 'A collector was not reached.'),
    },
    { logLevel: DiagLogLevel.ERROR, suppressOverrideMessage: true },
  )
  const resource = describeProcess(worker)
  const traces = isTracing ? startTraces(resource, env) : undefined
  const metrics = counted && startMetrics(counted, resource, env)
  return {
    tracing: traces && createTracing(traces.getTracer('auth-agent')),
    async close() {
      const lost = (error: unknown) => log.warn({ err: error }, 'What was left for a collector is lost.')
      const farewell = [traces?.shutdown().catch(lost), metrics?.shutdown().catch(lost)]
      await within(FAREWELL_MS, Promise.all(farewell)).catch(lost)
      context.disable()
      diag.disable()
    },
  }
}

const SILENT = { error() {}, warn() {}, info() {}, debug() {}, verbose() {} }

/**
 * Each process has an id of its own, by which a collector keeps the counters of several nodes apart, and those of one before
 * and after a restart. What the operator says of it counts for more.
 */
function describeProcess(worker: number | undefined): Resource {
  const own = {
    'service.name': 'auth-agent',
    ...(worker !== undefined && { 'auth_agent.worker': worker }),
  }
  const detectors = [serviceInstanceIdDetector, resourceAttributesEnvDetector, serviceNameEnvDetector]
  return defaultResource().merge(resourceFromAttributes(own)).merge(detectResources({ detectors }))
}

function startTraces(resource: Resource, env: Environment): TracerProvider {
  // What tells where the work of a request is, across its awaits.
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable())
  const exporter = isJson('TRACES', env) ? new JsonTraceExporter() : new ProtobufTraceExporter()
  const batching = readNumbers(env, {
    scheduledDelayMillis: 'OTEL_BSP_SCHEDULE_DELAY',
    exportTimeoutMillis: 'OTEL_BSP_EXPORT_TIMEOUT',
    maxQueueSize: 'OTEL_BSP_MAX_QUEUE_SIZE',
    maxExportBatchSize: 'OTEL_BSP_MAX_EXPORT_BATCH_SIZE',
  })
  const spanProcessors = [new BatchSpanProcessor({ exporter, ...batching })]
  return new TracerProvider({ resource, sampler: readSampler(env), spanProcessors })
}

function startMetrics(counted: Registry, resource: Resource, env: Environment): MeterProvider {
  const exporter = isJson('METRICS', env) ? new JsonMetricExporter() : new ProtobufMetricExporter()
  const times = readNumbers(env, {
    exportIntervalMillis: 'OTEL_METRIC_EXPORT_INTERVAL',
    exportTimeoutMillis: 'OTEL_METRIC_EXPORT_TIMEOUT',
  })
  const metricProducers = [producerOf(counted, resource)]
  return new MeterProvider({
    resource,
    readers: [new PeriodicExportingMetricReader({ exporter, metricProducers, ...times })],
  })
}

/** Protobuf is the default of the specification. */
function isJson(signal: 'TRACES' | 'METRICS', env: Environment): boolean {
  const protocol = env[`OTEL_EXPORTER_OTLP_${signal}_PROTOCOL`] ?? env['OTEL_EXPORTER_OTLP_PROTOCOL']
  return protocol === 'http/json'
}

/** Variables that the SDK leaves to its user; what is no number is left to the SDK. */
function readNumbers<Option extends string>(
  env: Environment,
  names: Readonly<Record<Option, string>>,
): Partial<Record<Option, number>> {
  const read = (Object.entries(names) as [Option, string][]).flatMap(([option, name]) =>
    /^[1-9]\d{0,8}$/.test(env[name] ?? '') ? [[option, Number(env[name])] as const] : [],
  )
  return Object.fromEntries(read) as Partial<Record<Option, number>>
}
