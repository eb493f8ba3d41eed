import type { Adapter, AdapterFactory, AdapterPayload } from 'oidc-provider'
import { Client, Pool } from 'pg'

/**
 * One table for all models, as the adapters that people made for `oidc-provider` and SQL have it. There is no index by expiry: who
 * deletes what has expired goes through the table once in a while, and no request pays for it.
 */
const SCHEMA = `
  create table oidc_payloads (
    model text not null,
    id text not null,
    payload jsonb not null,
    grant_id text,
    user_code text,
    uid text,
    expires_at timestamptz,
    primary key (model, id)
  );
  create index on oidc_payloads (grant_id, model) where grant_id is not null;
  create index on oidc_payloads (user_code, model) where user_code is not null;
  create index on oidc_payloads (uid, model) where uid is not null;
`

const IS_LIVE = '(expires_at is null or expires_at > now())'

/** Each is named, so that a connection prepares it once. */
const STATEMENTS = {
  upsert: `
    insert into oidc_payloads (model, id, payload, grant_id, user_code, uid, expires_at)
    values ($1, $2, $3, $4, $5, $6, now() + make_interval(secs => $7))
    on conflict (model, id) do update set
      payload = excluded.payload,
      grant_id = excluded.grant_id,
      user_code = excluded.user_code,
      uid = excluded.uid,
      expires_at = excluded.expires_at`,
  find: `select payload from oidc_payloads where model = $1 and id = $2 and ${IS_LIVE}`,
  findByUid: `select payload from oidc_payloads where model = $1 and uid = $2 and ${IS_LIVE}`,
  findByUserCode: `select payload from oidc_payloads where model = $1 and user_code = $2 and ${IS_LIVE}`,
  consume: `
    update oidc_payloads
    set payload = payload || jsonb_build_object('consumed', extract(epoch from now())::bigint)
    where model = $1 and id = $2`,
  destroy: 'delete from oidc_payloads where model = $1 and id = $2',
  revokeByGrantId: 'delete from oidc_payloads where model = $1 and grant_id = $2',
}

type StatementName = keyof typeof STATEMENTS

export async function createTable(databaseUrl: string): Promise<void> {
  const client = new Client({ connectionString: databaseUrl })
  await client.connect()
  await client.query(SCHEMA)
  await client.end()
}

/** Over one pool, whose size is the one that the driver has by itself. */
export function postgresAdapterFactory(databaseUrl: string): AdapterFactory {
  const pool = new Pool({ connectionString: databaseUrl })
  pool.on('error', (error) => console.error(error))
  return (model) => new PostgresAdapter(pool, model)
}

class PostgresAdapter implements Adapter {
  readonly #pool: Pool
  readonly #model: string

  constructor(pool: Pool, model: string) {
    this.#pool = pool
    this.#model = model
  }

  async upsert(id: string, payload: AdapterPayload, expiresIn?: number): Promise<void> {
    const { grantId, userCode, uid } = payload
    await this.#query('upsert', id, JSON.stringify(payload), grantId, userCode, uid, expiresIn)
  }

  find(id: string): Promise<AdapterPayload | undefined> {
    return this.#query('find', id)
  }

  findByUid(uid: string): Promise<AdapterPayload | undefined> {
    return this.#query('findByUid', uid)
  }

  findByUserCode(userCode: string): Promise<AdapterPayload | undefined> {
    return this.#query('findByUserCode', userCode)
  }

  async consume(id: string): Promise<void> {
    await this.#query('consume', id)
  }

  async destroy(id: string): Promise<void> {
    await this.#query('destroy', id)
  }

  async revokeByGrantId(grantId: string): Promise<void> {
    await this.#query('revokeByGrantId', grantId)
  }

  async #query(name: StatementName, ...values: readonly unknown[]): Promise<AdapterPayload | undefined> {
    const { rows } = await this.#pool.query<{ payload: AdapterPayload }>({
      name,
      text: STATEMENTS[name],
      values: [this.#model, ...values],
    })
    return rows[0]?.payload
  }
}
