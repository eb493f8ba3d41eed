import type { Mailer } from '@auth-agent/server/mail'
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
      await transport.sendMail({ from, to: { name: '', address: to }, subject, text })
    },
  }
}
