import type { ServerContext } from '../context.ts'
import { OAuthError } from '../errors.ts'
import type { StoredUser } from '../storage/users.ts'
import { noticeByMail } from './notice_mail.ts'
import { recordRefusal } from './refusal_record.ts'
import { findOrMakeAccount } from './sign_up.ts'
import { type AddressFinding, findProvedAddress } from './upstream_address.ts'
import type { UpstreamPerson, UpstreamProvider } from './upstream_provider.ts'

/**
 * The account that an identity opens: the one that it is connected to; else that of the address which its provider vouches
 * for, which it is connected to from now on; else a new one, where sign-up allows it.
 *
 * What is refused tells of an account only where the address is the person's, or its account.
 *
 * @throws OAuthError `access_denied`
 */
export async function findUpstreamAccount(
  context: ServerContext,
  provider: UpstreamProvider,
  person: UpstreamPerson,
): Promise<StoredUser> {
  const known = await findConnected(context, provider, person)
  if (known !== undefined) return known
  const finding = findProvedAddress(person.address, provider)
  if ('fault' in finding) return refuse(context, undefined, finding.fault, sentenceOf(finding, provider))
  const { email } = finding
  const hadAccount = (await context.storage.findUserByEmail(email)) !== undefined
  const user = await findOrMakeAccount(context, email, 'upstream')
  if (user === undefined) return refuse(context, undefined, 'no_account', noAccount(email))
  return connect(context, provider, person, { user, hadAccount })
}

async function findConnected(
  context: ServerContext,
  { issuer }: UpstreamProvider,
  { subject }: UpstreamPerson,
): Promise<StoredUser | undefined> {
  const user = await context.storage.findUserByIdentity({ issuer, subject })
  if (user !== undefined && user.disabled_at !== null)
    return refuse(context, user.id, 'account_disabled', noAccount(user.email))
  return user
}

async function connect(
  context: ServerContext,
  provider: UpstreamProvider,
  person: UpstreamPerson,
  { user, hadAccount }: { user: StoredUser; hadAccount: boolean },
): Promise<StoredUser> {
  const { issuer, name } = provider
  const identity = { issuer, subject: person.subject, user_id: user.id }
  if (!(await context.storage.addIdentity(identity, new Date(context.now())))) {
    // Another request of the same person was first; whose account it is, stands in the table.
    return (await findConnected(context, provider, person)) ?? user
  }
  await context.audit.record({ type: 'identity.connected', user_id: user.id, detail: { issuer } })
  if (hadAccount) noticeByMail(context, user.email, `Your account at ${name} was connected to yours`)
  return user
}

function sentenceOf(finding: Extract<AddressFinding, { fault: string }>, { name }: UpstreamProvider): string {
  switch (finding.fault) {
    case 'no_address':
      return `${name} does not say which e-mail address is yours. Sign in another way.`
    case 'not_verified':
      return `${name} has not verified the address ${finding.email}. Verify it there and try again, or sign in another way.`
    case 'foreign_domain':
      return `${name} cannot vouch for the address ${finding.email} here. Sign in another way, or with another account there.`
  }
}

/** The same for an account that was disabled: it is not there to be signed in to. */
function noAccount(email: string): string {
  return `There is no account for ${email} here that you can sign in to. Ask the people who run this server for an invitation.`
}

async function refuse(
  context: ServerContext,
  userId: string | undefined,
  reason: string,
  description: string,
): Promise<never> {
  await recordRefusal(context, userId, { method: 'upstream', reason })
  throw new OAuthError('access_denied', description, { status: 403 })
}
