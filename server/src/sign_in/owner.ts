import type { ServerContext } from '../context.ts'
import { newId, newSecret } from '../random.ts'
import type { Tables } from '../storage/storage.ts'
import type { SignedIn } from './completion.ts'
import { emailAddressSchema } from './email_address.ts'
import { hashPassword, isPassword } from './password_hash.ts'
import { findPasswordFault } from './password_policy.ts'

/** The organisation that is there from the first migration on. */
const ROOT = 'org_root'
const SETUP_LINK_SECONDS = 3_600

/**
 * Makes the owner that the environment names, with that password. Nothing is written where all of it is so already.
 *
 * @throws Error with one sentence for the operator, where the address is none, or the password is weak and the issuer public
 */
export async function ensureOwner(
  context: ServerContext,
  { email, password }: { email: string; password: string },
): Promise<void> {
  const address = emailAddressSchema.safeParse(email).data
  if (address === undefined) {
    throw new Error('AUTH_AGENT_OWNER_EMAIL is no e-mail address: give one such as owner@example.com.')
  }
  const fault = findPasswordFault(password, address)
  if (fault !== undefined) {
    // On a laptop the operator may take the risk, knowingly; a server that others can reach does not start with it.
    if (!context.issuer.isLoopback) throw new Error(`AUTH_AGENT_OWNER_PASSWORD will not do: ${fault}`)
    context.log.warn({}, `AUTH_AGENT_OWNER_PASSWORD would not do for others: ${fault}`)
  }

  const stored = await context.storage.findPasswordByEmail(address)
  const membership = stored && (await context.storage.findMembership(ROOT, stored.user_id))
  const isSet = stored?.may_sign_in && (await isPassword(password, stored.password_hash, context.stretching))
  if (isSet && membership?.role === 'owner') return

  const password_hash = await hashPassword(password, context.stretching)
  const owner = await context.storage.transaction((tables) =>
    makeOwner(context, tables, address, password_hash),
  )
  await context.audit.record({ type: 'owner.created', user_id: owner.id, detail: { by: 'environment' } })
}

/**
 * Makes a link that lets its first visitor become the owner; for the terminal only.
 *
 * @returns undefined once there is an owner
 */
export async function createSetupLink(context: ServerContext): Promise<string | undefined> {
  const token = newSecret()
  const now = context.now()
  const expires_at = new Date(now + SETUP_LINK_SECONDS * 1000)
  const link = { token_digest: setupDigest(context, token), expires_at }
  const created = await context.storage.createOwnerSetupLink(link, new Date(now))
  return created ? `${context.issuer.url}/setup?token=${token}` : undefined
}

/** Whether a setup link is good: unused, an hour old at most, and there is no owner yet. */
export async function isSetupLink(context: ServerContext, token: string): Promise<boolean> {
  const isLink = await context.storage.isOwnerSetupLink(setupDigest(context, token), new Date(context.now()))
  return isLink && !(await context.storage.hasOwner(ROOT))
}

/**
 * Uses a setup link. However many visitors come at once, and with however many links, one becomes the owner.
 *
 * @returns undefined where the link is used, too old, or too late
 */
export async function becomeOwner(
  context: ServerContext,
  { token, email, password }: { token: string; email: string; password: string },
): Promise<SignedIn | undefined> {
  const password_hash = await hashPassword(password, context.stretching)
  const owner = await context.storage.transaction(async (tables) => {
    await tables.lockOrganization(ROOT)
    if (await tables.hasOwner(ROOT)) return undefined
    const isFirst = await tables.consumeOwnerSetupLink(setupDigest(context, token), new Date(context.now()))
    return isFirst ? makeOwner(context, tables, email, password_hash) : undefined
  })
  if (owner === undefined) return undefined
  await context.audit.record({ type: 'owner.created', user_id: owner.id, detail: { by: 'setup_link' } })
  return { user: owner, method: 'setup_link' }
}

/**
 * The operator vouches for the address, as good as mail would. Of an account that was there before nothing stays
 * by which somebody else could sign in.
 */
async function makeOwner(
  context: ServerContext,
  tables: Tables,
  email: string,
  password_hash: string,
): Promise<{ id: string; email: string }> {
  const now = new Date(context.now())
  await tables.createUser({ id: newId('usr_'), email, email_verified_by: 'operator' }, now)
  const user = await tables.findUserByEmail(email)
  if (user === undefined) throw new Error('An account was made and is not there.')
  if (user.email_verified_by === null || user.email_verified_by === 'administrator') {
    await tables.removeCredentials(user.id)
    await tables.recordAddressProof(user.id, 'operator', now)
  }
  await tables.endSessionsOfUser(user.id)
  await tables.setPassword({ id: newId('crd_'), user_id: user.id, password_hash }, now)
  await tables.addOwner(ROOT, user.id, now)
  return { id: user.id, email: user.email }
}

function setupDigest(context: ServerContext, token: string): Buffer {
  return context.purposeKeys.mac('digest', `owner_setup:${token}`)
}
