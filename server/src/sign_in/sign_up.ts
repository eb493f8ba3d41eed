import type { ServerContext } from '../context.ts'
import { newId } from '../random.ts'
import type { StoredUser } from '../storage/users.ts'
import { proveAddress } from './address_proof.ts'

/** Whether a stranger with this address may make an account, once he has proved that it is his. */
export function mayMakeAccount(context: ServerContext, email: string): boolean {
  const { signUp } = context.settings
  if (signUp === 'closed') return false
  return signUp === 'open' || signUp.includes(email.slice(email.lastIndexOf('@') + 1))
}

/**
 * The account of somebody who has just proved that an address is his: his own, a new one where sign-up
 * allows it, undefined where it does not or the account was disabled.
 */
export async function findOrMakeAccount(
  context: ServerContext,
  email: string,
  by: 'mail' | 'upstream' = 'mail',
): Promise<StoredUser | undefined> {
  const existing = await context.storage.findUserByEmail(email)
  if (existing !== undefined) {
    if (existing.disabled_at !== null) return undefined
    await proveAddress(context, existing, by)
    return existing
  }
  if (!mayMakeAccount(context, email)) return undefined
  const id = newId('usr_')
  const now = new Date(context.now())
  const isNew = await context.storage.createUser({ id, email, email_verified_by: by }, now)
  if (isNew) await context.audit.record({ type: 'account.created', user_id: id, detail: { by: 'sign_up' } })
  return context.storage.findUserByEmail(email)
}
