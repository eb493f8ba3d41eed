import { type Queryable, statement } from './database.ts'
import { type Page, pageValues } from './page.ts'
import type { McpServerKeysRow } from './rows.ts'

/**
 * An API key of an MCP server: by it the server asks for introspection. Of its secret only a MAC is stored; see
 * keys/purpose_keys.ts.
 */
export type McpServerKey = Readonly<McpServerKeysRow>

/** A key and the address of its server, which is the audience of every token that it may ask about. */
export interface AuthenticatingKey extends McpServerKey {
  readonly server_url: string
}

export interface McpServerKeyStorage {
  /** By its id alone: who presents a key names no organisation. */
  findServerKey(id: string): Promise<AuthenticatingKey | undefined>
  /** A server's keys, in the order of their creation; the revoked ones too. */
  listServerKeys(organizationId: string, serverId: string, page: Page): Promise<McpServerKey[]>
  /** False where the organisation has no such server. */
  createServerKey(key: McpServerKey): Promise<boolean>
  /** Marks a key as revoked; one that is already stays as it is. Undefined where the server has no such key. */
  revokeServerKey(
    key: Pick<McpServerKey, 'organization_id' | 'server_id' | 'id'>,
    now: Date,
  ): Promise<McpServerKey | undefined>
}

const COLUMNS = 'id, organization_id, server_id, name, secret_digest, created_at, expires_at, revoked_at'

const FIND = statement<AuthenticatingKey>(
  'mcp_server_keys_find',
  `select key.*, server.server_url from auth_agent.mcp_server_keys key
   join auth_agent.mcp_servers server on server.id = key.server_id where key.id = $1`,
)
const LIST = statement<McpServerKey>(
  'mcp_server_keys_list',
  `select ${COLUMNS} from auth_agent.mcp_server_keys
   where organization_id = $1 and server_id = $2 and (created_at, id) > ($3, $4) order by created_at, id limit $5`,
)
const CREATE = statement<{ id: string }>(
  'mcp_server_keys_create',
  `insert into auth_agent.mcp_server_keys (${COLUMNS})
   select $1::text, organization_id, id, $4::text, $5::bytea, $6::timestamptz, $7::timestamptz, $8::timestamptz
   from auth_agent.mcp_servers
   where organization_id = $2 and id = $3 for key share returning id`,
)
const REVOKE = statement<McpServerKey>(
  'mcp_server_keys_revoke',
  `update auth_agent.mcp_server_keys set revoked_at = coalesce(revoked_at, $4)
   where organization_id = $1 and server_id = $2 and id = $3 returning ${COLUMNS}`,
)

export function mcpServerKeyStorage(db: Queryable): McpServerKeyStorage {
  return {
    findServerKey: async (id) => (await db.query(FIND, [id]))[0],
    listServerKeys: (organizationId, serverId, page) =>
      db.query(LIST, [organizationId, serverId, ...pageValues(page)]),
    async createServerKey(key) {
      const { id, organization_id, server_id, name, secret_digest, created_at, expires_at, revoked_at } = key
      const values = [id, organization_id, server_id, name, secret_digest, created_at, expires_at, revoked_at]
      return (await db.query(CREATE, values)).length > 0
    },
    revokeServerKey: async (key, now) =>
      (await db.query(REVOKE, [key.organization_id, key.server_id, key.id, now]))[0],
  }
}
