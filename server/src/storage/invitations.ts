import { type Queryable, statement } from './database.ts'
import type { Role } from './memberships.ts'
import { type Page, pageValues } from './page.ts'

export interface StoredInvitation {
  id: string
  organization_id: string
  organization_name: string
  email: string
  role: Role
  sent_by_mail: boolean
  invited_by: string | null
  created_at: Date
  expires_at: Date
  accepted_at: Date | null
}

export interface NewInvitation {
  id: string
  organization_id: string
  email: string
  role: Role
  token_digest: Buffer
  sent_by_mail: boolean
  invited_by: string | null
  expires_at: Date
}

export interface InvitationStorage {
  /** Stores an invitation in the place of the same person's earlier, unanswered one. */
  createInvitation(invitation: NewInvitation, now: Date): Promise<void>
  /** Finds an invitation that can still be accepted. */
  findInvitation(tokenDigest: Buffer, now: Date): Promise<StoredInvitation | undefined>
  /** Accepts an invitation, once. */
  consumeInvitation(tokenDigest: Buffer, now: Date): Promise<boolean>
  findOwnInvitation(organizationId: string, invitationId: string): Promise<StoredInvitation | undefined>
  /** The organisation's invitations in the order in which they were made. */
  listInvitations(organizationId: string, page: Page): Promise<StoredInvitation[]>
  /** Takes back an invitation that was not accepted; false where there is none. */
  removeInvitation(organizationId: string, invitationId: string): Promise<boolean>
}

const COLUMNS = `i.id, i.organization_id, o.name as organization_name, i.email, i.role, i.sent_by_mail, i.invited_by,
   i.created_at, i.expires_at, i.accepted_at
   from auth_agent.invitations i join auth_agent.organizations o on o.id = i.organization_id`

const CREATE = statement(
  'invitations_create',
  `with replaced as (
     delete from auth_agent.invitations where organization_id = $2 and email = $3 and accepted_at is null
   )
   insert into auth_agent.invitations
     (id, organization_id, email, role, token_digest, sent_by_mail, invited_by, created_at, expires_at)
   values ($1, $2, $3, $4, $5, $6, $7, $8, $9)`,
)
const FIND = statement<StoredInvitation>(
  'invitations_find',
  `select ${COLUMNS} where i.token_digest = $1 and i.accepted_at is null and i.expires_at > $2`,
)
const CONSUME = statement<{ id: string }>(
  'invitations_consume',
  `update auth_agent.invitations set accepted_at = $2
   where token_digest = $1 and accepted_at is null and expires_at > $2 returning id`,
)
const LIST = statement<StoredInvitation>(
  'invitations_list',
  `select ${COLUMNS} where i.organization_id = $1 and (i.created_at, i.id) > ($2, $3)
   order by i.created_at, i.id limit $4`,
)
const FIND_OWN = statement<StoredInvitation>(
  'invitations_find_own',
  `select ${COLUMNS} where i.organization_id = $1 and i.id = $2`,
)
const REMOVE = statement<{ id: string }>(
  'invitations_remove',
  `delete from auth_agent.invitations where organization_id = $1 and id = $2 and accepted_at is null returning id`,
)

export function invitationStorage(db: Queryable): InvitationStorage {
  return {
    async createInvitation(it, now) {
      const values = [
        it.id,
        it.organization_id,
        it.email,
        it.role,
        it.token_digest,
        it.sent_by_mail,
        it.invited_by,
      ]
      await db.query(CREATE, [...values, now, it.expires_at])
    },
    async findInvitation(tokenDigest, now) {
      const [invitation] = await db.query(FIND, [tokenDigest, now])
      return invitation
    },
    async consumeInvitation(tokenDigest, now) {
      return (await db.query(CONSUME, [tokenDigest, now])).length === 1
    },
    findOwnInvitation: async (organizationId, invitationId) =>
      (await db.query(FIND_OWN, [organizationId, invitationId]))[0],
    listInvitations: (organizationId, page) => db.query(LIST, [organizationId, ...pageValues(page)]),
    async removeInvitation(organizationId, invitationId) {
      return (await db.query(REMOVE, [organizationId, invitationId])).length === 1
    },
  }
}
