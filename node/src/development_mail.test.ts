import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { makeFolder } from '../../tests/support/folders.ts'
import { isUnix, itWhere } from '../../tests/support/it_where.ts'
import { createDevelopmentMail } from './development_mail.ts'

async function create() {
  const folder = join(await makeFolder(), 'mail')
  const printed: string[] = []
  return { folder, printed, ...createDevelopmentMail(folder, (text) => void printed.push(text)) }
}

it('prints mail and keeps it, newest first', async () => {
  const { mailer, inbox, printed } = await create()
  for (const subject of ['first', 'second']) {
    await mailer.send({ to: 'a@example.com', subject, text: `${subject} text\nmore` })
    await new Promise((resolve) => setTimeout(resolve, 2))
  }
  expect((await inbox.list()).map(({ to, subject, text }) => ({ to, subject, text }))).toEqual([
    { to: 'a@example.com', subject: 'second', text: 'second text\nmore' },
    { to: 'a@example.com', subject: 'first', text: 'first text\nmore' },
  ])
  expect(printed[0]).toContain('Mail to a@example.com: first\n\n  first text\n  more')
})

it('lets no control character through to the terminal', async () => {
  const { mailer, printed } = await create()
  await mailer.send({
    to: 'a@example.com',
    subject: 'Sign in\u001b[2J',
    text: 'to \u001b]0;x\u0007 App\r\nnow',
  })
  expect(printed[0]).toBe('\nMail to a@example.com: Sign in[2J\n\n  to ]0;x App\n  now\n')
})

it('is empty before the first mail', async () => {
  const { inbox } = await create()
  expect(await inbox.list()).toEqual([])
})

it('keeps a hundred', async () => {
  const { mailer, inbox } = await create()
  for (let n = 0; n < 103; n += 1) await mailer.send({ to: 'a@example.com', subject: `${n}`, text: '' })
  expect(await inbox.list()).toHaveLength(100)
})

itWhere(isUnix)('is for our eyes only, and its secret is new each time', async () => {
  const { folder, mailer, inbox } = await create()
  await mailer.send({ to: 'a@example.com', subject: 'code', text: 'ABCD' })
  expect((await stat(folder)).mode & 0o777).toBe(0o700)
  for (const name of await readdir(folder)) expect((await stat(join(folder, name))).mode & 0o777).toBe(0o600)
  expect(inbox.secret).toMatch(/^[\w-]{43}$/)
  expect((await create()).inbox.secret).not.toBe(inbox.secret)
})
