import type { ServerContext } from '../context.ts'
import { OAuthError } from '../errors.ts'
import type { Form } from '../http/form.ts'
import { withHeaders } from '../http/see_other.ts'
import type { ConnectionInfo } from '../options.ts'
import { newId } from '../random.ts'
import { noticeByMail } from '../sign_in/notice_mail.ts'
import { isOwnPassword } from '../sign_in/password.ts'
import { hashPassword } from '../sign_in/password_hash.ts'
import { findPasswordFault } from '../sign_in/password_policy.ts'
import { isFresh, type Session } from '../sign_in/session.ts'
import { act, renderAccount } from './account.ts'

/** POST /account/password: changes the password, or sets the first one, and signs out every other browser. */
export async function changeAccountPassword(
  context: ServerContext,
  request: Request,
  info: ConnectionInfo,
): Promise<Response> {
  return act(context, request, 'password_changed', async (session, form) => {
    try {
      await checkOwner(context, request, info, session, form.get('current_password'))
      await changePassword(context, session, form)
      return undefined
    } catch (error) {
      if (!(error instanceof OAuthError) || error.status >= 500) throw error
      const page = await renderAccount(context, request, session, {
        status: error.status,
        error: error.description,
      })
      return withHeaders(page, error.headers)
    }
  })
}

/** The session alone is not enough: whoever found the browser unlocked has it, too. */
async function checkOwner(
  context: ServerContext,
  request: Request,
  info: ConnectionInfo,
  session: Session,
  current: string | undefined,
): Promise<void> {
  const stored = await context.storage.findPasswordOfUser(session.user.id)
  if (stored?.password_hash) {
    const { user } = session
    if (current === undefined) throw new OAuthError('invalid_request', 'Enter your current password, too.')
    if (await isOwnPassword(context, request, info, { user, password: current })) return
    throw new OAuthError('access_denied', 'This is not your current password.', { status: 400 })
  }
  if (isFresh(session, context.now())) return
  throw new OAuthError('login_required', 'To set a password, sign out and in again first.', { status: 403 })
}

async function changePassword(context: ServerContext, session: Session, form: Form): Promise<void> {
  const { id: user_id, email } = session.user
  const password = form.get('new_password') ?? ''
  const fault = findPasswordFault(password, email)
  if (fault !== undefined) throw new OAuthError('invalid_request', fault)
  const password_hash = await hashPassword(password, context.stretching)
  await context.storage.transaction(async (tables) => {
    const now = new Date(context.now())
    await tables.setPassword({ id: newId('crd_'), user_id, password_hash }, now)
    await tables.voidPasswordResetLinks(user_id, now)
    await tables.endSessionsOfUser(user_id, session.digest)
  })
  await context.audit.record({ type: 'password.changed', user_id, detail: { by: 'owner' } })
  noticeByMail(context, email, 'Your password was changed')
}
