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
