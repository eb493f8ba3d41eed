import { randomBytes } from 'node:crypto'
import type { ServerContext } from '../context.ts'
import { OAuthError } from '../errors.ts'
import { findByDigest } from '../keys/find_by_digest.ts'
import type { Mail } from '../mail.ts'
import type { ConnectionInfo } from '../options.ts'
import { runInBackground } from './background.ts'
import { identifyBrowser } from './browser.ts'
import type { SignedIn } from './completion.ts'
import { checkBudget } from './limits.ts'
import { findOrMakeAccount, mayMakeAccount } from './sign_up.ts'

/** 32 letters and digits that nobody mistakes for one another; 8 of them are 40 bits. */
const ALPHABET = 'ABCDEFGHJKLMNPQRSTUVWXYZ23456789'
const LENGTH = 8
const LIFETIME_SECONDS = 600
const MAX_TRIES = 5

/**
 * Mails a code to an address, for this browser only. A code is made and stored whether the address has an
 * account or not, and nobody waits for what happens then: it is mailed where there is one, or may be one.
 *
 * @throws OAuthError `invalid_request` where no mail can leave, `slow_down`
 */
export async function requestEmailCode(
  context: ServerContext,
  request: Request,
  info: ConnectionInfo,
  email: string,
): Promise<void> {
  const { mailer } = context
  if (mailer === undefined)
    throw new OAuthError('invalid_request', 'This server sends no mail: sign in another way.')
  await checkBudget(context, request, info, 'mail', email)
  const now = context.now()
  const code = newCode()
  const browserId = identifyBrowser(context, request).id
  await context.storage.storeEmailCode(
    {
      browser_digest: context.purposeKeys.mac('digest', browserMessage(browserId)),
      email,
      code_digest: context.purposeKeys.mac('digest', codeMessage(browserId, email, code)),
      expires_at: new Date(now + LIFETIME_SECONDS * 1000),
    },
    new Date(now),
  )
  runInBackground(context, 'mail of an e-mail code', async () => {
    const user = await context.storage.findUserByEmail(email)
    const isWelcome = user === undefined ? mayMakeAccount(context, email) : user.disabled_at === null
    if (isWelcome) await mailer.send(codeMail(context, email, code))
  })
}

/**
 * Signs in by the code that this browser asked for, or makes the account where sign-up allows it.
 *
 * @returns undefined where the code is wrong, used, too old, or was tried too often
 */
export async function findByEmailCode(
  context: ServerContext,
  request: Request,
  input: string,
): Promise<SignedIn | undefined> {
  const browserId = identifyBrowser(context, request).id
  const now = new Date(context.now())
  const known = await findByDigest(context.purposeKeys, browserMessage(browserId), (digest) =>
    context.storage.countEmailCodeTry(digest, MAX_TRIES, now),
  )
  // Anybody can send a code that nobody asked for, so that leaves a line in the log and no record.
  if (known === undefined) {
    context.telemetry.signInTried('email_code', 'failed')
    context.log.info({ reason: 'no_code' }, 'An e-mail code was refused.')
    return undefined
  }
  const { digest, found: stored } = known
  const presented = codeMessage(browserId, stored.email, toCode(input))
  if (!context.purposeKeys.isMac('digest', presented, stored.code_digest))
    return refuse(context, 'wrong_code')
  if (!(await context.storage.consumeEmailCode(digest, stored.code_digest)))
    return refuse(context, 'used_code')
  const user = await findOrMakeAccount(context, stored.email)
  return user === undefined
    ? refuse(context, 'no_account')
    : { user: { id: user.id, email: user.email }, method: 'email_code' }
}

async function refuse(context: ServerContext, reason: string): Promise<undefined> {
  context.telemetry.signInTried('email_code', 'failed')
  await context.audit.record({ type: 'sign_in.failed', detail: { method: 'email_code', reason } })
  return undefined
}

function newCode(): string {
  return [...randomBytes(LENGTH)].map((byte) => ALPHABET[byte & 31]).join('')
}

/** People type small letters, and group what they read. */
function toCode(input: string): string {
  return input.replace(/[\s\p{Pd}]/gu, '').toUpperCase()
}

function browserMessage(browserId: string): string {
  return `browser:${browserId}`
}

function codeMessage(browserId: string, email: string, code: string): string {
  return `email_code:${browserId}:${email}:${code}`
}

function codeMail(context: ServerContext, email: string, code: string): Mail {
  const host = new URL(context.issuer.url).host
  return {
    to: email,
    subject: `Your code for ${host}`,
    text: `Your code to sign in at ${host}:

    ${code.slice(0, 4)}-${code.slice(4)}

Enter it in the browser in which you asked for it, within ten minutes. Give it to nobody: whoever has it signs in
as you. If you did not ask for it, you need not do anything.
`,
  }
}
