import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { SMTPServer } from 'smtp-server'
import { describe, expect, it, onTestFinished } from 'vitest'
import { createSmtpMailer, createWebhookMailer } from './mail.ts'

const MAIL = {
  to: 'person@example.org',
  subject: 'Your code — für dich',
  text: 'ABCD1234\n\nGood for ten minutes.\n',
}
const ISSUER = 'https://auth.example.com'

/** A mail server that keeps what it takes. */
async function startSmtp(options: { refuse?: boolean } = {}) {
  const taken: { from: string; to: string[]; user: unknown; source: string }[] = []
  const server = new SMTPServer({
    authOptional: true,
    disabledCommands: ['STARTTLS'],
    allowInsecureAuth: true,
    onAuth: ({ username }, _session, callback) => callback(null, { user: username }),
    onData(stream, { envelope, user }, callback) {
      text(stream).then((source) => {
        if (options.refuse) return callback(new Error('no room'))
        const from = envelope.mailFrom === false ? '' : envelope.mailFrom.address
        taken.push({ from, to: envelope.rcptTo.map(({ address }) => address), user, source })
        callback()
      }, callback)
    },
  })
  const { port } = await new Promise<AddressInfo>((resolve) => {
    const listening = server.listen(0, '127.0.0.1', () => resolve(listening.address() as AddressInfo))
  })
  onTestFinished(() => new Promise<void>((resolve) => server.close(() => resolve())))
  return { host: `127.0.0.1:${port}`, taken }
}

describe('mail by SMTP', () => {
  it('arrives, from the sender in the URL', async () => {
    const { host, taken } = await startSmtp()
    await createSmtpMailer(`smtp://user:pass%20word@${host}?from=auth@example.com`, ISSUER).send(MAIL)
    expect(taken).toMatchObject([{ from: 'auth@example.com', to: ['person@example.org'], user: 'user' }])
    expect(taken[0]?.source).toContain('ABCD1234')
    expect(taken[0]?.source).toContain('To: person@example.org')
  })

  it.each([
    ['user%40example.com:secret@', 'user@example.com'],
    ['', 'no-reply@auth.example.com'],
  ])('without a sender in the URL of %j comes from %s', async (credentials, from) => {
    const { host, taken } = await startSmtp()
    await createSmtpMailer(`smtp://${credentials}${host}`, ISSUER).send(MAIL)
    expect(taken).toMatchObject([{ from }])
  })

  it('rejects when it was not taken', async () => {
    const { host } = await startSmtp({ refuse: true })
    await expect(createSmtpMailer(`smtp://${host}`, ISSUER).send(MAIL)).rejects.toThrow('no room')
  })

  it('goes to one person, whatever the address looks like', async () => {
    const { host, taken } = await startSmtp()
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
})
