import { migrate } from '@auth-agent/server/storage/migrate'
import { connectPostgres } from '@auth-agent/server/storage/postgres'
import { describe, expect, it, vi } from 'vitest'
import { readMigrations } from '../../node/src/migrations.ts'
import { type Database, statement } from '../../server/src/storage/database.ts'
import { runStatements } from '../deployment/cluster.ts'
import { API_ROLES, type SupabaseProject, startSupabaseProject } from './supabase_project.ts'

vi.setConfig({ testTimeout: 180_000 })

interface Relation {
  name: string
  kind: 'table' | 'sequence'
}

/** Everything that rows can be had from, in every schema that is not PostgreSQL's own. */
const RELATIONS = statement<Relation>(
  'test_relations',
  `select format('%I.%I', nspname, relname) as name, case relkind when 'S' then 'sequence' else 'table' end as kind
   from pg_class c join pg_namespace n on n.oid = c.relnamespace
   where relkind in ('r', 'p', 'v', 'm', 'f', 'S') and nspname !~ '^pg_' and nspname <> 'information_schema'
   order by 1`,
)
/** How every function would be called, with a null for each argument. */
const CALLS = statement<{ call: string }>(
  'test_calls',
  `select format('%I.%I(%s)', nspname, proname,
     (select string_agg(format('null::%s', format_type(type, null)), ', ') from unnest(proargtypes) type)) as call
   from pg_proc p join pg_namespace n on n.oid = p.pronamespace
   where nspname !~ '^pg_' and nspname <> 'information_schema' and prorettype <> 'trigger'::regtype order by 1`,
)
const REFUSED = '42501'

async function startMigratedProject(version: 15 | 18): Promise<SupabaseProject> {
  const project = await startSupabaseProject(version)
  const operator = connectPostgres(project.operator, { maxConnections: 1 })
  await migrate(operator, await readMigrations()).finally(() => operator.close())
  return project
}

/** What a role could try, and for each attempt what came of it: the SQLSTATE, or the rows. */
async function tryEverything(project: SupabaseProject, role: string): Promise<Map<string, unknown>> {
  const superuser = connectPostgres(project.superuser, { maxConnections: 1 })
  const relations = await superuser.query(RELATIONS)
  const calls = await superuser.query(CALLS)
  await superuser.close()
  const authenticator = connectPostgres(project.authenticator, { maxConnections: 1 })
  const outcomes = new Map<string, unknown>()
  for (const sql of [
    ...relations.flatMap(attemptsAt),
    ...calls.map(({ call }) => `select ${call}`),
    'create table auth_agent.mine (id int)',
    'set role auth_agent_server',
  ])
    outcomes.set(sql, await attempt(authenticator, role, sql))
  await authenticator.close()
  return outcomes
}

function attemptsAt({ name, kind }: Relation): string[] {
  if (kind === 'sequence') return [`select last_value from ${name}`, `select nextval('${name}')`]
  return [
    `select * from ${name}`,
    `insert into ${name} default values`,
    `update ${name} set no_column = 1`,
    `delete from ${name}`,
    `truncate ${name}`,
  ]
}

/** As PostgREST does it: a transaction for each request, in which it becomes the role that the caller's token names. */
async function attempt(authenticator: Database, role: string, sql: string): Promise<unknown> {
  return authenticator
    .transaction(async (tx) => {
      await tx.runScript(
        `set local role ${role}; set local request.jwt.claims = '{"role":"${role}","sub":"usr_ada"}'`,
      )
      await tx.runScript(sql)
      throw new Error('It was not refused; nothing of it stays.')
    })
    .catch(({ code, message }: { code?: unknown; message: string }) => code ?? message)
}

describe.each([15, 18] as const)('the data API of Supabase on PostgreSQL %i', (version) => {
  it('gets nothing out of any table, sequence or function, as whomever it comes', async () => {
    const project = await startMigratedProject(version)
    for (const role of API_ROLES) {
      const outcomes = await tryEverything(project, role)
      expect(outcomes.size).toBeGreaterThan(100)
      expect([...outcomes].filter(([, outcome]) => outcome !== REFUSED)).toEqual([])
    }
  })

  it('gets nothing out of what a later migration makes and forgets to protect', async () => {
    const project = await startMigratedProject(version)
    await runStatements(project.operator, [
      'create table auth_agent.later (id bigint generated always as identity, name text)',
      `insert into auth_agent.later (name) values ('secret')`,
      'create view auth_agent.later_view as select * from auth_agent.later',
      `create function auth_agent.later_function() returns setof auth_agent.later security definer
         language sql as 'select * from auth_agent.later'`,
      'create table public.open (id int)',
    ])
    for (const role of API_ROLES) {
      const outcomes = await tryEverything(project, role)
      const later = [...outcomes].filter(([sql]) => sql.includes('later'))
      expect(later.length).toBeGreaterThan(10)
      expect(later.filter(([, outcome]) => outcome !== REFUSED)).toEqual([])
      // It is tried in a way that would notice: what lies in public is theirs.
      expect(outcomes.get('select * from public.open')).toMatch(/^It was not refused/)
    }
  })
})
