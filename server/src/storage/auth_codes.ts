import type { EndOfTurn } from '../end_of_turn.ts'
import { type Queryable, type ReadonlyRow, statement } from './database.ts'
import type { ServerScope } from './mcp_servers.ts'
import type { AuthCodesRow } from './rows.ts'
import { findTogether } from './together.ts'

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
  findCode(digest: Buffer): Promise<Omit<StoredAuthCode, 'created_at'> | undefined>
  /**
   * Uses the code and opens its grant, in one statement: the code is unused and not expired, the session in which it
   * was approved still lives, the organisation admits the client, and the person may still use the server at the
   * address that it had. Succeeds once.
   *
   * @returns undefined where the code was not consumed
   */
  consumeCode(digest: Buffer, grant: OpenedGrant, now: Date): Promise<ConsumedCode | undefined>
  /** Uses up the codes that wait for their exchange, when their authorization is revoked. */
  voidPendingCodes(of: PendingCodes, now: Date): Promise<void>
}

/** The person's address, and what the server offers and sees now; null where there is no server. */
export interface ConsumedCode {
  email: string
  server_scopes: readonly ServerScope[] | null
  server_identity: readonly string[] | null
}

/** Codes of one person for one client and one server. */
export type PendingCodes = Pick<AuthCode, 'user_id' | 'client_digest' | 'server_id'>

const COLUMNS = `digest, organization_id, client_digest, user_id, server_id, session_id, grant_id, resource, redirect_uri,
  scopes, identity, nonce, code_challenge, dpop_jkt, auth_time, expires_at`

/** Inserts the code that a relation has. */
export function insertCode(relation: string): string {
  return `insert into auth_agent.auth_codes (${COLUMNS}, created_at) select ${COLUMNS}, created_at from ${relation} given`
}

const FIND = statement<Omit<StoredAuthCode, 'created_at'>>(
  'auth_codes_find',
  `select ${COLUMNS}, used_at from unnest((select $1::bytea[])) asked (digest) join auth_agent.auth_codes using (digest)`,
)
const CONSUME = statement<ConsumedCode>(
  'auth_codes_consume',
  // Who ends a person's access ends the sessions first: the lock makes one wait for the other, so that no grant is
  // opened behind its back.
  `with session as (
     select s.id from auth_agent.sessions s
     where s.id = (select c.session_id from auth_agent.auth_codes c where c.digest = $1) for key share),
   code as (
     update auth_agent.auth_codes c set used_at = $2
     from auth_agent.users u, auth_agent.clients client, auth_agent.organizations o
     where c.digest = $1 and c.used_at is null and c.expires_at > $2
       and u.id = c.user_id and u.disabled_at is null
       and client.digest = c.client_digest and o.id = c.organization_id and auth_agent.admits(o, client)
       and c.session_id in (select id from session)
       and (not 'manage' = any (c.scopes) or auth_agent.may_manage(u))
       and (c.server_id is null or exists (
         select from auth_agent.mcp_servers s
         where s.id = c.server_id and s.server_url = c.resource and auth_agent.may_use(s, u)))
     returning c.*, u.email),
   opened as (
     insert into auth_agent.tokens (family, grant_id, organization_id, client_digest, user_id, server_id, resource,
       scopes, identity, auth_time, generation, sender_constrained, dpop_jkt, created_at, last_used_at, expires_at,
       max_expires_at, access_expires_at, due_at)
     select $3, grant_id, organization_id, client_digest, user_id, server_id, resource,
       scopes, identity, auth_time, $4, $5, dpop_jkt, $2, $2, $6, $7, $8, $6
     from code)
   select code.email, s.scopes as server_scopes, s.identity as server_identity
   from code left join auth_agent.mcp_servers s on s.id = code.server_id`,
)
const VOID_PENDING = statement(
  'auth_codes_void_pending',
  `update auth_agent.auth_codes set used_at = $4
   where user_id = $1 and client_digest = $2 and server_id is not distinct from $3 and used_at is null`,
)

export function authCodeStorage(db: Queryable, endOfTurn?: EndOfTurn): AuthCodeStorage {
  const find = findTogether(
    endOfTurn,
    ({ digest }: Pick<AuthCode, 'digest'>) => digest.toString('latin1'),
    (asked) => db.query(FIND, [asked.map(({ digest }) => digest)]),
  )
  return {
    findCode: async (digest) => (await find({ digest }))[0],
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
    async voidPendingCodes({ user_id, client_digest, server_id }, now) {
      await db.query(VOID_PENDING, [user_id, client_digest, server_id, now])
    },
  }
}
