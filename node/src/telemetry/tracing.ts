import type { Mailer } from '@auth-agent/server/mail'
import type { ConnectionInfo } from '@auth-agent/server/options'
import type { FetchPublicUrl } from '@auth-agent/server/public_fetch'
import type { AnsweredRequest } from '@auth-agent/server/telemetry'
import {
  type Context,
  context,
  ROOT_CONTEXT,
  type Span,
  SpanKind,
  SpanStatusCode,
  TraceFlags,
  type Tracer,
  trace,
} from '@opentelemetry/api'
import type { StatementWatch } from './observed_database.ts'

type Fetch = (request: Request, info: ConnectionInfo) => Response | Promise<Response>

/** Whose URLs are fetched. */
export type Fetched = 'client metadata' | 'upstream provider'

/** Spans around the parts of a server. Their names and attributes are words of our own code, hosts, and numbers; nothing that somebody sent. */
export interface Tracing {
  requests(fetch: Fetch): Fetch
  requestAnswered(request: AnsweredRequest): void
  statements: StatementWatch
  /** Of counters in a Redis. */
  counterStatements: StatementWatch
  fetchPublicUrl(fetch: FetchPublicUrl, what: Fetched): FetchPublicUrl
  mailer(mailer: Mailer): Mailer
}

export function createTracing(tracer: Tracer): Tracing {
  return {
    requests: (fetch) => (request, info) => {
      const span = tracer.startSpan(
        request.method,
        { kind: SpanKind.SERVER, attributes: { 'http.request.method': request.method } },
        parentOf(info.traceParent),
      )
      return context.with(trace.setSpan(ROOT_CONTEXT, span), () =>
        untilSettled(span, async () => {
          const response = await fetch(request, info)
          span.setAttribute('http.response.status_code', response.status)
          if (response.status >= 500) span.setStatus({ code: SpanStatusCode.ERROR })
          return response
        }),
      )
    },
    requestAnswered({ route, method, refusedWith }) {
      const span = trace.getActiveSpan()
      span?.updateName(`${method} ${route}`)
      span?.setAttribute('http.route', route)
      if (refusedWith !== undefined) span?.setAttribute('error.type', refusedWith)
    },
    statements: watchStatements(tracer, 'postgresql'),
    counterStatements: watchStatements(tracer, 'redis'),
    fetchPublicUrl: (fetch, what) => (url, limits, request) => {
      if (!isTraced()) return fetch(url, limits, request)
      const { method = 'GET' } = request ?? {}
      const attributes = { 'http.request.method': method, 'server.address': url.hostname }
      const span = tracer.startSpan(`${method} ${what}`, { kind: SpanKind.CLIENT, attributes })
      return untilSettled(span, () => fetch(url, limits, request))
    },
    mailer: (mailer) => ({
      send(mail) {
        if (!isTraced()) return mailer.send(mail)
        const span = tracer.startSpan('send mail', { kind: SpanKind.CLIENT })
        return untilSettled(span, () => mailer.send(mail))
      },
    }),
  }
}

function watchStatements(tracer: Tracer, system: 'postgresql' | 'redis'): StatementWatch {
  return (statement) => {
    if (!isTraced()) return () => {}
    const attributes = { 'db.system.name': system, 'db.query.summary': statement }
    const span = tracer.startSpan(statement, { kind: SpanKind.CLIENT, attributes })
    return (failure) => endSpan(span, failure)
  }
}

/** Work outside of a request, such as maintenance, has no trace to belong to; what is done after the answer has. */
function isTraced(): boolean {
  const flags = trace.getActiveSpan()?.spanContext().traceFlags ?? TraceFlags.NONE
  return (flags & TraceFlags.SAMPLED) !== 0
}

async function untilSettled<Result>(span: Span, work: () => Promise<Result>): Promise<Result> {
  try {
    const result = await work()
    span.end()
    return result
  } catch (error) {
    endSpan(span, error)
    throw error
  }
}

/** The kind of a failure, not its message: a driver's may quote values. */
function endSpan(span: Span, failure: unknown): void {
  if (failure !== undefined) {
    span.setStatus({ code: SpanStatusCode.ERROR })
    span.setAttribute('error.type', failure instanceof Error ? failure.name : 'unknown')
  }
  span.end()
}

const TRACE_PARENT = /^00-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})$/

/** Where a trusted proxy was (W3C Trace Context §3.2); a trace of its own begins without. */
function parentOf(traceParent: string | undefined): Context {
  const [, traceId, spanId, flags] = TRACE_PARENT.exec(traceParent ?? '') ?? []
  if (traceId === undefined || spanId === undefined || flags === undefined) return ROOT_CONTEXT
  const traceFlags = Number.parseInt(flags, 16) & TraceFlags.SAMPLED
  return trace.setSpanContext(ROOT_CONTEXT, { traceId, spanId, traceFlags, isRemote: true })
}
