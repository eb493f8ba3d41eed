import { createHash, timingSafeEqual } from 'node:crypto'

const CONTENT_TYPE = 'text/plain; version=0.0.4; charset=utf-8'

/** The numbers of every process that serves, as Prometheus reads them. */
export type ReadMetrics = () => Promise<string>

/**
 * Answers a scrape. With a token, to who presents it only (RFC 6750 §2.1).
 *
 * @param authorization the header of that name
 */
export async function answerMetrics(
  read: ReadMetrics,
  token: string | undefined,
  authorization: string | null,
): Promise<Response> {
  if (token !== undefined && !isBearer(authorization, token)) {
    return new Response('Present METRICS_TOKEN as a bearer token.\n', {
      status: 401,
      headers: { 'WWW-Authenticate': 'Bearer', 'Content-Type': 'text/plain', 'Cache-Control': 'no-store' },
    })
  }
  try {
    return new Response(await read(), {
      headers: { 'Content-Type': CONTENT_TYPE, 'Cache-Control': 'no-store' },
    })
  } catch {
    return new Response('The metrics could not be read.\n', { status: 503, headers: { 'Retry-After': '5' } })
  }
}

/** Compared as digests, of one length and in constant time, so that the answer's time says nothing of the token. */
function isBearer(authorization: string | null, token: string): boolean {
  const [, presented = ''] = /^Bearer +(\S+)$/i.exec(authorization ?? '') ?? []
  return timingSafeEqual(digest(presented), digest(token))
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest()
}
