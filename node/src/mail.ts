import { MailError, type Mailer } from '@auth-agent/server/mail'
import { createTransport } from 'nodemailer'

/** The same on every runtime. */
export { createWebhookMailer } from '@auth-agent/server/mail'

const TIMEOUT_MS = 10_000

/**
 * Sends mail by SMTP.
 *
 * @param url `smtp://` or `smtps://`, with user and password; `?from=` names the sender. Without it the sender is
 *   the user, where that is an address, else `no-reply@` the issuer's host.
 */
export function createSmtpMailer(url: string, issuer: string): Mailer {
  const server = new URL(url)
  const user = decodeURIComponent(server.username)
  const fallback = user.includes('@') ? user : `no-reply@${new URL(issuer).hostname}`
  const from = server.searchParams.get('from') ?? fallback
  server.searchParams.delete('from')
  const transport = createTransport({
    url: server.href,
    connectionTimeout: TIMEOUT_MS,
    greetingTimeout: TIMEOUT_MS,
    socketTimeout: TIMEOUT_MS,
    // A message is data: no part of it names a file or an address to read from.
    disableFileAccess: true,
    disableUrlAccess: true,
  })
  return {
    async send({ to, subject, text }) {
      const message = { from, to: { name: '', address: to }, subject, text }
      await transport.sendMail(message).catch((error: unknown) => {
        throw new MailError(describeFailure(error as SmtpFailure))
      })
    },
  }
}

/** What nodemailer adds to an error. */
interface SmtpFailure {
  /** The kind of failure in nodemailer's words, such as EENVELOPE, and in those of Node, such as ECONNREFUSED. */
  code?: string
  originalCode?: string
  command?: string
  /** What the server said, and the code that it begins with. */
  response?: string
  responseCode?: number
}

/** Of the server's answer only the codes (RFC 5321 §4.2, RFC 3463 §2): its text names the person. */
function describeFailure({ code, originalCode, command, response, responseCode }: SmtpFailure): string {
  if (responseCode === undefined)
    return `The server of SMTP_URL took no mail (${originalCode ?? code ?? 'unknown'}).`
  const [, enhanced] = /^\d{3}[ -]([245]\.\d{1,3}\.\d{1,3})\b/.exec(response ?? '') ?? []
  const codes = [responseCode, enhanced, code].filter((each) => each !== undefined).join(' ')
  return `The server of SMTP_URL refused mail at ${command ?? 'an unknown command'} (${codes}).`
}
