import { execFile } from 'node:child_process'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const run = promisify(execFile)
const FOLDER = fileURLToPath(new URL('../../.tools/supabase', import.meta.url))
/** 140 MB, so it is no development dependency of everybody. */
const WANTED = 'supabase@3.1.0'

/** The program of Supabase's tool, from npm; it is installed where it is missing. */
export async function prepareSupabaseTool(): Promise<string> {
  const program = join(
    FOLDER,
    'node_modules/.bin',
    process.platform === 'win32' ? 'supabase.cmd' : 'supabase',
  )
  const stamp = join(FOLDER, '.installed')
  if ((await readFile(stamp, 'utf8').catch(() => '')) === WANTED) return program
  await mkdir(FOLDER, { recursive: true })
  // Without a package.json of its own, npm would install into the folder above.
  await writeFile(join(FOLDER, 'package.json'), '{ "private": true }\n')
  const args = ['install', '--no-save', '--no-package-lock', '--ignore-scripts', '--loglevel=error', WANTED]
  await run('npm', args, { cwd: FOLDER, shell: process.platform === 'win32' })
  await writeFile(stamp, WANTED)
  return program
}
