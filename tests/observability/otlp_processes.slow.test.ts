import { beforeAll, expect, it, onTestFinished } from 'vitest'
import { main as build } from '../../scripts/build.ts'
import { findFreePort, runMain } from '../support/main_process.ts'
import { type OtlpCollector, startOtlpCollector } from '../support/otlp_collector.ts'
import { createTestDatabase } from '../support/postgres.ts'

beforeAll(() => build())

/** Starts two workers and their supervisor, and stops them, with which each sends what it has counted. */
async function runOnce(collector: OtlpCollector, env: Record<string, string> = {}) {
  const database = await createTestDatabase()
  onTestFinished(database.drop)
  const program = runMain({
    WORKERS: '2',
    PORT: String(await findFreePort()),
    DATABASE_URL: database.url,
    AUTH_AGENT_SECRET: 'a server secret of 32 bytes or more for tests',
    OTEL_EXPORTER_OTLP_ENDPOINT: collector.endpoint,
    OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json',
    ...env,
  })
  await program.started()
  program.child.kill('SIGTERM')
  expect(await program.ended).toBe(0)
}

it('each process is an instance of its own, after a restart as well', async () => {
  const collector = await startOtlpCollector()
  await runOnce(collector)
  await runOnce(collector)
  const senders = collector.senders()
  const instances = senders.map((sender) => String(sender['service.instance.id']))
  expect(new Set(instances).size).toBe(6)
  for (const instance of instances) expect(instance).toMatch(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/)
  const workers = senders.flatMap((sender) => sender['auth_agent.worker'] ?? [])
  expect(workers.toSorted()).toEqual([1, 1, 2, 2])
})

it('what the operator calls it counts for more', async () => {
  const collector = await startOtlpCollector()
  await runOnce(collector, { OTEL_RESOURCE_ATTRIBUTES: 'service.instance.id=node-7' })
  expect(new Set(collector.senders().map((sender) => sender['service.instance.id']))).toEqual(
    new Set(['node-7']),
  )
})
