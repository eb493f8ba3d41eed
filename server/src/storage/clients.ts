import type { EndOfTurn } from '../end_of_turn.ts'
import { type Queryable, type ReadonlyRow, statement } from './database.ts'
import { jsonRow, toJsonRow } from './json_row.ts'
import type { ServerScope } from './mcp_servers.ts'
import { type Page, pageValues } from './page.ts'
import type { ClientsRow, McpServersRow } from './rows.ts'
import { findTogether } from './together.ts'

/** A client that has a row: registered by an owner, or one to which a user has granted something. */
export interface ClientRow extends Omit<ReadonlyRow<ClientsRow>, 'source' | 'disabled_at'> {
  readonly source: 'registered' | 'metadata_document' | 'dynamic'
}

/** An MCP server where a registered client may ask something in its own name (RFC 6749 §4.4). */
export interface ClientServer extends Readonly<Pick<McpServersRow, 'server_url' | 'canonical_url'>> {
  readonly server_id: string
  /** What the client was given there. */
  readonly scopes: readonly string[]
  /** What the server offers today. */
  readonly offered: readonly ServerScope[]
}

/** A registered client, with every server where it was given something, by their ids. */
export interface RegisteredClientRow extends ClientRow {
  readonly servers: readonly ClientServer[]
}

export interface ClientStorage {
  /** A client that an owner registered and did not disable. */
  findRegisteredClient(digest: Buffer): Promise<RegisteredClientRow | undefined>
  /** A registered client of this organisation, locked until the transaction ends. */
  findOwnClientForUpdate(organizationId: string, digest: Buffer): Promise<ClientRow | undefined>
  /** Whether somebody approved this client once. */
  isApprovedClient(digest: Buffer): Promise<boolean>
  /** The organisation's registered clients, in the order of their registration; the id of a position is the client_id. */
  listRegisteredClients(organizationId: string, page: Page): Promise<ClientRow[]>
  /** Makes the row of a client, or brings its metadata up to date. Never turns one kind of client into another. */
  storeClient(client: Omit<ClientRow, 'created_at' | 'updated_at'>, now: Date): Promise<void>
  changeRegisteredClient(
    client: Pick<ClientRow, 'organization_id' | 'digest' | 'metadata' | 'secret_digest'>,
    now: Date,
  ): Promise<boolean>
  removeRegisteredClient(organizationId: string, digest: Buffer): Promise<boolean>
}

const COLUMNS = 'digest, client_id, organization_id, source, metadata, secret_digest, created_at, updated_at'

// One statement, since it is most of what a token by client credentials costs; for all who ask at once. The sub-select hides from
// PostgreSQL how many they are, or it would plan anew for each number.
const FIND = statement<RegisteredClientRow>(
  'clients_find_registered',
  `select ${COLUMNS}, (
     select coalesce(jsonb_agg(jsonb_build_object('server_id', server.id, 'server_url', server.server_url,
       'canonical_url', server.canonical_url, 'scopes', given.scopes, 'offered', server.scopes) order by server.id), '[]')
     from auth_agent.client_server_scopes given join auth_agent.mcp_servers server on server.id = given.server_id
     where given.client_digest = client.digest and given.organization_id = client.organization_id) as servers
   from unnest((select $1::bytea[])) asked (digest) join auth_agent.clients client using (digest)
   where client.source = 'registered' and client.disabled_at is null`,
)
const IS_APPROVED = statement<{ approved: boolean }>(
  'clients_is_approved',
  'select exists (select from auth_agent.clients where digest = $1) as approved',
)
const LIST = statement<ClientRow>(
  'clients_list_registered',
  `select ${COLUMNS} from auth_agent.clients
   where organization_id = $1 and source = 'registered' and (created_at, client_id) > ($2, $3)
   order by created_at, client_id limit $4`,
)
const FIND_OWN_FOR_UPDATE = statement<ClientRow>(
  'clients_find_own_for_update',
  `select ${COLUMNS} from auth_agent.clients
   where organization_id = $1 and digest = $2 and source = 'registered' for update`,
)
const STORE = statement('clients_store', insertClient(jsonRow('clients', '$1')))
const CHANGE = statement<{ digest: Buffer }>(
  'clients_change_registered',
  `update auth_agent.clients set metadata = $3, secret_digest = $4, updated_at = $5
   where organization_id = $1 and digest = $2 and source = 'registered' returning digest`,
)
const REMOVE = statement<{ digest: Buffer }>(
  'clients_remove_registered',
  `delete from auth_agent.clients where organization_id = $1 and digest = $2 and source = 'registered' returning digest`,
)

/**
 * Inserts the client that a relation has, or brings its metadata up to date. A client has one row for all who use it. Where nothing
 * has changed it is not touched, not even locked, or all who approve a client that many use would wait for each other.
 */
export function insertClient(relation: string): string {
  return `insert into auth_agent.clients (${COLUMNS})
   select ${COLUMNS} from ${relation} given
   where not exists (
     select from auth_agent.clients known where known.digest = given.digest and known.metadata = given.metadata)
   on conflict (digest) do update set metadata = excluded.metadata, updated_at = excluded.updated_at
   where clients.source = excluded.source and clients.source <> 'registered'`
}

export function clientStorage(db: Queryable, endOfTurn?: EndOfTurn): ClientStorage {
  const findRegistered = findTogether(
    endOfTurn,
    ({ digest }: Pick<ClientRow, 'digest'>) => digest.toString('latin1'),
    (clients) => db.query(FIND, [clients.map(({ digest }) => digest)]),
  )
  return {
    findRegisteredClient: async (digest) => (await findRegistered({ digest }))[0],
    findOwnClientForUpdate: async (organizationId, digest) =>
      (await db.query(FIND_OWN_FOR_UPDATE, [organizationId, digest]))[0],
    async isApprovedClient(digest) {
      return (await db.query(IS_APPROVED, [digest]))[0]?.approved ?? false
    },
    listRegisteredClients: (organizationId, page) => db.query(LIST, [organizationId, ...pageValues(page)]),
    async storeClient(client, now) {
      await db.query(STORE, [toJsonRow({ ...client, created_at: now, updated_at: now })])
    },
    async changeRegisteredClient(client, now) {
      const { organization_id, digest, metadata, secret_digest } = client
      const rows = await db.query(CHANGE, [
        organization_id,
        digest,
        JSON.stringify(metadata),
        secret_digest,
        now,
      ])
      return rows.length > 0
    },
    async removeRegisteredClient(organizationId, digest) {
      return (await db.query(REMOVE, [organizationId, digest])).length > 0
    },
  }
}
