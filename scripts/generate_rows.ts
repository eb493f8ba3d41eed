import { spawnSync } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type ConfigV4, makePgTsGenerator, type PgTsPreRenderHook, processDatabase } from 'kanel'

/** Where the generated types are kept. */
export const ROWS_FILE = new URL('../server/src/storage/rows.ts', import.meta.url)

const HEADER = `/**
 * What the driver returns of each table. Made by kanel from the migrated database; after a change of the schema run
 * \`npx vitest run tests/storage/rows.test.ts -u\`.
 */
`

/** What the driver makes of each type of PostgreSQL; a column of another type stops the generation. */
const TYPES: Readonly<Record<string, string>> = {
  'pg_catalog.bool': 'boolean',
  'pg_catalog.bytea': 'Buffer',
  'pg_catalog.date': 'Date',
  'pg_catalog.int4': 'number',
  'pg_catalog.int8': 'string',
  'pg_catalog.jsonb': 'unknown',
  'pg_catalog.text': 'string',
  'pg_catalog.timestamptz': 'Date',
  'pg_catalog.xid8': 'string',
}

/** The types of all tables of a migrated database, as the text of one module. */
export async function generateRows(databaseUrl: string): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'rows-'))
  try {
    await processDatabase(configuration(databaseUrl, folder))
    return format(HEADER + (await readFile(join(folder, 'rows.ts'), 'utf8')))
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

function configuration(connection: string, outputPath: string): ConfigV4 {
  const rows = makePgTsGenerator({
    customTypeMap: TYPES,
    filter: ({ kind }) => kind === 'table',
    getMetadata: (details, _, builtin) => ({
      ...builtin,
      name: `${pascalCase(details.name)}Row`,
      comment: undefined,
      path: join(outputPath, 'rows'),
      exportAs: 'named',
    }),
    getPropertyMetadata: (property, details, _, builtin) => ({
      ...builtin,
      comment: undefined,
      typeOverride: typeOf(property.type.fullName, `${details.name}.${property.name}`),
    }),
    preRenderHooks: [keepRows],
  })
  return { connection, schemaNames: ['auth_agent'], outputPath, generators: [rows] }
}

/** Kanel also makes branded ids and the shapes of inserts and updates: statements here name their columns. */
const keepRows: PgTsPreRenderHook = (output) =>
  Object.fromEntries(
    Object.entries(output).map(([path, file]) => {
      if (file.fileType !== 'typescript') return [path, file]
      const interfaces = file.declarations.filter(
        (declaration) => declaration.declarationType === 'interface',
      )
      // The row of a table is the first of its three interfaces.
      const rows = new Map(interfaces.toReversed().map((declaration) => [declaration.name, declaration]))
      const declarations = [...rows.values()].toSorted((a, b) => (a.name < b.name ? -1 : 1))
      return [path, { ...file, declarations }]
    }),
  )

function typeOf(type: string, column: string): string {
  const found = TYPES[type]
  if (found === undefined)
    throw new Error(`${column} has the type ${type}: say in generate_rows.ts what the driver makes of it.`)
  return found
}

function pascalCase(name: string): string {
  return name.replace(/(?:^|_)([a-z])/g, (_, letter: string) => letter.toUpperCase())
}

function format(source: string): string {
  const biome = join(
    dirname(createRequire(import.meta.url).resolve('@biomejs/biome/package.json')),
    'bin',
    'biome',
  )
  const args = [biome, 'format', `--stdin-file-path=${fileURLToPath(ROWS_FILE)}`]
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { input: source, encoding: 'utf8' })
  if (status !== 0) throw new Error(`biome format failed: ${stderr}`)
  return stdout
}

async function main(): Promise<void> {
  const url = process.env['DATABASE_URL']
  if (!url)
    throw new Error('Set DATABASE_URL to a migrated database, or run the test with -u, which has one.')
  await writeFile(ROWS_FILE, await generateRows(url))
}

if (import.meta.main) await main()
