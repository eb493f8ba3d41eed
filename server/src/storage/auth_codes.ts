import { type Queryable, type ReadonlyRow, statement } from './database.ts'
import type { AuthCodesRow } from './rows.ts'

/** An authorization code and all that it is bound to; `server_id` is null where only identity was asked for. */
export type AuthCode = Omit<StoredAuthCode, 'created_at' | 'used_at'>

/** The same, and whether it was used. */
export type StoredAuthCode = ReadonlyRow<AuthCodesRow>

/** The grant that a consumed code opens. */
export interface OpenedGrant {
  family: string
  generation: number
  sender_constrained: boolean
  refresh_expires_at: Date
  max_expires_at: Date
  access_expires_at: Date
}

export interface AuthCodeStorage {
  storeCode(code: AuthCode, now: Date): Promise<void>
  findCode(digest: Buffer): Promise<Omit<StoredAuthCode, 'created_at'> | undefined>
  /**
   * Uses the code and opens its grant, in one statement: the code is unused and not expired, the session in which it
   * was approved still lives, and the person may still use the server. Succeeds once.
   *
   * @returns the person's address, or undefined where the code was not consumed
   */
  consumeCode(digest: Buffer, grant: OpenedGrant, now: Date): Promise<{ email: string } | undefined>
  /** Ends the codes that wait for their exchange, when their authorization is revoked. */
  expirePendingCodes(of: PendingCodes, now: Date): Promise<void>
}

/** Codes of one person for one client and one server. */
export type PendingCodes = Pick<AuthCode, 'user_id' | 'client_digest' | 'server_id'>

const COLUMNS = `digest, organization_id, client_digest, user_id, server_id, session_id, grant_id, resource, redirect_uri,
  scopes, identity, nonce, code_challenge, dpop_jkt, auth_time, expires_at`

const STORE = statement(
  'auth_codes_store',
  `insert into auth_agent.auth_codes (${COLUMNS}, created_at)
   values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)`,
)
const FIND = statement<Omit<StoredAuthCode, 'created_at'>>(
  'auth_codes_find',
  `select ${COLUMNS}, used_at from auth_agent.auth_codes where digest = $1`,
)
const CONSUME = statement<{ email: string }>(
  'auth_codes_consume',
  `with code as (
     update auth_agent.auth_codes c set used_at = $2
     from auth_agent.users u
     where c.digest = $1 and c.used_at is null and c.expires_at > $2 and u.id = c.user_id and u.disabled_at is null
       and exists (select from auth_agent.sessions s where s.id = c.session_id)
       and (c.server_id is null
         or exists (select from auth_agent.mcp_servers s where s.id = c.server_id and auth_agent.may_use(s, u)))
     returning c.*, u.email),
   opened as (
     insert into auth_agent.tokens (family, grant_id, organization_id, client_digest, user_id, server_id, resource,
       scopes, identity, auth_time, generation, sender_constrained, dpop_jkt, created_at, last_used_at, expires_at,
       max_expires_at, access_expires_at)
     select $3, grant_id, organization_id, client_digest, user_id, server_id, resource,
       scopes, identity, auth_time, $4, $5, dpop_jkt, $2, $2, $6, $7, $8
     from code)
   select email from code`,
)
const EXPIRE_PENDING = statement(
  'auth_codes_expire_pending',
  `update auth_agent.auth_codes set expires_at = $4
   where user_id = $1 and client_digest = $2 and server_id is not distinct from $3 and used_at is null and expires_at > $4`,
)

export function authCodeStorage(db: Queryable): AuthCodeStorage {
  return {
    async storeCode(code, now) {
      await db.query(STORE, [
        code.digest,
        code.organization_id,
        code.client_digest,
        code.user_id,
        code.server_id,
        code.session_id,
        code.grant_id,
        code.resource,
        code.redirect_uri,
        code.scopes,
        code.identity,
        code.nonce,
        code.code_challenge,
        code.dpop_jkt,
        code.auth_time,
        code.expires_at,
        now,
      ])
    },
    async findCode(digest) {
      const [row] = await db.query(FIND, [digest])
      return row
    },
    async consumeCode(digest, grant, now) {
      const [row] = await db.query(CONSUME, [
        digest,
        now,
        grant.family,
        grant.generation,
        grant.sender_constrained,
        grant.refresh_expires_at,
        grant.max_expires_at,
        grant.access_expires_at,
      ])
      return row
    },
    async expirePendingCodes({ user_id, client_digest, server_id }, now) {
      await db.query(EXPIRE_PENDING, [user_id, client_digest, server_id, now])
    },
  }
}
