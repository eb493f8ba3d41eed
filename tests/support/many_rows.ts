import { createHash } from 'node:crypto'
import pg from 'pg'
import { type ClientRow, clientStorage } from '../../server/src/storage/clients.ts'
import type { Queryable } from '../../server/src/storage/database.ts'

/** How many rows the tables get that grow with use. The others get as many as belong to these. */
export interface Sizes {
  /** Families of refresh tokens: grants. Five belong to one person. */
  tokens: number
  /** Of how many grants, the last of all, it is known that they were revoked. */
  denials: number
}

/** Of everything there is as much at the least, so that no table is but a page or two. */
const MIN_ROWS = 10_000
/** In one statement, so that it ends within a minute. */
const BATCH = 500_000

/** The n-th family, grant and person, as the rows have them; they lie about in the indexes as real ones do. */
export const nthFamily = (n: number) => nameOf('family', n).slice(0, 22)
export const nthGrant = (n: number) => `grt_${nameOf('grant', n).slice(0, 26)}`
export const nthUser = (n: number) => `usr_${nameOf('user', n).slice(0, 26)}`
/** Which of so many clients the n-th grant is for. */
export const clientOfNth = (n: number, clients: number) => n % clients

export const usersFor = ({ tokens }: Sizes) => atLeast(tokens / 5)

function atLeast(rows: number): number {
  return Math.max(MIN_ROWS, Math.ceil(rows))
}

function nameOf(what: string, n: number): string {
  return createHash('sha256').update(`${what} ${n}`).digest('base64url')
}

const NAME = (what: string, n: string, length: number) =>
  `substr(translate(encode(sha256(('${what} ' || ${n})::bytea), 'base64'), '+/', '-_'), 1, ${length})`
const USER = (n: string) => `'usr_' || ${NAME('user', n, 26)}`
/** Evenly from 0 to 1, another for each n. */
const EVENLY = (n: string) => `(abs(hashint8(${n})::bigint) / 2147483648.0)`

/** Each inserts the rows from $1 to $2 as n; `clients` and `servers` are arrays that begin at 1. */
const INSERTS: Readonly<Record<string, (sizes: Sizes) => { rows: number; columns: string; values: string }>> =
  {
    users: (sizes) => ({
      rows: usersFor(sizes),
      columns: 'id, email, email_verified_at, email_verified_by',
      values: `${USER('n')}, 'person' || n || '@example.com', now(), 'mail'`,
    }),
    credentials: (sizes) => ({
      rows: usersFor(sizes),
      columns: 'id, user_id, type, password_hash, created_at',
      values: `'crd_' || ${NAME('credential', 'n', 26)}, ${USER('n')}, 'password', repeat('x', 100), now()`,
    }),
    sessions: (sizes) => ({
      rows: usersFor(sizes),
      columns: 'digest, id, user_id, auth_time, amr, created_at, last_seen_at, expires_at',
      values: `sha256(('session ' || n)::bytea), 'ses_' || ${NAME('session', 'n', 26)}, ${USER('n')}, now(), '{pwd}',
      now(), now(), now() + interval '14 days' * (0.1 + ${EVENLY('n')})`,
    }),
    user_authorizations: (sizes) => ({
      rows: 3 * usersFor(sizes),
      columns: `id, organization_id, user_id, client_digest, server_id, redirect_origin, metadata_digest, scopes, identity,
      granted_at, last_used_at`,
      values: `'aut_' || ${NAME('authorization', 'n', 26)}, 'org_root', ${USER(`n % ${usersFor(sizes)}`)},
      clients[1 + (n * 7 + n / ${usersFor(sizes)}) % cardinality(clients)], servers[1 + n % cardinality(servers)],
      'http://127.0.0.1', sha256('metadata'), '{files:read,files:write}', '{email}', now(), now()`,
    }),
    auth_codes: (sizes) => ({
      rows: atLeast(sizes.tokens / 10),
      columns: `digest, organization_id, client_digest, user_id, server_id, session_id, grant_id, resource, redirect_uri,
      scopes, identity, code_challenge, auth_time, created_at, expires_at, used_at`,
      values: `sha256(('code ' || n)::bytea), 'org_root', clients[1 + n % cardinality(clients)],
      ${USER(`n % ${usersFor(sizes)}`)}, servers[1 + n % cardinality(servers)], 'ses_' || ${NAME('session', 'n', 26)},
      'grt_' || ${NAME('grant', 'n', 26)}, 'https://mcp.example.com/mcp', 'http://127.0.0.1:33418/callback',
      '{files:read}', '{email}', repeat('x', 43), now(), now(), now() - interval '12 hours' * ${EVENLY('n')}, now()`,
    }),
    auth_requests: (sizes) => ({
      rows: atLeast(sizes.tokens / 100),
      columns: 'digest, organization_id, session_digest, client_id, request, created_at, expires_at, used_at',
      values: `sha256(('request ' || n)::bytea), 'org_root', sha256(('session ' || n / 3)::bytea), 'a client', '{}', now(),
      now() + interval '1 day' * (1 + ${EVENLY('n')}), now()`,
    }),
    tokens: (sizes) => ({
      rows: sizes.tokens,
      columns: `family, grant_id, organization_id, client_digest, user_id, server_id, resource, scopes, identity, auth_time,
      generation, sender_constrained, created_at, last_used_at, expires_at, max_expires_at, access_expires_at, due_at`,
      values: `${NAME('family', 'n', 22)}, 'grt_' || ${NAME('grant', 'n', 26)}, 'org_root',
      clients[1 + n % cardinality(clients)], ${USER(`n % ${usersFor(sizes)}`)},
      servers[1 + n % cardinality(servers)], urls[1 + n % cardinality(urls)], '{files:read,files:write}', '{email}', now(), 0, false,
      now(), now(), now() + interval '30 days' * (0.1 + 0.9 * ${EVENLY('n')}), now() + interval '1 year', now(),
      now() + interval '30 days' * (0.1 + 0.9 * ${EVENLY('n')})`,
    }),
    denials: (sizes) => ({
      rows: sizes.denials,
      columns: 'transaction_id, organization_id, kind, subject, server_id, created_at, expires_at',
      values: `(3 + n * 500 / ${atLeast(sizes.denials)})::text::xid8, 'org_root', 'grant', 'grt_' || ${NAME('grant', `${sizes.tokens} - 1 - n`, 26)},
      servers[1 + n % cardinality(servers)], now(), now() + interval '1 day'`,
    }),
    attempt_counters: (sizes) => ({
      rows: atLeast(sizes.tokens / 20),
      columns: 'key, attempts, window_ends_at',
      values: `sha256(('attempt ' || n)::bytea), 1, now() + interval '1 day' * (0.5 + ${EVENLY('n')})`,
    }),
    used_once: (sizes) => ({
      rows: atLeast(sizes.tokens / 100),
      columns: 'digest, expires_at',
      values: `sha256(('used ' || n)::bytea), now() + interval '1 day' * (0.5 + ${EVENLY('n')})`,
    }),
    email_codes: (sizes) => ({
      rows: atLeast(sizes.tokens / 100),
      columns: 'browser_digest, email, code_digest, created_at, expires_at',
      values: `sha256(('browser ' || n)::bytea), 'person' || n || '@example.com', sha256('code'), now(),
      now() + interval '1 day' * (0.5 + ${EVENLY('n')})`,
    }),
    one_time_links: (sizes) => ({
      rows: atLeast(sizes.tokens / 100),
      columns: 'token_digest, purpose, user_id, created_at, expires_at',
      values: `sha256(('link ' || n)::bytea), 'password_reset', ${USER('n')}, now(), now() + interval '1 day' * (0.5 + ${EVENLY('n')})`,
    }),
    audit_events: (sizes) => ({
      rows: atLeast(sizes.tokens / 10),
      columns: 'organization_id, occurred_at, type, user_id',
      values: `'org_root', now() - interval '400 days' * ${EVENLY('n')}, 'sign_in.succeeded', ${USER('n')}`,
    }),
  }

/** Makes the rows of clients, as if somebody had granted something to each. */
export async function storeClients(
  db: Queryable,
  clients: readonly Omit<ClientRow, 'created_at' | 'updated_at'>[],
) {
  for (const client of clients) await clientStorage(db).storeClient(client, new Date())
}

/**
 * Fills the tables of a database that has dynamic clients and MCP servers: all on the side of PostgreSQL, the
 * indexes after the rows, as a restore would. Rows that are there are left alone.
 *
 * @param now when it is, in milliseconds: nothing has expired by then
 */
export async function growTables(databaseUrl: string, sizes: Sizes, now: number): Promise<void> {
  const client = new pg.Client({ connectionString: databaseUrl })
  await client.connect()
  try {
    await client.query(`set maintenance_work_mem = '512MB'; set synchronous_commit = off`)
    // Their rows refer to each other as they are made here; checking each would take an hour.
    await client.query('set session_replication_role = replica')
    for (const [table, insert] of Object.entries(INSERTS)) {
      await fillTable(client, table, insert(sizes), now)
    }
    // The others too: PostgreSQL would do it by itself in a moment, and perhaps choose other plans from then on.
    await client.query('analyze')
  } finally {
    await client.end()
  }
}

async function fillTable(
  client: pg.Client,
  table: string,
  { rows, columns, values }: { rows: number; columns: string; values: string },
  now: number,
): Promise<void> {
  const indexes = `pg_index where indrelid = 'auth_agent.${table}'::regclass`
  // An index that is not ready is left alone by INSERT, and REINDEX makes it whole.
  await client.query(
    `update ${indexes.replace(' where', ' set indisready = false, indisvalid = false where')}`,
  )
  for (let from = 0; from < rows; from += BATCH) {
    await client.query(
      `insert into auth_agent.${table} (${columns})
       select ${values.replaceAll('now()', `to_timestamp(${now / 1000})`)}
       from generate_series(${from}, ${Math.min(rows, from + BATCH) - 1}) n,
         (select array_agg(digest order by client_id) as clients from auth_agent.clients where source = 'dynamic') c,
         (select array_agg(id order by id) as servers, array_agg(server_url order by id) as urls from auth_agent.mcp_servers) s`,
    )
  }
  await client.query(`reindex table auth_agent.${table}`)
  await client.query(`vacuum (freeze, analyze) auth_agent.${table}`)
}
