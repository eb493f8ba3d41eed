import { type Queryable, statement } from './database.ts'

/** How an address was proved; null while it was not. */
export type AddressProof = 'operator' | 'administrator' | 'mail' | 'upstream'

export interface StoredUser {
  id: string
  email: string
  email_verified_at: Date | null
  email_verified_by: AddressProof | null
  created_at: Date
  disabled_at: Date | null
}

export interface UserStorage {
  findUser(userId: string): Promise<StoredUser | undefined>
  /** @param email in lower case */
  findUserByEmail(email: string): Promise<StoredUser | undefined>
  /** Makes an account whose address counts as proved; false where the address has an account. */
  createUser(
    user: { id: string; email: string; email_verified_by: AddressProof },
    now: Date,
  ): Promise<boolean>
  /** Notes a proof of the address, unless an equal or better one is known. */
  recordAddressProof(userId: string, by: 'mail' | 'operator' | 'upstream', now: Date): Promise<void>
}

const COLUMNS = 'id, email, email_verified_at, email_verified_by, created_at, disabled_at'

const FIND = statement<StoredUser>('users_find', `select ${COLUMNS} from auth_agent.users where id = $1`)
const FIND_BY_EMAIL = statement<StoredUser>(
  'users_find_by_email',
  `select ${COLUMNS} from auth_agent.users where email = $1`,
)
const CREATE = statement<{ id: string }>(
  'users_create',
  `insert into auth_agent.users (id, email, email_verified_at, email_verified_by, created_at)
   values ($1, $2, $4, $3, $4) on conflict (email) do nothing returning id`,
)
const RECORD_PROOF = statement(
  'users_record_address_proof',
  `update auth_agent.users set email_verified_at = $3, email_verified_by = $2
   where id = $1 and (email_verified_by is null or email_verified_by = 'administrator')`,
)

export function userStorage(db: Queryable): UserStorage {
  return {
    async findUser(userId) {
      const [user] = await db.query(FIND, [userId])
      return user
    },
    async findUserByEmail(email) {
      const [user] = await db.query(FIND_BY_EMAIL, [email])
      return user
    },
    async createUser(user, now) {
      const created = await db.query(CREATE, [user.id, user.email, user.email_verified_by, now])
      return created.length === 1
    },
    async recordAddressProof(userId, by, now) {
      await db.query(RECORD_PROOF, [userId, by, now])
    },
  }
}
