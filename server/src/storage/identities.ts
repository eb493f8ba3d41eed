import { type Queryable, statement } from './database.ts'
import type { StoredUser } from './users.ts'

/** An account at another provider that opens one here. */
export interface StoredIdentity {
  issuer: string
  subject: string
  created_at: Date
}

export interface IdentityStorage {
  /** Whose account an identity opens. */
  findUserByIdentity(identity: { issuer: string; subject: string }): Promise<StoredUser | undefined>
  /** Connects an identity to an account; false where it is connected to one already. */
  addIdentity(identity: { issuer: string; subject: string; user_id: string }, now: Date): Promise<boolean>
  listIdentities(userId: string): Promise<StoredIdentity[]>
  removeIdentity(userId: string, identity: { issuer: string; subject: string }): Promise<boolean>
}

const FIND_USER = statement<StoredUser>(
  'identities_find_user',
  `select u.id, u.email, u.email_verified_at, u.email_verified_by, u.created_at, u.disabled_at
   from auth_agent.identities i join auth_agent.users u on u.id = i.user_id where i.issuer = $1 and i.subject = $2`,
)
const ADD = statement<{ subject: string }>(
  'identities_add',
  `insert into auth_agent.identities (issuer, subject, user_id, created_at) values ($1, $2, $3, $4)
   on conflict (issuer, subject) do nothing returning subject`,
)
const LIST = statement<StoredIdentity>(
  'identities_list',
  `select issuer, subject, created_at from auth_agent.identities
   where user_id = $1 order by created_at, issuer, subject`,
)
const REMOVE = statement<{ subject: string }>(
  'identities_remove',
  'delete from auth_agent.identities where user_id = $1 and issuer = $2 and subject = $3 returning subject',
)

export function identityStorage(db: Queryable): IdentityStorage {
  return {
    async findUserByIdentity({ issuer, subject }) {
      const [user] = await db.query(FIND_USER, [issuer, subject])
      return user
    },
    async addIdentity({ issuer, subject, user_id }, now) {
      return (await db.query(ADD, [issuer, subject, user_id, now])).length === 1
    },
    listIdentities: (userId) => db.query(LIST, [userId]),
    async removeIdentity(userId, { issuer, subject }) {
      return (await db.query(REMOVE, [userId, issuer, subject])).length === 1
    },
  }
}
