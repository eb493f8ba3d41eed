import type { EndOfTurn } from '../end_of_turn.ts'
import { type Queryable, statement } from './database.ts'
import type { Organization } from './organizations.ts'
import { type Page, pageValues } from './page.ts'
import type { McpServersRow } from './rows.ts'
import { findTogether } from './together.ts'
import { isUniqueViolation } from './unique_violation.ts'

/** A scope that an MCP server offers, and its owner's words for it on the consent page. */
export interface ServerScope {
  name: string
  description?: string
  /** Whether it is granted to requests that name no scope. */
  default?: boolean
}

/** Who may use a server: its organisation's members, people and e-mail domains on a list, or everyone. */
export type AccessMode = 'members' | 'listed' | 'everyone'

/**
 * A registered MCP server: a protected resource in the sense of RFC 9728. `server_url` is its address as it was
 * registered, the `aud` of every token; `canonical_url` and `canonical_origin` are what its spellings have in common
 * (checks/resource.ts); `identity` is what it learns of a person beyond an opaque id.
 */
export interface McpServer extends Readonly<Omit<McpServersRow, 'scopes' | 'access_mode'>> {
  readonly scopes: readonly ServerScope[]
  readonly access_mode: AccessMode
}

/** A server as an authorization finds it, with the clients that its organisation lets in. */
export interface ResolvedServer
  extends McpServer,
    Readonly<Pick<Organization, 'client_policy' | 'client_domains'>> {}

export interface McpServerStorage {
  /** By its id alone: ids are public, in the metadata of the protected resource. */
  findServer(id: string): Promise<McpServer | undefined>
  /** The one server whose address has this canonical form. */
  findServerByCanonicalUrl(canonicalUrl: string): Promise<ResolvedServer | undefined>
  /** The one server that lives at an origin; undefined where none does, or several do. */
  findOnlyServerByOrigin(canonicalOrigin: string): Promise<ResolvedServer | undefined>
  /**
   * The one server that a request without `resource` can mean: the only one there is, or the only one that
   * offers all of these scopes.
   */
  findOnlyServer(scopes: readonly string[]): Promise<ResolvedServer | undefined>
  /** Whether a person stands well and the server's access policy admits them. */
  mayUse(serverId: string, userId: string): Promise<boolean>

  /** A server of this organisation. */
  findOwnServer(organizationId: string, id: string): Promise<McpServer | undefined>
  /** The same, locked until the transaction ends: for a change that depends on what it was. */
  findOwnServerForUpdate(organizationId: string, id: string): Promise<McpServer | undefined>
  /** The organisation's servers, in the order of their registration. */
  listServers(organizationId: string, page: Page): Promise<McpServer[]>
  /** False where another server has that canonical URL. */
  createServer(server: McpServer): Promise<boolean>
  /** Replaces everything but id, organisation and time of creation. False where another server has that canonical URL. */
  replaceServer(server: McpServer): Promise<boolean>
  /** Removes it with its keys, grants and consents. False where there was none. */
  removeServer(organizationId: string, id: string): Promise<boolean>
}

const COLUMNS = `id, organization_id, server_url, canonical_url, canonical_origin, server_name, description, logo_url,
  scopes, identity, access_mode, access_emails, access_domains, created_at, updated_at`

const RESOLVED = `${COLUMNS}, client_policy, client_domains`
const WITH_POLICY = `auth_agent.mcp_servers join (
     select id as organization_id, client_policy, client_domains from auth_agent.organizations) organization using (organization_id)`

const FIND = statement<McpServer>(
  'mcp_servers_find',
  `select ${COLUMNS} from auth_agent.mcp_servers where id = $1`,
)
const FIND_BY_CANONICAL_URL = statement<ResolvedServer>(
  'mcp_servers_find_by_canonical_url',
  `select ${RESOLVED} from unnest((select $1::text[])) asked (canonical_url) join (${WITH_POLICY}) using (canonical_url)`,
)
const TWO_BY_ORIGIN = statement<ResolvedServer>(
  'mcp_servers_two_by_origin',
  `select ${RESOLVED} from ${WITH_POLICY} where canonical_origin = $1 limit 2`,
)
const TWO = statement<ResolvedServer>('mcp_servers_two', `select ${RESOLVED} from ${WITH_POLICY} limit 2`)
const TWO_BY_SCOPES = statement<ResolvedServer>(
  'mcp_servers_two_by_scopes',
  `select ${RESOLVED} from ${WITH_POLICY}
   where array(select offered ->> 'name' from jsonb_array_elements(scopes) offered) @> $1::text[] limit 2`,
)
const MAY_USE = statement<Use>(
  'mcp_servers_may_use',
  `select server_id, user_id from unnest((select $1::text[]), (select $2::text[])) asked (server_id, user_id)
   join auth_agent.mcp_servers server on server.id = server_id join auth_agent.users person on person.id = user_id
   where auth_agent.may_use(server, person)`,
)
const FIND_OWN = statement<McpServer>(
  'mcp_servers_find_own',
  `select ${COLUMNS} from auth_agent.mcp_servers where organization_id = $1 and id = $2`,
)
const FIND_OWN_FOR_UPDATE = statement<McpServer>(
  'mcp_servers_find_own_for_update',
  `select ${COLUMNS} from auth_agent.mcp_servers where organization_id = $1 and id = $2 for update`,
)
const LIST = statement<McpServer>(
  'mcp_servers_list',
  `select ${COLUMNS} from auth_agent.mcp_servers
   where organization_id = $1 and (created_at, id) > ($2, $3) order by created_at, id limit $4`,
)
const CREATE = statement<{ id: string }>(
  'mcp_servers_create',
  `insert into auth_agent.mcp_servers (${COLUMNS})
   values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)
   on conflict (canonical_url) do nothing returning id`,
)
const REPLACE = statement(
  'mcp_servers_replace',
  `update auth_agent.mcp_servers set server_url = $3, canonical_url = $4, canonical_origin = $5, server_name = $6,
     description = $7, logo_url = $8, scopes = $9, identity = $10, access_mode = $11, access_emails = $12,
     access_domains = $13, updated_at = $14
   where id = $1 and organization_id = $2`,
)
const REMOVE = statement<{ id: string }>(
  'mcp_servers_remove',
  'delete from auth_agent.mcp_servers where organization_id = $1 and id = $2 returning id',
)

interface Use {
  server_id: string
  user_id: string
}

export function mcpServerStorage(db: Queryable, endOfTurn?: EndOfTurn): McpServerStorage {
  const findByCanonicalUrl = findTogether(
    endOfTurn,
    ({ canonical_url }: Pick<McpServer, 'canonical_url'>) => canonical_url,
    (asked) => db.query(FIND_BY_CANONICAL_URL, [asked.map(({ canonical_url }) => canonical_url)]),
  )
  const findUses = findTogether(
    endOfTurn,
    ({ server_id, user_id }: Use) => `${server_id} ${user_id}`,
    (asked) =>
      db.query(MAY_USE, [asked.map(({ server_id }) => server_id), asked.map(({ user_id }) => user_id)]),
  )
  return {
    findServer: async (id) => (await db.query(FIND, [id]))[0],
    findServerByCanonicalUrl: async (canonical_url) => (await findByCanonicalUrl({ canonical_url }))[0],
    findOnlyServerByOrigin: async (canonicalOrigin) =>
      onlyOne(await db.query(TWO_BY_ORIGIN, [canonicalOrigin])),
    async findOnlyServer(scopes) {
      const only = onlyOne(await db.query(TWO))
      if (only !== undefined || scopes.length === 0) return only
      return onlyOne(await db.query(TWO_BY_SCOPES, [scopes]))
    },
    mayUse: async (server_id, user_id) => (await findUses({ server_id, user_id })).length > 0,

    findOwnServer: async (organizationId, id) => (await db.query(FIND_OWN, [organizationId, id]))[0],
    findOwnServerForUpdate: async (organizationId, id) =>
      (await db.query(FIND_OWN_FOR_UPDATE, [organizationId, id]))[0],
    listServers: (organizationId, page) => db.query(LIST, [organizationId, ...pageValues(page)]),
    async createServer(server) {
      const created = await db.query(CREATE, [...changeable(server), server.created_at, server.updated_at])
      return created.length > 0
    },
    async replaceServer(server) {
      try {
        await db.query(REPLACE, [...changeable(server), server.updated_at])
        return true
      } catch (error) {
        if (isUniqueViolation(error)) return false
        throw error
      }
    },
    removeServer: async (organizationId, id) => (await db.query(REMOVE, [organizationId, id])).length > 0,
  }
}

function onlyOne<Server>(servers: readonly Server[]): Server | undefined {
  return servers.length === 1 ? servers[0] : undefined
}

function changeable(server: McpServer): unknown[] {
  return [
    server.id,
    server.organization_id,
    server.server_url,
    server.canonical_url,
    server.canonical_origin,
    server.server_name,
    server.description,
    server.logo_url,
    JSON.stringify(server.scopes),
    server.identity,
    server.access_mode,
    server.access_emails,
    server.access_domains,
  ]
}
