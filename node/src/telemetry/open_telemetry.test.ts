import { expect, it, vi } from 'vitest'
import { listenOnLoopback } from '../../../tests/support/loopback.ts'
import { startOpenTelemetry } from './open_telemetry.ts'

it('a collector that never answers does not hold up the end, and the log says what is lost', async () => {
  const { port, close } = await listenOnLoopback(() => () => new Promise<Response>(() => {}))
  vi.stubEnv('OTEL_EXPORTER_OTLP_ENDPOINT', `http://127.0.0.1:${port}`)
  const messages: string[] = []
  const note = (_fields: object, message: string) => void messages.push(message)
  const log = { debug: note, info: note, warn: note, error: note }
  const { tracing, close: farewell } = startOpenTelemetry(
    { isTracing: true, counted: undefined },
    process.env,
    undefined,
    log,
  )
  const fetch = tracing?.requests(async () => new Response())
  await fetch?.(new Request('http://localhost/'), { clientAddress: undefined, loopback: true })
  await farewell()
  expect(messages).toContain('What was left for a collector is lost.')
  vi.unstubAllEnvs()
  await close()
})
