import { describe, expect, it } from 'vitest'
import { readMigrations } from '../../node/src/migrations.ts'

/** What a server of the version before may still need: it would fail at what is gone, or at what is asked of it anew. */
const CONTRACTS =
  /^\s*(drop\s+(table|view|function|schema|type|index\s+.*unique)|truncate|.*\b(drop\s+column|rename\s+(to|column)|alter\s+column\s+\S+\s+(set\s+not\s+null|type|set\s+data\s+type|drop\s+default)|add\s+column\s+.*\bnot\s+null(?!.*\bdefault\b)))/i
/** Who contracts says since which version nobody has used it. */
const REASON = /^\s*-- contracts: .*\bsince \d+\.\d+\.\d+/

/** The lines that contract, unless the line before gives the reason. */
function findContractions(sql: string): string[] {
  const lines = sql.split('\n')
  return lines.filter((line, index) => CONTRACTS.test(line) && !REASON.test(lines[index - 1] ?? ''))
}

describe('migrations', () => {
  it('after the first one expand, so that the version before goes on serving', async () => {
    const [, ...later] = await readMigrations()
    for (const { name, sql } of later) expect([name, findContractions(sql)]).toEqual([name, []])
  })

  it.each([
    'drop table auth_agent.tokens;',
    'alter table auth_agent.tokens drop column scope;',
    'alter table auth_agent.tokens rename column scope to scopes;',
    'alter table auth_agent.tokens alter column scope set not null;',
    'alter table auth_agent.tokens alter column scope type text[];',
    'alter table auth_agent.tokens add column note text not null;',
  ])('would be refused: %s', (sql) => {
    expect(findContractions(sql)).toEqual([sql])
    expect(findContractions(`-- contracts: nobody has read it since 0.4.0\n${sql}`)).toEqual([])
  })

  it.each([
    'create table auth_agent.more (id text primary key);',
    'alter table auth_agent.tokens add column note text;',
    'alter table auth_agent.tokens add column note text not null default 0;',
    'create index on auth_agent.tokens (note);',
  ])('may say: %s', (sql) => {
    expect(findContractions(sql)).toEqual([])
  })
})
