import type { ServerContext } from '../context.ts'
import type { StoredIdentity } from '../storage/identities.ts'

/** What names a connected account in a form of its person. An issuer has no space in it. */
export function identityId({ issuer, subject }: Pick<StoredIdentity, 'issuer' | 'subject'>): string {
  return `${issuer} ${subject}`
}

/**
 * Whether somebody could not sign in any more without this. Where mail can leave, a code is always a way.
 *
 * @param id of a passkey, or {@link identityId} of a connected account
 */
export async function isOnlyWayIn(
  { mailer, storage, upstream }: ServerContext,
  userId: string,
  id: string,
): Promise<boolean> {
  if (mailer !== undefined) return false
  const [password, passkeys, identities] = await Promise.all([
    storage.findPasswordOfUser(userId),
    storage.listPasskeys(userId),
    storage.listIdentities(userId),
  ])
  const ways = [
    ...(password?.password_hash ? ['password'] : []),
    ...passkeys.map((passkey) => passkey.id),
    // An account at a provider that is not configured any more opens nothing.
    ...identities.filter(({ issuer }) => issuer === upstream?.issuer).map(identityId),
  ]
  return ways.length > 0 && ways.every((way) => way === id)
}
