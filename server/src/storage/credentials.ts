import { type Queryable, statement } from './database.ts'

/** What a password is checked against. The hash is null where the person has no password. */
export interface StoredPassword {
  user_id: string
  email: string
  /** Whether the account stands: its address is proved, and nobody disabled it. */
  may_sign_in: boolean
  credential_id: string | null
  password_hash: string | null
}

export interface StoredPasskey {
  id: string
  user_id: string
  passkey_id: string
  passkey_public_key: Buffer
  passkey_counter: number
  passkey_transports: string[] | null
  name: string | null
  created_at: Date
  last_used_at: Date | null
}

export interface NewPasskey {
  id: string
  user_id: string
  passkey_id: string
  passkey_public_key: Uint8Array
  passkey_counter: number
  passkey_transports: readonly string[]
  name: string
}

export interface CredentialStorage {
  findPasswordByEmail(email: string): Promise<StoredPassword | undefined>
  findPasswordOfUser(userId: string): Promise<StoredPassword | undefined>
  /** Sets a person's one password. */
  setPassword(password: { id: string; user_id: string; password_hash: string }, now: Date): Promise<void>
  /** Notes that a password was used, and its stronger hash where there is one; not if it was changed meanwhile. */
  recordPasswordUse(use: { id: string; from: string; to: string }, now: Date): Promise<void>
  listPasskeys(userId: string): Promise<StoredPasskey[]>
  findPasskey(
    passkeyId: string,
  ): Promise<(StoredPasskey & { email: string; may_sign_in: boolean }) | undefined>
  /** Stores a passkey; false where its id is known already. */
  addPasskey(passkey: NewPasskey, now: Date): Promise<boolean>
  /** Moves the counter forward; false where it did not move, which two uses of one state would show. */
  recordPasskeyUse(use: { id: string; counter: number }, now: Date): Promise<boolean>
  removePasskey(userId: string, id: string): Promise<boolean>
  removeCredentials(userId: string): Promise<void>
}

const PASSWORD_COLUMNS = `u.id as user_id, u.email, c.id as credential_id, c.password_hash,
   u.disabled_at is null and u.email_verified_at is not null as may_sign_in
   from auth_agent.users u left join auth_agent.credentials c on c.user_id = u.id and c.type = 'password'`

const PASSKEY_COLUMNS = `c.id, c.user_id, c.passkey_id, c.passkey_public_key, c.passkey_transports, c.name,
   c.passkey_counter::float8 as passkey_counter, c.created_at, c.last_used_at`

const FIND_PASSWORD_BY_EMAIL = statement<StoredPassword>(
  'credentials_find_password_by_email',
  `select ${PASSWORD_COLUMNS} where u.email = $1`,
)
const FIND_PASSWORD_OF_USER = statement<StoredPassword>(
  'credentials_find_password_of_user',
  `select ${PASSWORD_COLUMNS} where u.id = $1`,
)
const SET_PASSWORD = statement(
  'credentials_set_password',
  `insert into auth_agent.credentials (id, user_id, type, password_hash, created_at)
   values ($1, $2, 'password', $3, $4)
   on conflict (user_id) where type = 'password' do update
   set password_hash = excluded.password_hash, created_at = excluded.created_at, last_used_at = null`,
)
const RECORD_PASSWORD_USE = statement(
  'credentials_record_password_use',
  `update auth_agent.credentials set password_hash = $3, last_used_at = $4 where id = $1 and password_hash = $2`,
)
const LIST_PASSKEYS = statement<StoredPasskey>(
  'credentials_list_passkeys',
  `select ${PASSKEY_COLUMNS} from auth_agent.credentials c
   where c.user_id = $1 and c.type = 'passkey' order by c.created_at, c.id`,
)
const FIND_PASSKEY = statement<StoredPasskey & { email: string; may_sign_in: boolean }>(
  'credentials_find_passkey',
  `select ${PASSKEY_COLUMNS}, u.email, u.disabled_at is null and u.email_verified_at is not null as may_sign_in
   from auth_agent.credentials c join auth_agent.users u on u.id = c.user_id where c.passkey_id = $1`,
)
const ADD_PASSKEY = statement<{ id: string }>(
  'credentials_add_passkey',
  `insert into auth_agent.credentials (id, user_id, type, passkey_id, passkey_public_key, passkey_counter,
     passkey_transports, name, created_at)
   values ($1, $2, 'passkey', $3, $4, $5, $6, $7, $8) on conflict (passkey_id) do nothing returning id`,
)
const RECORD_PASSKEY_USE = statement<{ id: string }>(
  'credentials_record_passkey_use',
  `update auth_agent.credentials set passkey_counter = $2, last_used_at = $3
   where id = $1 and (passkey_counter < $2 or (passkey_counter = 0 and $2 = 0)) returning id`,
)
const REMOVE_PASSKEY = statement<{ id: string }>(
  'credentials_remove_passkey',
  `delete from auth_agent.credentials where user_id = $1 and id = $2 and type = 'passkey' returning id`,
)
const REMOVE_ALL = statement(
  'credentials_remove_all',
  'delete from auth_agent.credentials where user_id = $1',
)

export function credentialStorage(db: Queryable): CredentialStorage {
  return {
    async findPasswordByEmail(email) {
      const [password] = await db.query(FIND_PASSWORD_BY_EMAIL, [email])
      return password
    },
    async findPasswordOfUser(userId) {
      const [password] = await db.query(FIND_PASSWORD_OF_USER, [userId])
      return password
    },
    async setPassword({ id, user_id, password_hash }, now) {
      await db.query(SET_PASSWORD, [id, user_id, password_hash, now])
    },
    async recordPasswordUse({ id, from, to }, now) {
      await db.query(RECORD_PASSWORD_USE, [id, from, to, now])
    },
    listPasskeys: (userId) => db.query(LIST_PASSKEYS, [userId]),
    async findPasskey(passkeyId) {
      const [passkey] = await db.query(FIND_PASSKEY, [passkeyId])
      return passkey
    },
    async addPasskey(it, now) {
      const key = [
        it.passkey_id,
        Buffer.from(it.passkey_public_key),
        it.passkey_counter,
        it.passkey_transports,
      ]
      return (await db.query(ADD_PASSKEY, [it.id, it.user_id, ...key, it.name, now])).length === 1
    },
    async recordPasskeyUse({ id, counter }, now) {
      return (await db.query(RECORD_PASSKEY_USE, [id, counter, now])).length === 1
    },
    async removePasskey(userId, id) {
      return (await db.query(REMOVE_PASSKEY, [userId, id])).length === 1
    },
    async removeCredentials(userId) {
      await db.query(REMOVE_ALL, [userId])
    },
  }
}
