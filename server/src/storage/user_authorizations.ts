import type { EndOfTurn } from '../end_of_turn.ts'
import { type Queryable, type ReadonlyRow, statement } from './database.ts'
import type { ServerScope } from './mcp_servers.ts'
import type { UserAuthorizationsRow } from './rows.ts'
import { findTogether } from './together.ts'

/** What a person approved, remembered, with the metadata of the client as they saw it. */
export type UserAuthorization = Omit<ReadonlyRow<UserAuthorizationsRow>, 'granted_at' | 'last_used_at'>

/** A line of the account page: one client at one server. */
export interface ListedAuthorization {
  id: string
  client_name: string
  client_domain: string | null
  server_name: string | null
  server_url: string | null
  scopes: string[]
  /** What the server offers now, in the words of its owner. */
  offered: readonly ServerScope[] | null
  /** What the server sees of the person. */
  identity: string[]
  granted_at: Date
  last_used_at: Date
}

/** Whose authorizations: of one person for one client at one server. */
type Holder = Pick<UserAuthorization, 'user_id' | 'client_digest' | 'server_id'>

export interface UserAuthorizationStorage {
  findUserAuthorizations(of: Holder): Promise<readonly UserAuthorization[]>
  /** Whether this person ever approved this client, for this redirect origin. */
  hasApprovedClient(userId: string, clientDigest: Buffer, redirectOrigin: string): Promise<boolean>
  listUserAuthorizations(userId: string): Promise<ListedAuthorization[]>
  /** Forgets what anybody approved for a server. */
  forgetAuthorizationsOfServer(serverId: string): Promise<void>
  /** Forgets what a person approved for the client and server of one of the account page's lines. */
  removeUserAuthorization(userId: string, id: string): Promise<RemovedAuthorization | undefined>
}

/** What was forgotten. */
type RemovedAuthorization = Pick<UserAuthorization, 'organization_id' | 'client_digest' | 'server_id'>

const COLUMNS =
  'id, organization_id, user_id, client_digest, server_id, redirect_origin, metadata_digest, scopes, identity'

const FIND = statement<UserAuthorization>(
  'user_authorizations_find',
  `select ${COLUMNS}
   from unnest((select $1::text[]), (select $2::bytea[]), (select $3::text[])) asked (of_user, of_client, of_server)
   join auth_agent.user_authorizations on user_id = of_user and client_digest = of_client
     and server_id is not distinct from of_server`,
)
const HAS_APPROVED = statement<{ approved: boolean }>(
  'user_authorizations_has_approved',
  `select exists (select from auth_agent.user_authorizations
     where user_id = $1 and client_digest = $2 and redirect_origin = $3) as approved`,
)
const LIST = statement<ListedAuthorization>(
  'user_authorizations_list',
  `select min(a.id) as id,
     coalesce(nullif(c.metadata->>'client_name', ''), substring(c.client_id for 32)) as client_name,
     case when c.source = 'metadata_document' then substring(c.client_id from '^https://([^/]+)') end as client_domain,
     s.server_name, s.server_url, s.scopes as offered,
     array(select distinct unnest(b.scopes) from auth_agent.user_authorizations b
       where b.user_id = $1 and b.client_digest = c.digest and b.server_id is not distinct from s.id order by 1) as scopes,
     array(select distinct unnest(b.identity) from auth_agent.user_authorizations b
       where b.user_id = $1 and b.client_digest = c.digest and b.server_id is not distinct from s.id order by 1) as identity,
     min(a.granted_at) as granted_at,
     greatest(max(a.last_used_at), (select max(t.last_used_at) from auth_agent.tokens t
       where t.user_id = $1 and t.client_digest = c.digest and t.server_id is not distinct from s.id)) as last_used_at
   from auth_agent.user_authorizations a
   join auth_agent.clients c on c.digest = a.client_digest
   left join auth_agent.mcp_servers s on s.id = a.server_id
   where a.user_id = $1
   group by c.digest, s.id
   order by last_used_at desc`,
)
const FORGET_SERVER = statement(
  'user_authorizations_forget_server',
  'delete from auth_agent.user_authorizations where server_id = $1',
)
const REMOVE = statement<RemovedAuthorization>(
  'user_authorizations_remove',
  `delete from auth_agent.user_authorizations a using auth_agent.user_authorizations named
   where named.user_id = $1 and named.id = $2 and a.user_id = named.user_id
     and a.client_digest = named.client_digest and a.server_id is not distinct from named.server_id
   returning a.organization_id, a.client_digest, a.server_id`,
)

/** Inserts the authorization that a relation has, in place of the one before it. */
export function insertUserAuthorization(relation: string): string {
  return `insert into auth_agent.user_authorizations (${COLUMNS}, granted_at, last_used_at)
   select ${COLUMNS}, granted_at, last_used_at from ${relation} given
   on conflict (user_id, client_digest, server_id, redirect_origin) do update set
     metadata_digest = excluded.metadata_digest, scopes = excluded.scopes, identity = excluded.identity,
     granted_at = excluded.granted_at, last_used_at = excluded.last_used_at`
}

export function userAuthorizationStorage(db: Queryable, endOfTurn?: EndOfTurn): UserAuthorizationStorage {
  const find = findTogether(
    endOfTurn,
    (of: Holder) => `${of.user_id} ${of.server_id} ${of.client_digest.toString('latin1')}`,
    (all) =>
      db.query(FIND, [
        all.map(({ user_id }) => user_id),
        all.map(({ client_digest }) => client_digest),
        all.map(({ server_id }) => server_id),
      ]),
  )
  return {
    findUserAuthorizations: find,
    async hasApprovedClient(userId, clientDigest, redirectOrigin) {
      const [row] = await db.query(HAS_APPROVED, [userId, clientDigest, redirectOrigin])
      return row?.approved ?? false
    },
    listUserAuthorizations: (userId) => db.query(LIST, [userId]),
    async forgetAuthorizationsOfServer(serverId) {
      await db.query(FORGET_SERVER, [serverId])
    },
    async removeUserAuthorization(userId, id) {
      const [row] = await db.query(REMOVE, [userId, id])
      return row
    },
  }
}
