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

/** A collector of traces on this machine that keeps what it gets. */
export interface OtlpCollector {
  endpoint: string
  spans(): readonly ReceivedSpan[]
  /** Every byte of every body. */
  bodies(): string
  contentTypes(): readonly string[]
  resource(): Readonly<Record<string, unknown>>
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

export async function startOtlpCollector(): Promise<OtlpCollector> {
  const bodies: Buffer[] = []
  const types: string[] = []
  const { port, close } = await listenOnLoopback(() => async (request) => {
    if (request.method === 'POST' && new URL(request.url).pathname === '/v1/traces') {
      bodies.push(Buffer.from(await request.arrayBuffer()))
      types.push(request.headers.get('Content-Type') ?? '')
    }
    return Response.json({})
  })
  onTestFinished(close)
  const payloads = () => bodies.map((body) => JSON.parse(body.toString()) as Payload)
  return {
    endpoint: `http://127.0.0.1:${port}`,
    bodies: () => Buffer.concat(bodies).toString('latin1'),
    contentTypes: () => types,
    resource: () => valuesOf(payloads()[0]?.resourceSpans[0]?.resource.attributes ?? []),
    spans: () =>
      payloads()
        .flatMap(({ resourceSpans }) => resourceSpans.flatMap(({ scopeSpans }) => scopeSpans))
        .flatMap(({ spans }) => spans)
        .map((span) => ({ ...span, attributes: valuesOf(span.attributes) })),
  }
}

function valuesOf(attributes: readonly Attribute[]): Record<string, unknown> {
  return Object.fromEntries(attributes.map(({ key, value }) => [key, Object.values(value)[0]]))
}
