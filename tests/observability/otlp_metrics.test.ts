import { afterEach, expect, it, vi } from 'vitest'
import { startObservedServer } from '../support/observed_server.ts'
import { startOtlpCollector } from '../support/otlp_collector.ts'

afterEach(() => void vi.unstubAllEnvs())

it('the numbers of /metrics go to a collector as well', async () => {
  const collector = await startOtlpCollector()
  vi.stubEnv('OTEL_EXPORTER_OTLP_ENDPOINT', collector.endpoint)
  vi.stubEnv('OTEL_EXPORTER_OTLP_PROTOCOL', 'http/json')
  const server = await startObservedServer({ otelMetricsEndpoint: collector.endpoint })
  for (let n = 0; n < 3; n += 1) await server.fetch('/health')
  await server.fetch('/token', { method: 'POST' })
  const { sum, types } = await server.scrape()
  // What is left goes at the end.
  await server.close()

  const metrics = new Map(collector.metrics().map((metric) => [metric.name, metric]))
  expect([...types.keys()].filter((name) => !metrics.has(name))).toEqual([])
  const durations = metrics.get('auth_agent_request_duration_seconds')
  expect(durations).toMatchObject({ kind: 'histogram', unit: 's' })
  const health = durations?.points.find(({ attributes }) => attributes['route'] === '/health')
  expect(health?.attributes).toEqual({ route: '/health', method: 'GET', status: '2xx' })
  expect(Number(health?.['count'])).toBe(
    sum('auth_agent_request_duration_seconds_count', { route: '/health' }),
  )
  const bounds = health?.['explicitBounds'] as number[]
  const counts = [health?.['bucketCounts'] ?? []].flat().map(Number)
  expect(counts.length).toBe(bounds.length + 1)
  expect(counts.reduce((all, count) => all + count)).toBe(3)
  expect(bounds.toSorted((a, b) => a - b)).toEqual(bounds)
  expect(bounds[0]).toBeGreaterThan(0)
  const refusals = metrics.get('auth_agent_refusals_total')
  expect(refusals).toMatchObject({ kind: 'sum' })
  expect(refusals?.points[0]).toMatchObject({ attributes: { route: '/token', error: 'invalid_request' } })
  expect(metrics.get('process_resident_memory_bytes')).toMatchObject({ kind: 'gauge', unit: 'By' })
})
