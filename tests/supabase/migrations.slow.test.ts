import { execFile } from 'node:child_process'
import { cp } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { migrate } from '@auth-agent/server/storage/migrate'
import { connectPostgres } from '@auth-agent/server/storage/postgres'
import { beforeAll, describe, expect, it, vi } from 'vitest'
import { readMigrations } from '../../node/src/migrations.ts'
import { statement } from '../../server/src/storage/database.ts'
import { readCatalogue } from '../storage/catalogue.ts'
import { makeFolder } from '../support/folders.ts'
import { createTestDatabase } from '../support/postgres.ts'
import { startSupabaseProject } from './supabase_project.ts'
import { prepareSupabaseTool } from './supabase_tool.ts'

vi.setConfig({ testTimeout: 180_000, hookTimeout: 300_000 })

const run = promisify(execFile)
const SUPABASE = fileURLToPath(new URL('../../supabase', import.meta.url))
const HISTORY = statement<{ name: string }>(
  'test_supabase_history',
  `select version || '_' || name as name from supabase_migrations.schema_migrations order by 1`,
)

let tool: string
beforeAll(async () => {
  tool = await prepareSupabaseTool()
})

describe("Supabase's own tool", () => {
  it('applies the migrations unchanged, and the server finds nothing left to do', async () => {
    const project = await startSupabaseProject(18)
    const workdir = await makeFolder()
    await cp(SUPABASE, join(workdir, 'supabase'), { recursive: true })
    const push = () =>
      run(
        tool,
        ['db', 'push', `--remote=${project.operator}`, '--yes', '--agent', 'no', '--workdir', workdir],
        {
          env: { PATH: process.env['PATH'] ?? '', HOME: workdir, SUPABASE_TELEMETRY_DISABLED: '1' },
        },
      )
    await push()
    const migrations = await readMigrations()
    const operator = connectPostgres(project.operator, { maxConnections: 1 })
    expect((await operator.query(HISTORY)).map(({ name }) => name)).toEqual(
      migrations.map(({ name }) => name),
    )
    expect(await migrate(operator, migrations)).toEqual([])
    const own = await createTestDatabase()
    expect((await readCatalogue(operator)).columns).toEqual((await readCatalogue(own.database)).columns)
    await own.drop()
    await operator.close()
    await push()
  })
})
