import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { createLog } from '../../node/src/log.ts'
import { createSmtpMailer } from '../../node/src/mail.ts'
import { statement } from '../../server/src/storage/database.ts'
import { createBrowser } from '../support/browser.ts'
import { createTestServer, ISSUER, OWNER, type TestServer } from '../support/server.ts'
import { startSmtpServer } from '../support/smtp_server.ts'

/** A log as the program writes it, and what it wrote. */
function recordLog(level: 'info' | 'debug') {
  const lines: string[] = []
  return { log: createLog(level, { write: (line) => void lines.push(line) }), text: () => lines.join('') }
}

describe.each(['info', 'debug'] as const)('no e-mail address gets into the log at %s', (level) => {
  let server: TestServer
  beforeAll(async () => {
    server = await createTestServer()
  })
  afterAll(() => server.close())

  it('where a mail server refuses a person by name', async () => {
    const { host } = await startSmtpServer({ refuseRecipient: (address) => `5.1.1 <${address}>: unknown` })
    const { log, text } = recordLog(level)
    const node = await server.addNode({ mailer: createSmtpMailer(`smtp://${host}`, ISSUER), log })
    const browser = createBrowser(node)
    const page = await browser.open('/password-reset')
    await browser.submit(page, { email: OWNER.email }, '/password-reset')
    await vi.waitUntil(() => text().includes('Failed: mail of a password reset'))
    expect(text()).toContain('550 5.1.1')
    expect(text()).not.toContain(OWNER.email)
  })

  it('where the database quotes a row', async () => {
    const { log, text } = recordLog(level)
    const again = statement(
      'users_again',
      "insert into auth_agent.users (id, email) select id || 'x', email from auth_agent.users",
    )
    const error: unknown = await server.database.database.query(again).catch((thrown: unknown) => thrown)
    expect((error as { detail?: string }).detail).toContain(OWNER.email)
    log.error({ err: error }, 'It failed.')
    log.error({ err: new Error('outer', { cause: error }) }, 'It failed.')
    expect(text()).toContain('"code":"23505"')
    expect(text()).not.toContain(OWNER.email)
  })
})
