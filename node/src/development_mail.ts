import { randomBytes } from 'node:crypto'
import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { DevelopmentInbox, Mail, Mailer } from '@auth-agent/server/mail'
import { z } from 'zod'

/** So many are kept; the oldest go. */
const KEPT = 100

const STORED_MAIL = z.object({ to: z.string(), subject: z.string(), text: z.string(), sentAt: z.number() })

/**
 * Mail for development, which goes nowhere: to the terminal, and into a folder that `/dev/inbox` shows.
 *
 * @param folder where it is kept, for our eyes only
 * @param print writes to the terminal
 * @param secret that opens the inbox
 */
export function createDevelopmentMail(
  folder: string,
  print: (text: string) => void,
  secret: string = randomBytes(32).toString('base64url'),
): { mailer: Mailer; inbox: DevelopmentInbox } {
  return {
    mailer: {
      async send({ to, subject, text }) {
        await keep(folder, { to, subject, text, sentAt: Date.now() })
        const indented = printable(text).trimEnd().replace(/^/gm, '  ')
        print(`\nMail to ${printable(to)}: ${printable(subject)}\n\n${indented}\n`)
      },
    },
    inbox: {
      secret,
      async list() {
        const mails = await Promise.all((await newestFirst(folder)).map((name) => read(join(folder, name))))
        return mails.filter((mail) => mail !== undefined)
      },
    },
  }
}

/** A stranger chose parts of it, such as a client's name: no control character of his reaches the terminal. */
function printable(text: string): string {
  return text.replace(/[^\P{Cc}\n]/gu, '')
}

async function keep(folder: string, mail: Mail & { sentAt: number }): Promise<void> {
  await mkdir(folder, { recursive: true, mode: 0o700 })
  // The name sorts by time; two in one millisecond stay apart.
  const name = `${String(mail.sentAt).padStart(15, '0')}-${randomBytes(4).toString('hex')}`
  await writeFile(join(folder, `${name}.draft`), JSON.stringify(mail, null, 2), { mode: 0o600, flag: 'wx' })
  await rename(join(folder, `${name}.draft`), join(folder, `${name}.json`))
  for (const old of (await newestFirst(folder)).slice(KEPT)) await rm(join(folder, old), { force: true })
}

async function newestFirst(folder: string): Promise<string[]> {
  const names = await readdir(folder).catch(() => [])
  return names
    .filter((name) => name.endsWith('.json'))
    .toSorted()
    .toReversed()
}

async function read(path: string): Promise<(Mail & { sentAt: number }) | undefined> {
  const text = await readFile(path, 'utf8').catch(() => undefined)
  return text === undefined ? undefined : STORED_MAIL.parse(JSON.parse(text))
}
