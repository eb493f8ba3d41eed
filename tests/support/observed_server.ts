import { onTestFinished } from 'vitest'
import { listen } from '../../node/src/listen.ts'
import { observe } from '../../node/src/telemetry/observation.ts'
import { silentLog } from '../../server/src/log.ts'
import type { Server } from '../../server/src/server.ts'
import { findFreePort } from './main_process.ts'
import { createTestDatabase } from './postgres.ts'
import { parseScrape, type Scrape } from './prometheus_text.ts'
import { createTestServer, serveDocument, type TestServer } from './server.ts'

/** A server that listens as `npm start` does, and is watched as the environment would have it. */
export interface ObservedServer extends TestServer {
  /** Reads the metrics as Prometheus does. */
  scrape(): Promise<Scrape>
  metricsUrl: string
}

export interface ObservedOptions {
  /** Asked for with the metrics. */
  token?: string
  /** Metrics on the main port, not on one of their own. */
  onMainPort?: boolean
  trustedProxies?: readonly string[]
  otelEndpoint?: string
  otelMetricsEndpoint?: string
}

/** It is closed when the test is over; `close` may be called before. */
export async function startObservedServer(given: ObservedOptions = {}): Promise<ObservedServer> {
  const { token, onMainPort = false, trustedProxies = [], otelEndpoint, otelMetricsEndpoint } = given
  const port = onMainPort ? undefined : await findFreePort()
  const metrics = { host: '127.0.0.1', port, token }
  const observation = await observe({ metrics, workers: 1, otelEndpoint, otelMetricsEndpoint }, silentLog)
  let answer: Server['fetch'] = async () => new Response('Not ready.', { status: 503 })
  const listener = await listen((request, info) => answer(request, info), {
    host: '127.0.0.1',
    port: 0,
    trustedProxies,
    drainMs: 0,
    graceMs: 1_000,
  })
  const issuer = `http://localhost:${listener.port}`
  const database = await createTestDatabase()
  const server: TestServer = await createTestServer(
    {
      issuer,
      telemetry: observation.telemetry,
      mailer: observation.mailer({ send: async (mail) => void server.mails.push(mail) }),
      fetchPublicUrl: observation.fetchPublicUrl(
        async (url) => serveDocument(server.documents, url),
        'client metadata',
      ),
    },
    { database: { ...database, database: observation.database(database.database) } },
  )
  answer = (await observation.server(server.server, database.database)).fetch

  const metricsUrl = `http://localhost:${port ?? listener.port}/metrics`
  const headers: Record<string, string> = token === undefined ? {} : { Authorization: `Bearer ${token}` }
  let closing: Promise<void> | undefined
  const close = () => {
    closing ??= listener.close().then(observation.close).then(server.close)
    return closing
  }
  onTestFinished(close)
  return {
    ...server,
    metricsUrl,
    fetch: (path, init) => fetch(new URL(path, issuer), { redirect: 'manual', ...init }),
    scrape: async () => parseScrape(await (await fetch(metricsUrl, { headers })).text()),
    close,
  }
}
