import type { IncomingHttpHeaders } from 'node:http'
import type { ConnectionInfo } from '@auth-agent/server/options'

/** What proxies make up, and what is safe in a log line, a header and a page. */
const REQUEST_ID = /^[\w.:=+/-]{8,80}$/

/** How a trusted proxy names a request, for its own log and in its trace (W3C Trace Context §3.2). */
export function readProxyNames(
  headers: IncomingHttpHeaders,
): Pick<ConnectionInfo, 'requestId' | 'traceParent'> {
  const requestId = headers['x-request-id']
  const traceParent = headers['traceparent']
  return {
    ...(typeof requestId === 'string' && REQUEST_ID.test(requestId) && { requestId }),
    ...(typeof traceParent === 'string' && { traceParent }),
  }
}
