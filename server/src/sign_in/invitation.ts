import type { ServerContext } from '../context.ts'
import { OAuthError } from '../errors.ts'
import { findByDigest } from '../keys/find_by_digest.ts'
import type { Mail } from '../mail.ts'
import { newId, newSecret } from '../random.ts'
import type { StoredInvitation } from '../storage/invitations.ts'
import type { Role } from '../storage/memberships.ts'
import type { SignedIn } from './completion.ts'
import { hashPassword } from './password_hash.ts'

const INVITATION_SECONDS = 7 * 86_400

/**
 * Invites somebody into an organisation. Where mail can leave, the link goes to the address and nowhere else, so
 * that following it proves the address; where it cannot, the link is returned to be handed over, and the address is
 * only as good as the word of who invited.
 *
 * @param email an address as `emailAddressSchema` gives it
 * @throws OAuthError `conflict` where the person is a member already, `temporarily_unavailable` where the mail was not accepted
 */
export async function invite(
  context: ServerContext,
  invitation: { organizationId: string; email: string; role: Role; invitedBy: string | undefined },
): Promise<{ id: string; link?: string }> {
  const { organizationId: organization_id, email, role, invitedBy } = invitation
  const existing = await context.storage.findUserByEmail(email)
  if (existing && (await context.storage.findMembership(organization_id, existing.id))) {
    throw new OAuthError('conflict', 'This person is a member already.')
  }
  const id = newId('inv_')
  const token = newSecret()
  const now = context.now()
  await context.storage.createInvitation(
    {
      id,
      organization_id,
      email,
      role,
      token_digest: context.purposeKeys.mac('digest', messageOf(token)),
      sent_by_mail: context.mailer !== undefined,
      invited_by: invitedBy ?? null,
      expires_at: new Date(now + INVITATION_SECONDS * 1000),
    },
    new Date(now),
  )
  const link = `${context.issuer.url}/invitation?token=${token}`
  if (context.mailer !== undefined)
    await mailInvitation(context, { id, organization_id, email, link, invitedBy })
  await context.audit.record({
    type: 'invitation.created',
    organization_id,
    user_id: invitedBy,
    detail: { id, role },
  })
  return context.mailer === undefined ? { id, link } : { id }
}

/** An invitation that can still be accepted, what it is found by, and whether its person has an account already. */
export async function findInvitation(
  context: ServerContext,
  token: string,
): Promise<{ invitation: StoredInvitation; digest: Buffer; hasAccount: boolean } | undefined> {
  const now = new Date(context.now())
  const known = await findByDigest(context.purposeKeys, messageOf(token), (digest) =>
    context.storage.findInvitation(digest, now),
  )
  if (known === undefined) return undefined
  const { digest, found: invitation } = known
  const account = await context.storage.findUserByEmail(invitation.email)
  return { invitation, digest, hasAccount: account !== undefined }
}

/**
 * Accepts an invitation with a new account. It never touches an account that is there: whoever has the link is not
 * by that the account's owner.
 *
 * @returns undefined where the invitation was accepted meanwhile, or the address has an account
 */
export async function acceptWithPassword(
  context: ServerContext,
  { token, password }: { token: string; password: string },
): Promise<SignedIn | undefined> {
  const found = await findInvitation(context, token)
  if (found === undefined || found.hasAccount) return undefined
  const { invitation, digest } = found
  const password_hash = await hashPassword(password, context.stretching)
  const user = { id: newId('usr_'), email: invitation.email }
  const email_verified_by = invitation.sent_by_mail ? 'mail' : 'administrator'
  const now = new Date(context.now())
  const isAccepted = await context.storage
    .transaction(async (tables) => {
      if (!(await tables.consumeInvitation(digest, now))) return false
      if (!(await tables.createUser({ ...user, email_verified_by }, now))) throw new AccountAppeared()
      await tables.setPassword({ id: newId('crd_'), user_id: user.id, password_hash }, now)
      await tables.addMember(membershipOf(invitation, user.id), now)
      return true
    })
    .catch((error: unknown) => {
      if (error instanceof AccountAppeared) return false
      throw error
    })
  if (!isAccepted) return undefined
  await recordAcceptance(context, invitation, user.id)
  return { user, method: 'invitation' }
}

/**
 * Accepts an invitation for who is signed in under the invited address.
 *
 * @returns whether it could still be accepted
 */
export async function acceptSignedIn(
  context: ServerContext,
  { token, user }: { token: string; user: { id: string; email: string } },
): Promise<boolean> {
  const found = await findInvitation(context, token)
  if (found === undefined || found.invitation.email !== user.email) return false
  const { invitation, digest } = found
  const now = new Date(context.now())
  const isAccepted = await context.storage.transaction(async (tables) => {
    if (!(await tables.consumeInvitation(digest, now))) return false
    await tables.addMember(membershipOf(invitation, user.id), now)
    return true
  })
  if (isAccepted) await recordAcceptance(context, invitation, user.id)
  return isAccepted
}

/** Rolls the transaction back: somebody made an account for the address while the password was stretched. */
class AccountAppeared extends Error {}

function membershipOf({ organization_id, role }: StoredInvitation, user_id: string) {
  return { organization_id, user_id, role }
}

function recordAcceptance(
  context: ServerContext,
  invitation: StoredInvitation,
  user_id: string,
): Promise<void> {
  const { organization_id, id, role } = invitation
  return context.audit.record({ type: 'invitation.accepted', organization_id, user_id, detail: { id, role } })
}

function messageOf(token: string): string {
  return `invitation:${token}`
}

interface MailedInvitation {
  id: string
  organization_id: string
  email: string
  link: string
  invitedBy: string | undefined
}

async function mailInvitation(context: ServerContext, invitation: MailedInvitation): Promise<void> {
  try {
    await context.mailer?.send(await invitationMail(context, invitation))
  } catch (cause) {
    await context.storage.removeInvitation(invitation.organization_id, invitation.id)
    const description = 'The invitation could not be mailed. Check how mail leaves, then try again.'
    throw new OAuthError('temporarily_unavailable', description, { cause })
  }
}

/** It says who invites and where to, so that its reader can tell it from a stranger's. */
async function invitationMail(
  { storage, issuer }: ServerContext,
  { organization_id, email, link, invitedBy }: MailedInvitation,
): Promise<Mail> {
  const host = new URL(issuer.url).host
  const organization = (await storage.findOrganization(organization_id))?.name ?? host
  const inviter = invitedBy === undefined ? undefined : await storage.findUser(invitedBy)
  const invitation =
    inviter === undefined ? 'You are invited to join' : `${inviter.email} invites you to join`
  return {
    to: email,
    subject: `Join ${organization} at ${host}`,
    text: `${invitation} ${organization}, and to use its MCP servers behind ${host}. Accept here:

${link}

The link works once, within a week. If you do not know what this is, you need not do anything.
`,
  }
}
