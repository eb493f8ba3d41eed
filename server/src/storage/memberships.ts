import { type Queryable, statement } from './database.ts'

export type Role = 'owner' | 'admin' | 'member'

export interface StoredMembership {
  organization_id: string
  user_id: string
  role: Role
}

export interface MembershipStorage {
  findMembership(organizationId: string, userId: string): Promise<StoredMembership | undefined>
  /** Adds a member; whoever is one already keeps his role. */
  addMember(membership: StoredMembership, now: Date): Promise<void>
  /** Makes somebody an owner, whatever he was. */
  addOwner(organizationId: string, userId: string, now: Date): Promise<void>
  hasOwner(organizationId: string): Promise<boolean>
  /** Until the transaction ends, nobody else gets past this for the same organisation, and nobody becomes a member of it. */
  lockOrganization(organizationId: string): Promise<void>
}

const FIND = statement<StoredMembership>(
  'memberships_find',
  'select organization_id, user_id, role from auth_agent.memberships where organization_id = $1 and user_id = $2',
)
const ADD = statement(
  'memberships_add',
  `insert into auth_agent.memberships (organization_id, user_id, role, created_at)
   values ($1, $2, $3, $4) on conflict do nothing`,
)
const ADD_OWNER = statement(
  'memberships_add_owner',
  `insert into auth_agent.memberships (organization_id, user_id, role, created_at) values ($1, $2, 'owner', $3)
   on conflict (organization_id, user_id) do update set role = 'owner'`,
)
const HAS_OWNER = statement<{ exists: boolean }>(
  'memberships_has_owner',
  `select exists (select from auth_agent.memberships where organization_id = $1 and role = 'owner') as exists`,
)
// A new member's row refers to the organisation, which any weaker lock would let it: then an owner who is not committed yet would
// neither be seen nor waited for.
const LOCK = statement(
  'memberships_lock_organization',
  'select id from auth_agent.organizations where id = $1 for update',
)

export function membershipStorage(db: Queryable): MembershipStorage {
  return {
    async findMembership(organizationId, userId) {
      const [membership] = await db.query(FIND, [organizationId, userId])
      return membership
    },
    async addMember({ organization_id, user_id, role }, now) {
      await db.query(ADD, [organization_id, user_id, role, now])
    },
    async addOwner(organizationId, userId, now) {
      await db.query(ADD_OWNER, [organizationId, userId, now])
    },
    async hasOwner(organizationId) {
      const [row] = await db.query(HAS_OWNER, [organizationId])
      return row?.exists ?? false
    },
    async lockOrganization(organizationId) {
      await db.query(LOCK, [organizationId])
    },
  }
}
