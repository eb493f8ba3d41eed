import { type Queryable, statement } from './database.ts'
import type { ClientServerScopesRow } from './rows.ts'

/** What a registered client may ask of a server in its own name (RFC 6749 §4.4). */
export interface ClientServerScopes extends Readonly<Pick<ClientServerScopesRow, 'server_id'>> {
  readonly scopes: readonly string[]
}

export interface ClientServerScopeStorage {
  /** Everything that a client may ask, by server. */
  listClientServerScopes(organizationId: string, clientDigest: Buffer): Promise<ClientServerScopes[]>
  /** Replaces it all. Rejects where a server is not the organisation's. */
  replaceClientServerScopes(
    organizationId: string,
    clientDigest: Buffer,
    scopes: readonly ClientServerScopes[],
  ): Promise<void>
}

const LIST = statement<ClientServerScopes>(
  'client_server_scopes_list',
  `select server_id, scopes from auth_agent.client_server_scopes
   where organization_id = $1 and client_digest = $2 order by server_id`,
)
const CLEAR = statement(
  'client_server_scopes_clear',
  'delete from auth_agent.client_server_scopes where organization_id = $1 and client_digest = $2',
)
const ADD = statement(
  'client_server_scopes_add',
  `insert into auth_agent.client_server_scopes (organization_id, client_digest, server_id, scopes)
   values ($1, $2, $3, $4)`,
)

export function clientServerScopeStorage(db: Queryable): ClientServerScopeStorage {
  return {
    listClientServerScopes: (organizationId, clientDigest) => db.query(LIST, [organizationId, clientDigest]),
    async replaceClientServerScopes(organizationId, clientDigest, scopes) {
      await db.query(CLEAR, [organizationId, clientDigest])
      for (const entry of scopes) {
        await db.query(ADD, [organizationId, clientDigest, entry.server_id, entry.scopes])
      }
    },
  }
}
