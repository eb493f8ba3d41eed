import { type Queryable, statement } from './database.ts'
import type { Role } from './memberships.ts'
import { type Page, pageValues } from './page.ts'
import type { MembershipsRow, UsersRow } from './rows.ts'

/** A person in an organisation, as its managers see them. */
export interface Member extends Readonly<Omit<MembershipsRow, 'role'> & Pick<UsersRow, 'email'>> {
  readonly role: Role
}

export interface MemberStorage {
  /** The organisation that a person manages, the oldest where there are several. Undefined where they manage none. */
  findManagedOrganization(userId: string): Promise<Pick<Member, 'organization_id' | 'role'> | undefined>
  findMember(organizationId: string, userId: string): Promise<Member | undefined>
  /** The organisation's members in the order in which they came; the id of a position is the user's. */
  listMembers(organizationId: string, page: Page): Promise<Member[]>
  /**
   * Whether the organisation has another owner who can sign in. Owners are locked until the transaction ends, so
   * that two of them cannot demote each other at once.
   */
  hasOtherOwner(organizationId: string, userId: string): Promise<boolean>
  changeMemberRole(organizationId: string, userId: string, role: Role): Promise<void>
  removeMember(organizationId: string, userId: string): Promise<void>
}

// `created_at` has microseconds and a JavaScript Date has none; a position must find its row again.
const MEMBER = `select m.organization_id, m.user_id, u.email, m.role, date_trunc('milliseconds', m.created_at) as created_at
  from auth_agent.memberships m join auth_agent.users u on u.id = m.user_id`

const FIND_MANAGED = statement<Pick<Member, 'organization_id' | 'role'>>(
  'members_find_managed',
  `select m.organization_id, m.role from auth_agent.memberships m join auth_agent.users u on u.id = m.user_id
   where m.user_id = $1 and m.role in ('owner', 'admin') and u.disabled_at is null
   order by m.created_at, m.organization_id limit 1`,
)
const FIND = statement<Member>('members_find', `${MEMBER} where m.organization_id = $1 and m.user_id = $2`)
const LIST = statement<Member>(
  'members_list',
  `${MEMBER}
   where m.organization_id = $1 and (date_trunc('milliseconds', m.created_at), m.user_id) > ($2, $3)
   order by date_trunc('milliseconds', m.created_at), m.user_id limit $4`,
)
const LOCK_OWNERS = statement<{ user_id: string }>(
  'members_lock_owners',
  `select m.user_id from auth_agent.memberships m join auth_agent.users u on u.id = m.user_id
   where m.organization_id = $1 and m.role = 'owner' and u.disabled_at is null
   order by m.user_id for update of m`,
)
const CHANGE_ROLE = statement(
  'members_change_role',
  'update auth_agent.memberships set role = $3 where organization_id = $1 and user_id = $2',
)
const REMOVE = statement(
  'members_remove',
  'delete from auth_agent.memberships where organization_id = $1 and user_id = $2',
)

export function memberStorage(db: Queryable): MemberStorage {
  return {
    findManagedOrganization: async (userId) => (await db.query(FIND_MANAGED, [userId]))[0],
    findMember: async (organizationId, userId) => (await db.query(FIND, [organizationId, userId]))[0],
    listMembers: (organizationId, page) => db.query(LIST, [organizationId, ...pageValues(page)]),
    async hasOtherOwner(organizationId, userId) {
      const owners = await db.query(LOCK_OWNERS, [organizationId])
      return owners.some((owner) => owner.user_id !== userId)
    },
    async changeMemberRole(organizationId, userId, role) {
      await db.query(CHANGE_ROLE, [organizationId, userId, role])
    },
    async removeMember(organizationId, userId) {
      await db.query(REMOVE, [organizationId, userId])
    },
  }
}
