import { type Queryable, statement } from './database.ts'

export interface OneTimeLinkStorage {
  /** Stores a link that makes the first owner, unless there is one. Answers whether it did. */
  createOwnerSetupLink(link: { token_digest: Buffer; expires_at: Date }, now: Date): Promise<boolean>
  /**
   * Stores a link for the account of an address, by one statement whether there is one or not.
   *
   * @returns whether there is an account that may sign in
   */
  createPasswordResetLink(
    link: { token_digest: Buffer; email: string; expires_at: Date },
    now: Date,
  ): Promise<boolean>
  isOwnerSetupLink(tokenDigest: Buffer, now: Date): Promise<boolean>
  /** Uses a setup link, once. */
  consumeOwnerSetupLink(tokenDigest: Buffer, now: Date): Promise<boolean>
  /** Whose password a link may set. */
  findPasswordResetLink(
    tokenDigest: Buffer,
    now: Date,
  ): Promise<{ user_id: string; email: string } | undefined>
  /** Makes every link for a new password of a person worthless, when the password has changed. */
  voidPasswordResetLinks(userId: string, now: Date): Promise<void>
  /** Uses a reset link, once, and with it every other link of that person. */
  consumePasswordResetLink(tokenDigest: Buffer, now: Date): Promise<boolean>
}

const CREATE_SETUP = statement<{ created: boolean }>(
  'one_time_links_create_owner_setup',
  `insert into auth_agent.one_time_links (token_digest, purpose, created_at, expires_at)
   select $1, 'owner_setup', $2, $3
   where not exists (
     select from auth_agent.memberships where organization_id = 'org_root' and role = 'owner')
   returning true as created`,
)
const CREATE_RESET = statement<{ created: boolean }>(
  'one_time_links_create_password_reset',
  `insert into auth_agent.one_time_links (token_digest, purpose, user_id, created_at, expires_at)
   select $1, 'password_reset', u.id, $3, $4 from auth_agent.users u
   where u.email = $2 and u.disabled_at is null and u.email_verified_at is not null
   returning true as created`,
)
const FIND_SETUP = statement<{ found: boolean }>(
  'one_time_links_find_owner_setup',
  `select true as found from auth_agent.one_time_links
   where token_digest = $1 and purpose = 'owner_setup' and used_at is null and expires_at > $2`,
)
const CONSUME_SETUP = statement<{ consumed: boolean }>(
  'one_time_links_consume_owner_setup',
  `update auth_agent.one_time_links set used_at = $2
   where token_digest = $1 and purpose = 'owner_setup' and used_at is null and expires_at > $2
   returning true as consumed`,
)
const FIND_RESET = statement<{ user_id: string; email: string }>(
  'one_time_links_find_password_reset',
  `select l.user_id, u.email from auth_agent.one_time_links l join auth_agent.users u on u.id = l.user_id
   where l.token_digest = $1 and l.purpose = 'password_reset' and l.used_at is null and l.expires_at > $2
     and u.disabled_at is null`,
)
const CONSUME_RESET = statement<{ user_id: string }>(
  'one_time_links_consume_password_reset',
  `update auth_agent.one_time_links set used_at = $2
   where token_digest = $1 and purpose = 'password_reset' and used_at is null and expires_at > $2
   returning user_id`,
)
const USE_UP_RESETS = statement(
  'one_time_links_use_up_password_resets',
  `update auth_agent.one_time_links set used_at = $2
   where user_id = $1 and purpose = 'password_reset' and used_at is null`,
)

export function oneTimeLinkStorage(db: Queryable): OneTimeLinkStorage {
  return {
    async createOwnerSetupLink(link, now) {
      return (await db.query(CREATE_SETUP, [link.token_digest, now, link.expires_at])).length === 1
    },
    async createPasswordResetLink(link, now) {
      return (
        (await db.query(CREATE_RESET, [link.token_digest, link.email, now, link.expires_at])).length === 1
      )
    },
    async voidPasswordResetLinks(userId, now) {
      await db.query(USE_UP_RESETS, [userId, now])
    },
    async isOwnerSetupLink(tokenDigest, now) {
      return (await db.query(FIND_SETUP, [tokenDigest, now])).length === 1
    },
    async consumeOwnerSetupLink(tokenDigest, now) {
      return (await db.query(CONSUME_SETUP, [tokenDigest, now])).length === 1
    },
    async findPasswordResetLink(tokenDigest, now) {
      const [link] = await db.query(FIND_RESET, [tokenDigest, now])
      return link
    },
    async consumePasswordResetLink(tokenDigest, now) {
      const [link] = await db.query(CONSUME_RESET, [tokenDigest, now])
      if (link === undefined) return false
      await db.query(USE_UP_RESETS, [link.user_id, now])
      return true
    },
  }
}
