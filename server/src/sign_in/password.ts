import type { ServerContext } from '../context.ts'
import type { ConnectionInfo } from '../options.ts'
import type { StoredPassword } from '../storage/credentials.ts'
import type { SignedIn } from './completion.ts'
import { checkBudget } from './limits.ts'
import { hashPassword, isBeyondReach, isOutdatedHash, isPassword } from './password_hash.ts'

/**
 * Signs in by password. The same is looked up and derived whether there is an account, whether it has a password,
 * and whether it may sign in; the answer is the same, too.
 *
 * @returns undefined where address and password do not belong together
 * @throws OAuthError `slow_down`
 */
export async function findByPassword(
  context: ServerContext,
  request: Request,
  info: ConnectionInfo,
  { email, password }: { email: string; password: string },
): Promise<SignedIn | undefined> {
  const attempt = await checkBudget(context, request, info, 'password', email)
  const stored = await context.storage.findPasswordByEmail(email)
  const isRight = await isRightPassword(context, stored, password)
  if (stored === undefined || !isRight || !stored.may_sign_in) {
    context.telemetry.signInTried('password', 'failed')
    const reason = reasonOf(context, stored, isRight)
    await context.audit.record({
      type: 'sign_in.failed',
      user_id: stored?.user_id,
      detail: { method: 'password', reason },
    })
    return undefined
  }
  await attempt.forgive()
  await recordUse(context, stored, password)
  return { user: { id: stored.user_id, email: stored.email }, method: 'password' }
}

/**
 * Whether a signed-in person knows his password; counted like a sign-in.
 *
 * @throws OAuthError `slow_down`
 */
export async function isOwnPassword(
  context: ServerContext,
  request: Request,
  info: ConnectionInfo,
  { user, password }: { user: { id: string; email: string }; password: string },
): Promise<boolean> {
  const attempt = await checkBudget(context, request, info, 'password', user.email)
  const stored = await context.storage.findPasswordOfUser(user.id)
  const isRight = await isRightPassword(context, stored, password)
  if (isRight) await attempt.forgive()
  return isRight
}

function isRightPassword(
  { stretching }: ServerContext,
  stored: StoredPassword | undefined,
  password: string,
): Promise<boolean> {
  return isPassword(password, stored?.password_hash, stretching)
}

/** For the operator; the person is told the same of each. */
function reasonOf(
  { stretching, log }: ServerContext,
  stored: StoredPassword | undefined,
  isRight: boolean,
): string {
  if (isBeyondReach(stored?.password_hash, stretching)) {
    log.warn(
      { user_id: stored?.user_id, most: stretching.maxIterations },
      'This password was stretched longer than this platform can check: it has to be set anew, with a link by mail.',
    )
    return 'hash_beyond_reach'
  }
  return isRight && stored?.may_sign_in === false ? 'account_disabled' : 'wrong_password'
}

/** Notes the use, and stretches the password anew where it would be stretched longer today. */
async function recordUse(context: ServerContext, stored: StoredPassword, password: string): Promise<void> {
  const { credential_id: id, password_hash: from } = stored
  if (id === null || from === null) return
  const { stretching, storage } = context
  const to = isOutdatedHash(from, stretching) ? await hashPassword(password, stretching) : from
  await storage.recordPasswordUse({ id, from, to }, new Date(context.now()))
}
