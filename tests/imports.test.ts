import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { cruise, type ICruiseResult, type IFlattenedRuleSet } from 'dependency-cruiser'
import { describe, expect, it } from 'vitest'

const { options, ...ruleSet } = createRequire(import.meta.url)('../.dependency-cruiser.cjs') as {
  options: object
} & IFlattenedRuleSet

/** A small program that breaks none of the rules. */
const FILES: Record<string, string> = {
  'server/src/server.ts': `import { token } from './endpoints/token.ts'\nexport const createServer = token`,
  'server/src/errors.ts': 'export const fault = 1',
  'server/src/endpoints/token.ts': `export { grant as token } from '../grants/refresh_token.ts'`,
  'server/src/grants/refresh_token.ts': `import { check } from '../checks/scope.ts'\nexport const grant = check`,
  'server/src/checks/scope.ts': `import { fault } from '../errors.ts'\nimport { createHash } from 'node:crypto'\nimport type { Row } from '../storage/storage.ts'\nexport const check = (row: Row) => [row, fault, createHash]`,
  'server/src/storage/storage.ts': 'export type Row = number\nexport const row = 1',
  'server/src/storage/postgres.ts': `import pg from 'pg'\nexport const connectPostgres = pg`,
  'server/src/pages/page.ts': 'export const page = 1',
  'server/src/server.test.ts': `import { connectPostgres } from './storage/postgres.ts'\nexport default connectPostgres`,
  'node/src/main.ts': `import { createServer } from '../../server/src/server.ts'\nimport { connectPostgres } from '../../server/src/storage/postgres.ts'\nimport 'node:fs'\nexport default [createServer, connectPostgres]`,
}

/** File, an import added to it, and the rule that must refuse it. */
const VIOLATIONS = [
  ['server/src/checks/scope.ts', '../storage/storage.ts', 'checks-are-pure'],
  ['server/src/checks/scope.ts', 'node:fs', 'checks-are-pure'],
  ['server/src/grants/refresh_token.ts', '../endpoints/token.ts', 'grants-import-no-endpoints'],
  ['server/src/grants/refresh_token.ts', '../pages/page.ts', 'not-in-allowed'],
  ['server/src/storage/storage.ts', '../endpoints/token.ts', 'not-in-allowed'],
  ['server/src/endpoints/token.ts', '../server.ts', 'not-in-allowed'],
  ['server/src/endpoints/token.ts', '../storage/postgres.ts', 'driver-only-in-entries'],
  ['server/src/endpoints/token.ts', 'pg', 'driver-only-in-entries'],
  ['server/src/endpoints/token.ts', 'node:fs', 'server-knows-no-runtime'],
  ['server/src/server.ts', '../../node/src/main.ts', 'not-in-allowed'],
  ['node/src/main.ts', '../../server/src/grants/refresh_token.ts', 'not-in-allowed'],
  ['server/src/pages/page.ts', './nowhere.ts', 'resolvable'],
] as const

describe('the rules of who may import whom', () => {
  it('admit a program that keeps them', async () => {
    expect(await violations(FILES)).toEqual([])
  })

  it.each(VIOLATIONS)('%s may not import %s (%s)', async (file, imported, rule) => {
    const changed = { ...FILES, [file]: `import * as wrong from '${imported}'\n${FILES[file]}\nvoid wrong` }
    expect(await violations(changed)).toContain(`${rule}: ${file}`)
  })

  it('count an import of a type as an import', async () => {
    const file = 'server/src/grants/refresh_token.ts'
    const changed = { ...FILES, [file]: `import type { token } from '../endpoints/token.ts'\n${FILES[file]}` }
    expect(await violations(changed)).toContain(`grants-import-no-endpoints: ${file}`)
  })
})

async function violations(files: Record<string, string>): Promise<string[]> {
  const folder = await mkdtemp(join(tmpdir(), 'imports-'))
  try {
    for (const [name, text] of Object.entries(files)) {
      await mkdir(dirname(join(folder, name)), { recursive: true })
      await writeFile(join(folder, name), text)
    }
    const { output } = await cruise(['server', 'node'], {
      ...options,
      baseDir: folder,
      ruleSet,
      validate: true,
    })
    return (output as ICruiseResult).summary.violations.map(({ rule, from }) => `${rule.name}: ${from}`)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}
