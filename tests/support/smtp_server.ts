import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { SMTPServer } from 'smtp-server'
import { onTestFinished } from 'vitest'

/** A message as it came. */
export interface TakenMail {
  from: string
  to: string[]
  /** Who signed in. */
  user: unknown
  source: string
}

/** A mail server on this machine that keeps what it takes. */
export interface TestSmtpServer {
  /** For a URL: its address and port. */
  host: string
  taken: readonly TakenMail[]
}

/**
 * It is closed when the test is over.
 *
 * @param options.refuseData what it says to every message
 * @param options.refuseRecipient what it says to every recipient
 * @param options.beforeRecipient what it waits for before it answers to a recipient
 */
export async function startSmtpServer(
  options: {
    refuseData?: string
    refuseRecipient?: (address: string) => string
    beforeRecipient?: () => Promise<unknown>
  } = {},
): Promise<TestSmtpServer> {
  const taken: TakenMail[] = []
  const server = new SMTPServer({
    authOptional: true,
    disabledCommands: ['STARTTLS'],
    allowInsecureAuth: true,
    onAuth: ({ username }, _session, callback) => callback(null, { user: username }),
    onRcptTo({ address }, _session, callback) {
      const checked = async () => {
        await options.beforeRecipient?.()
        const refusal = options.refuseRecipient?.(address)
        if (refusal !== undefined) throw Object.assign(new Error(refusal), { responseCode: 550 })
      }
      checked().then(() => callback(), callback)
    },
    onData(stream, { envelope, user }, callback) {
      const received = async () => {
        const source = await text(stream)
        if (options.refuseData !== undefined) throw new Error(options.refuseData)
        const from = envelope.mailFrom === false ? '' : envelope.mailFrom.address
        taken.push({ from, to: envelope.rcptTo.map(({ address }) => address), user, source })
      }
      received().then(() => callback(), callback)
    },
  })
  server.on('error', () => {})
  const { port } = await new Promise<AddressInfo>((resolve) => {
    const listening = server.listen(0, '127.0.0.1', () => resolve(listening.address() as AddressInfo))
  })
  onTestFinished(() => new Promise<void>((resolve) => server.close(() => resolve())))
  return { host: `127.0.0.1:${port}`, taken }
}
