import { spawnSync } from 'node:child_process'
import { delimiter, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const ROOT = dirname(dirname(fileURLToPath(import.meta.url)))
const PROGRAM = join(ROOT, 'node_modules/wrangler/bin/wrangler.js')

/** Whose output the terminal does not show cannot ask it anything either. */
const UNATTENDED = { CI: 'true', WRANGLER_SEND_METRICS: 'false' }

/**
 * Runs wrangler in the root of the repository, on this very Node, whatever is on the PATH.
 *
 * @param output where it goes: to the terminal, or to the caller
 * @returns what it wrote, where the caller gets it
 * @throws Error that says what failed, and why where the terminal does not
 */
export function runWrangler(output: 'inherit' | 'pipe', ...args: readonly string[]): string {
  const { status, signal, error, stdout, stderr } = spawnSync(process.execPath, [PROGRAM, ...args], {
    cwd: ROOT,
    env: {
      ...process.env,
      // The build command of wrangler.jsonc starts `node`.
      PATH: [dirname(process.execPath), process.env['PATH']].join(delimiter),
      ...(output === 'pipe' && UNATTENDED),
    },
    stdio: ['inherit', output, output],
    encoding: 'utf8',
  })
  if (status === 0) return stdout ?? ''
  const command = args.join(' ').replace(/ --.*/, '').slice(0, 80)
  const written = `${stdout ?? ''}${stderr ?? ''}`.trim()
  const why = error?.message ?? (written || `its status was ${status ?? signal}`)
  throw new Error(`wrangler ${command} failed: ${why}`)
}
