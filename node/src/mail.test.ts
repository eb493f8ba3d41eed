import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { inspect } from 'node:util'
import { describe, expect, it, onTestFinished } from 'vitest'
import { findFreePort } from '../../tests/support/loopback.ts'
import { startSmtpServer } from '../../tests/support/smtp_server.ts'
import { createSmtpMailer, createWebhookMailer } from './mail.ts'

const MAIL = {
  to: 'person@example.org',
  subject: 'Your code — für dich',
  text: 'ABCD1234\n\nGood for ten minutes.\n',
}
const ISSUER = 'https://auth.example.com'

describe('mail by SMTP', () => {
  it('arrives, from the sender in the URL', async () => {
    const { host, taken } = await startSmtpServer()
    await createSmtpMailer(`smtp://user:pass%20word@${host}?from=auth@example.com`, ISSUER).send(MAIL)
    expect(taken).toMatchObject([{ from: 'auth@example.com', to: ['person@example.org'], user: 'user' }])
    expect(taken[0]?.source).toContain('ABCD1234')
    expect(taken[0]?.source).toContain('To: person@example.org')
  })

  it.each([
    ['user%40example.com:secret@', 'user@example.com'],
    ['', 'no-reply@auth.example.com'],
  ])('without a sender in the URL of %j comes from %s', async (credentials, from) => {
    const { host, taken } = await startSmtpServer()
    await createSmtpMailer(`smtp://${credentials}${host}`, ISSUER).send(MAIL)
    expect(taken).toMatchObject([{ from }])
  })

  it('rejects when it was not taken', async () => {
    const { host } = await startSmtpServer({ refuseData: 'no room' })
    await expect(createSmtpMailer(`smtp://${host}`, ISSUER).send(MAIL)).rejects.toThrow(
      'The server of SMTP_URL refused mail at DATA (450 EMESSAGE).',
    )
  })

  it('rejects with codes alone, since what the server says names the person', async () => {
    const { host } = await startSmtpServer({ refuseRecipient: (address) => `5.1.1 <${address}>: unknown` })
    const failure: Error = await createSmtpMailer(`smtp://${host}`, ISSUER)
      .send(MAIL)
      .then(
        () => expect.fail('It was taken.'),
        (error) => error,
      )
    expect(failure.message).toBe('The server of SMTP_URL refused mail at RCPT TO (550 5.1.1 EENVELOPE).')
    expect(inspect(failure, { depth: 9, showHidden: true })).not.toContain('person')
  })

  it('rejects with what is in the way, where there is no server', async () => {
    const mailer = createSmtpMailer(`smtp://127.0.0.1:${await findFreePort()}`, ISSUER)
    await expect(mailer.send(MAIL)).rejects.toThrow('The server of SMTP_URL took no mail (ECONNREFUSED).')
  })

  it('goes to one person, whatever the address looks like', async () => {
    const { host, taken } = await startSmtpServer()
    const mailer = createSmtpMailer(`smtp://${host}`, ISSUER)
    await mailer.send({ ...MAIL, to: 'a@example.org, b@example.org' }).catch(() => {})
    await mailer.send({ ...MAIL, subject: 'x\r\nBcc: c@example.org' })
    expect(taken.flatMap(({ to }) => to).filter((to) => to !== 'person@example.org')).not.toContain(
      'b@example.org',
    )
    expect(taken.at(-1)?.source).not.toMatch(/^Bcc:/im)
  })
})

describe('mail by webhook', () => {
  async function startWebhook(status: number) {
    const taken: unknown[] = []
    const server = createServer(async (request, response) => {
      const body: unknown = JSON.parse(await text(request))
      taken.push({ method: request.method, type: request.headers['content-type'], body })
      response.writeHead(status, { location: '/elsewhere' }).end()
    })
    await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve))
    onTestFinished(() => void server.close())
    return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/send`, taken }
  }

  it('is posted as JSON', async () => {
    const { url, taken } = await startWebhook(202)
    await createWebhookMailer(url).send(MAIL)
    expect(taken).toEqual([{ method: 'POST', type: 'application/json', body: MAIL }])
  })

  it.each([400, 500, 302])('rejects on status %i', async (status) => {
    const { url, taken } = await startWebhook(status)
    await expect(createWebhookMailer(url).send(MAIL)).rejects.toThrow()
    expect(taken).toHaveLength(1)
  })

  it('rejects with what is in the way, where nobody answers', async () => {
    const mailer = createWebhookMailer(`http://127.0.0.1:${await findFreePort()}/token-of-the-operator`)
    const failure: Error = await mailer.send(MAIL).then(
      () => expect.fail('It was taken.'),
      (error) => error,
    )
    expect(failure.message).toBe('EMAIL_WEBHOOK_URL was not reached (ECONNREFUSED).')
    expect(inspect(failure, { depth: 9, showHidden: true })).not.toMatch(/person|token/)
  })
})
