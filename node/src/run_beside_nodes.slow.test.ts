import { beforeAll, expect, it, onTestFinished, vi } from 'vitest'
import { main as build } from '../../scripts/build.ts'
import { findFreePort, runMain } from '../../tests/support/main_process.ts'
import { startOtlpCollector } from '../../tests/support/otlp_collector.ts'
import { createTestDatabase } from '../../tests/support/postgres.ts'

vi.setConfig({ testTimeout: 90_000 })

beforeAll(() => build())

it.each([
  ['rotate-signing-keys', '--immediately'],
  ['rotate-purpose-key', 'digest'],
])('%s runs beside a node, in its environment, and is not observed as one', async (...command) => {
  const { url, drop } = await createTestDatabase()
  onTestFinished(drop)
  const collector = await startOtlpCollector()
  const metricsPort = await findFreePort()
  const env = {
    PORT: String(await findFreePort()),
    DATABASE_URL: url,
    AUTH_AGENT_SECRET: 'a server secret of 32 bytes or more for tests',
    METRICS_PORT: String(metricsPort),
    OTEL_EXPORTER_OTLP_ENDPOINT: collector.endpoint,
    OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json',
  }
  await runMain(env).started()
  const program = runMain(env, command)
  expect([await program.ended, program.stderr()]).toEqual([0, ''])
  expect(program.stdout()).toMatch(/^(New signing keys are published|There is a new key of digest); /)
  expect(collector.senders()).toEqual([])
  expect((await fetch(`http://localhost:${metricsPort}/metrics`)).status).toBe(200)
})
