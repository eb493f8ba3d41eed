import { Agent } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest'
import { main as build } from '../../scripts/build.ts'
import { createBrowser } from '../../tests/support/browser.ts'
import { environmentOf } from '../../tests/support/cluster.ts'
import { findFreePort, runMain } from '../../tests/support/main_process.ts'
import { createTestDatabase } from '../../tests/support/postgres.ts'
import { createRemoteServer } from '../../tests/support/remote_server.ts'
import { OWNER } from '../../tests/support/server.ts'
import { startSmtpServer } from '../../tests/support/smtp_server.ts'

vi.setConfig({ testTimeout: 90_000 })

beforeAll(() => build())

/** Starts the program, asks for a new password, and returns while the mail is on its way. */
async function start(workers: string) {
  const asked = Promise.withResolvers<void>()
  const gate = Promise.withResolvers<void>()
  const beforeRecipient = () => {
    asked.resolve()
    return gate.promise
  }
  const { host, taken } = await startSmtpServer({ beforeRecipient })
  onTestFinished(() => gate.resolve())
  const database = await createTestDatabase()
  onTestFinished(database.drop)
  const port = await findFreePort()
  const issuer = `http://localhost:${port}`
  const env = environmentOf(port, issuer, database.url)
  const program = runMain({ ...env, WORKERS: workers, SMTP_URL: `smtp://${host}?from=auth@example.com` })
  await program.started()
  const agent = new Agent()
  const browser = createBrowser(createRemoteServer(issuer, { port, agent }))
  const page = await browser.open('/password-reset')
  expect((await browser.submit(page, { email: OWNER.email }, '/password-reset')).status).toBe(200)
  agent.destroy()
  await asked.promise
  return { program, taken, release: gate.resolve }
}

describe.each(['1', '2'])(
  'with WORKERS=%s, mail that is on its way when the process is told to stop',
  (workers) => {
    it('still leaves', async () => {
      const { program, taken, release } = await start(workers)
      program.child.kill('SIGTERM')
      // Long after the last connection has gone.
      expect(await Promise.race([program.ended, sleep(1_500, 'waiting')])).toBe('waiting')
      release()
      expect(await program.ended).toBe(0)
      expect(taken).toMatchObject([{ to: [OWNER.email] }])
      expect(program.stderr()).not.toContain('cut off')
    })

    it('does not hold it up for ever, and the log says that it was lost', async () => {
      const { program, taken } = await start(workers)
      program.child.kill('SIGTERM')
      expect(await program.ended).toBe(0)
      expect(taken).toEqual([])
      const lines = program
        .stderr()
        .split('\n')
        .filter((line) => line.includes('cut off'))
      expect(lines.map((line) => JSON.parse(line))).toMatchObject([{ level: 'error', left: 1 }])
    })
  },
)
