import { type Queryable, statement } from '../../server/src/storage/database.ts'
import type { TokensRow } from '../../server/src/storage/rows.ts'
import type { RefreshLifetimes, RefreshPresentation } from '../../server/src/storage/tokens.ts'

export const NOW = new Date(Date.UTC(2026, 10, 24, 12))
export const LIFETIMES: RefreshLifetimes = {
  raceWindow: 60,
  maxRacedRun: 5,
  refreshTokenTtl: 2_592_000,
  accessTokenTtl: 3_600,
}
/** Of its current token. */
export const PRESENTATION: RefreshPresentation = {
  family: 'family',
  generation: 7,
  client_digest: Buffer.from('client'),
  presented_from: Buffer.from('network'),
  resource: null,
  scopes: null,
}

/** One grant, of one person to one client for one server, which was refreshed an hour ago. */
export const SET_UP = `
  insert into auth_agent.users (id, email, email_verified_at, email_verified_by)
    values ('usr_owner', 'owner@example.com', now(), 'operator');
  insert into auth_agent.clients (digest, client_id, organization_id, source, metadata, created_at, updated_at)
    values ('client', 'https://app.example.com/client.json', 'org_root', 'dynamic', '{}', now(), now());
  insert into auth_agent.mcp_servers (id, organization_id, server_url, canonical_url, canonical_origin, server_name, scopes,
    access_mode, created_at, updated_at)
    values ('srv_test', 'org_root', 'https://MCP.example.com/mcp', 'https://mcp.example.com/mcp', 'https://mcp.example.com',
      'Files', '[{"name": "files:read"}]', 'everyone', now(), now());
  insert into auth_agent.tokens (family, grant_id, organization_id, client_digest, user_id, server_id, resource, scopes,
    identity, auth_time, generation, superseded_at, sender_constrained, presented_from, created_at, last_used_at, expires_at,
    max_expires_at, access_expires_at)
    select 'family', 'grt_test', 'org_root', 'client', 'usr_owner', 'srv_test', server_url, '{files:read,files:write}',
      '{email}', moment, 7, array[moment - interval '1 hour'], false, 'network', moment - interval '1 day',
      moment - interval '1 hour', moment + interval '1 day', moment + interval '1 year', moment
    from auth_agent.mcp_servers, (values ('${NOW.toISOString()}'::timestamptz)) now (moment);`

export const STATE = statement<TokensRow>('test_state', 'select * from auth_agent.tokens')

/** Notes what is asked by name. `without` is not asked, and answered as if no row had come back. */
export function watch(db: Queryable, without?: string): { db: Queryable; asked: string[] } {
  const asked: string[] = []
  return {
    asked,
    db: {
      async query(sql, values) {
        if (sql.name === without) return []
        asked.push(sql.name)
        return db.query(sql, values)
      },
      runScript: (sql) => db.runScript(sql),
    },
  }
}
