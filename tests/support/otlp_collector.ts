import { onTestFinished } from 'vitest'
import { listenOnLoopback } from './loopback.ts'

/** A span as it came (OTLP/HTTP with JSON). */
export interface ReceivedSpan {
  name: string
  traceId: string
  spanId: string
  parentSpanId: string | undefined
  attributes: Readonly<Record<string, unknown>>
}

/** A metric as it came: its kind and its points. */
export interface ReceivedMetric {
  name: string
  unit: string
  kind: 'sum' | 'gauge' | 'histogram'
  points: readonly (Readonly<Record<string, unknown>> & { attributes: Readonly<Record<string, unknown>> })[]
}

/** A collector on this machine that keeps what it gets. */
export interface OtlpCollector {
  endpoint: string
  spans(): readonly ReceivedSpan[]
  /** Of the last body with metrics. */
  metrics(): readonly ReceivedMetric[]
  /** Every byte of every body with traces. */
  bodies(): string
  contentTypes(): readonly string[]
  /** Who sent the first body with traces. */
  resource(): Readonly<Record<string, unknown>>
  /** Who sent metrics, one for each body. */
  senders(): readonly Readonly<Record<string, unknown>>[]
}

interface Attribute {
  key: string
  value: Record<string, unknown>
}
interface Payload {
  resourceSpans: {
    resource: { attributes: Attribute[] }
    scopeSpans: { spans: (Omit<ReceivedSpan, 'attributes'> & { attributes: Attribute[] })[] }[]
  }[]
}

interface MetricPoint {
  attributes: Attribute[]
}
type Metric = { name: string; unit: string } & Partial<
  Record<ReceivedMetric['kind'], { dataPoints: MetricPoint[] }>
>
interface MetricsPayload {
  resourceMetrics: { resource: { attributes: Attribute[] }; scopeMetrics: { metrics: Metric[] }[] }[]
}

export async function startOtlpCollector(): Promise<OtlpCollector> {
  const bodies: Buffer[] = []
  const types: string[] = []
  const metricBodies: string[] = []
  const { port, close } = await listenOnLoopback(() => async (request) => {
    if (request.method === 'POST' && new URL(request.url).pathname === '/v1/traces') {
      bodies.push(Buffer.from(await request.arrayBuffer()))
      types.push(request.headers.get('Content-Type') ?? '')
    }
    if (new URL(request.url).pathname === '/v1/metrics') metricBodies.push(await request.text())
    return Response.json({})
  })
  onTestFinished(close)
  const payloads = () => bodies.map((body) => JSON.parse(body.toString()) as Payload)
  return {
    endpoint: `http://127.0.0.1:${port}`,
    bodies: () => Buffer.concat(bodies).toString('latin1'),
    contentTypes: () => types,
    resource: () => valuesOf(payloads()[0]?.resourceSpans[0]?.resource.attributes ?? []),
    senders: () =>
      metricBodies
        .flatMap((body) => (JSON.parse(body) as MetricsPayload).resourceMetrics)
        .map(({ resource }) => valuesOf(resource.attributes)),
    metrics: () => metricsOf(JSON.parse(metricBodies.at(-1) ?? '{"resourceMetrics":[]}') as MetricsPayload),
    spans: () =>
      payloads()
        .flatMap(({ resourceSpans }) => resourceSpans.flatMap(({ scopeSpans }) => scopeSpans))
        .flatMap(({ spans }) => spans)
        .map((span) => ({ ...span, attributes: valuesOf(span.attributes) })),
  }
}

function metricsOf({ resourceMetrics }: MetricsPayload): ReceivedMetric[] {
  const metrics = resourceMetrics
    .flatMap(({ scopeMetrics }) => scopeMetrics)
    .flatMap(({ metrics }) => metrics)
  return metrics.flatMap(({ name, unit, ...kinds }) =>
    (['sum', 'gauge', 'histogram'] as const).flatMap((kind) => {
      const points = kinds[kind]?.dataPoints
      if (points === undefined) return []
      return [
        {
          name,
          unit,
          kind,
          points: points.map((point) => ({ ...point, attributes: valuesOf(point.attributes) })),
        },
      ]
    }),
  )
}

function valuesOf(attributes: readonly Attribute[]): Record<string, unknown> {
  return Object.fromEntries(attributes.map(({ key, value }) => [key, Object.values(value)[0]]))
}
