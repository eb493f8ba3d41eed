/** A message to one person. Plain text: what it says must be readable in every mail program. */
export interface Mail {
  to: string
  subject: string
  text: string
}

/** How mail leaves: SMTP, a webhook, or the development inbox. Rejects when the message was not accepted. */
export interface Mailer {
  send(mail: Mail): Promise<void>
}

/** Mail that was kept on this machine instead of sent, newest first. */
export interface DevelopmentInbox {
  /** What the terminal printed; whoever reads the inbox presents it. */
  secret: string
  list(): Promise<readonly (Mail & { sentAt: number })[]>
}

/**
 * A message was not accepted. It says so in codes alone, and has no cause: a mail server's own words name the person
 * (`550 5.1.1 <person@example.org>: unknown`), and no address gets into the log.
 */
export class MailError extends Error {}

const WEBHOOK_TIMEOUT_MS = 10_000

/** Hands mail to a program of the operator's: POST of `{"to", "subject", "text"}`; any status from 200 to 299 accepts it. */
export function createWebhookMailer(url: string): Mailer {
  return {
    async send({ to, subject, text }) {
      const response = await fetch(url, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ to, subject, text }),
        // Workers know no 'error' here; a redirect is no acceptance either way.
        redirect: 'manual',
        signal: AbortSignal.timeout(WEBHOOK_TIMEOUT_MS),
      }).catch((error: unknown) => {
        throw new MailError(`EMAIL_WEBHOOK_URL was not reached (${codeOf(error)}).`)
      })
      await response.body?.cancel()
      if (!response.ok) throw new MailError(`EMAIL_WEBHOOK_URL answered with status ${response.status}.`)
    },
  }
}

/** Such as ECONNREFUSED, or TimeoutError. */
function codeOf(error: unknown): string {
  if (!(error instanceof Error)) return 'unknown'
  const { code } = (error.cause ?? error) as { code?: unknown }
  return typeof code === 'string' ? code : error.name
}
