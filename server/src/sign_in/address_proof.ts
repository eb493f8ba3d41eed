import type { ServerContext } from '../context.ts'
import type { StoredUser } from '../storage/users.ts'
import { endAllOfUser } from '../tokens/revocation.ts'

/**
 * Takes note that a person reads the mail of an address, or that the provider which gives it out says that it is his. The first time, every credential that was set before, every
 * session and every grant ends: whoever made the account without that proof may have been somebody else, who
 * waited for the owner of the address. What the operator set stays.
 *
 * The proof itself is noted last, so that a crash on the way has it done again.
 */
export async function proveAddress(
  context: ServerContext,
  user: Pick<StoredUser, 'id' | 'email_verified_by'>,
  by: 'mail' | 'upstream' = 'mail',
): Promise<void> {
  if (user.email_verified_by !== null && user.email_verified_by !== 'administrator') return
  await context.storage.transaction(async (tables) => {
    await tables.removeCredentials(user.id)
    await tables.endSessionsOfUser(user.id)
  })
  await endAllOfUser(context, user.id, 'password_reset')
  await context.storage.recordAddressProof(user.id, by, new Date(context.now()))
  await context.audit.record({ type: 'address.proved', user_id: user.id, detail: { by } })
}
