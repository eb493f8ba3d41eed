import type { Logger } from '@auth-agent/server/log'
import { context, DiagLogLevel, diag } from '@opentelemetry/api'
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks'
import { OTLPTraceExporter as JsonExporter } from '@opentelemetry/exporter-trace-otlp-http'
import { OTLPTraceExporter as ProtobufExporter } from '@opentelemetry/exporter-trace-otlp-proto'
import {
  defaultResource,
  detectResources,
  resourceAttributesEnvDetector,
  resourceFromAttributes,
  serviceNameEnvDetector,
} from '@opentelemetry/resources'
import { BatchSpanProcessor, TracerProvider } from '@opentelemetry/sdk-trace'
import { readSampler } from './sampler.ts'
import { createTracing, type Tracing } from './tracing.ts'

type Environment = Readonly<Record<string, string | undefined>>

/** Spans that leave in the background, and what sends the last of them. */
export interface RunningTracing extends Tracing {
  close(): Promise<void>
}

/**
 * Sends spans to the collector that the standard variables name (OpenTelemetry, "OTLP Exporter Configuration"). Where it
 * cannot be reached, spans are lost and a line says so; no request waits for it.
 */
export function startTracing(env: Environment, worker: number | undefined, log: Logger): RunningTracing {
  diag.setLogger(
    {
      ...silent,
      error: (message) => log.warn({ reason: message.slice(0, 300) }, 'Traces could not be sent.'),
    },
    { logLevel: DiagLogLevel.ERROR, suppressOverrideMessage: true },
  )
  // What tells where the work of a request is, across its awaits.
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable())
  const own = {
    'service.name': 'auth-agent',
    ...(worker !== undefined && { 'service.instance.id': `worker-${worker}` }),
  }
  const resource = defaultResource()
    .merge(resourceFromAttributes(own))
    .merge(detectResources({ detectors: [resourceAttributesEnvDetector, serviceNameEnvDetector] }))
  const exporter = protocolOf(env) === 'http/json' ? new JsonExporter() : new ProtobufExporter()
  const provider = new TracerProvider({
    resource,
    sampler: readSampler(env),
    spanProcessors: [new BatchSpanProcessor({ exporter, ...readBatching(env) })],
  })
  return {
    ...createTracing(provider.getTracer('auth-agent')),
    async close() {
      await provider.shutdown().catch((error: unknown) => log.warn({ err: error }, 'Traces were lost.'))
      context.disable()
      diag.disable()
    },
  }
}

const silent = { error() {}, warn() {}, info() {}, debug() {}, verbose() {} }

/** http/protobuf is the default of the specification. */
function protocolOf(env: Environment): string {
  return env['OTEL_EXPORTER_OTLP_TRACES_PROTOCOL'] ?? env['OTEL_EXPORTER_OTLP_PROTOCOL'] ?? 'http/protobuf'
}

/** The variables of the batch span processor, which the SDK leaves to its user. */
function readBatching(env: Environment): object {
  const read = (name: string) => (/^[1-9]\d{0,8}$/.test(env[name] ?? '') ? Number(env[name]) : undefined)
  const options = {
    scheduledDelayMillis: read('OTEL_BSP_SCHEDULE_DELAY'),
    exportTimeoutMillis: read('OTEL_BSP_EXPORT_TIMEOUT'),
    maxQueueSize: read('OTEL_BSP_MAX_QUEUE_SIZE'),
    maxExportBatchSize: read('OTEL_BSP_MAX_EXPORT_BATCH_SIZE'),
  }
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined))
}
