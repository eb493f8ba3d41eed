import type { ServerContext } from '../context.ts'
import { OAuthError } from '../errors.ts'
import { findByDigest } from '../keys/find_by_digest.ts'
import type { Mail } from '../mail.ts'
import type { ConnectionInfo } from '../options.ts'
import { newId, newSecret } from '../random.ts'
import { endAllOfUser } from '../tokens/revocation.ts'
import { proveAddress } from './address_proof.ts'
import { runInBackground } from './background.ts'
import type { SignedIn } from './completion.ts'
import { checkBudget } from './limits.ts'
import { noticeByMail } from './notice_mail.ts'
import { hashPassword } from './password_hash.ts'

const LINK_SECONDS = 3_600

/**
 * Mails a link to choose a new password, if the address has an account. Nobody waits for what depends on that.
 *
 * @throws OAuthError `invalid_request` where no mail can leave, `slow_down`
 */
export async function requestPasswordReset(
  context: ServerContext,
  request: Request,
  info: ConnectionInfo,
  email: string,
): Promise<void> {
  const { mailer } = context
  if (mailer === undefined) {
    throw new OAuthError('invalid_request', 'This server sends no mail: ask its owner for a new invitation.')
  }
  await checkBudget(context, request, info, 'mail', email)
  runInBackground(context, 'mail of a password reset', async () => {
    const token = newSecret()
    const now = context.now()
    const link = {
      token_digest: context.purposeKeys.mac('digest', messageOf(token)),
      email,
      expires_at: new Date(now + LINK_SECONDS * 1000),
    }
    if (await context.storage.createPasswordResetLink(link, new Date(now))) {
      await mailer.send(resetMail(context, email, token))
    }
  })
}

/** The address whose password a link may set; undefined where the link is used or too old. */
export async function findResetAddress(context: ServerContext, token: string): Promise<string | undefined> {
  return (await findLink(context, token, new Date(context.now())))?.found.email
}

/**
 * Sets the password by a link from the mail, which proves the address as well, and ends every session and every grant.
 *
 * @returns undefined where the link is used or too old
 */
export async function resetPassword(
  context: ServerContext,
  { token, password }: { token: string; password: string },
): Promise<SignedIn | undefined> {
  const now = new Date(context.now())
  const link = await findLink(context, token, now)
  const user = link && (await context.storage.findUser(link.found.user_id))
  if (link === undefined || user === undefined) return undefined
  const password_hash = await hashPassword(password, context.stretching)
  await proveAddress(context, user)
  const isFirst = await context.storage.transaction(async (tables) => {
    if (!(await tables.consumePasswordResetLink(link.digest, now))) return false
    await tables.setPassword({ id: newId('crd_'), user_id: user.id, password_hash }, now)
    await tables.endSessionsOfUser(user.id)
    return true
  })
  if (!isFirst) return undefined
  // Who had the password may have let apps in with it.
  await endAllOfUser(context, user.id, 'password_reset')
  await context.audit.record({ type: 'password.changed', user_id: user.id, detail: { by: 'mail' } })
  noticeByMail(context, user.email, 'Your password was changed')
  return { user: { id: user.id, email: user.email }, method: 'password_reset' }
}

function findLink({ purposeKeys, storage }: ServerContext, token: string, now: Date) {
  return findByDigest(purposeKeys, messageOf(token), (digest) => storage.findPasswordResetLink(digest, now))
}

function messageOf(token: string): string {
  return `password_reset:${token}`
}

function resetMail(context: ServerContext, email: string, token: string): Mail {
  const host = new URL(context.issuer.url).host
  return {
    to: email,
    subject: `A new password for ${host}`,
    text: `Choose a new password for ${host}:

${context.issuer.url}/password-reset/new?token=${token}

The link works once, within an hour. If you did not ask for it, you need not do anything.
`,
  }
}
