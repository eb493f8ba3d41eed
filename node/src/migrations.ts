import { readdir, readFile } from 'node:fs/promises'
import type { Migration } from '@auth-agent/server/storage/migrate'

/** The one description of the schema that is executed. As near to this file as to its bundle in dist/node. */
const FOLDER = new URL('../../supabase/migrations/', import.meta.url)

/** Reads every migration, in order. */
export async function readMigrations(): Promise<Migration[]> {
  const names = (await readdir(FOLDER)).filter((name) => name.endsWith('.sql')).toSorted()
  return Promise.all(
    names.map(async (name) => ({
      name: name.slice(0, -'.sql'.length),
      sql: await readFile(new URL(name, FOLDER), 'utf8'),
    })),
  )
}
