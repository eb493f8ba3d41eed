import { spawnSync } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'

const ROOT = dirname(dirname(fileURLToPath(import.meta.url)))

/** What `wrangler deploy` would upload. */
export interface Bundle {
  /** The one module, as text. */
  code: string
  /** In bytes, as the platform counts them. */
  compressed: number
}

/** Bundles the Worker of an environment as `wrangler deploy` does, and uploads nothing. */
export async function bundleWorkers(environment: string, directory: string): Promise<Bundle> {
  const args = [
    'deploy',
    '--config',
    'workers/wrangler.jsonc',
    '--dry-run',
    '--env',
    environment,
    '--outdir',
    directory,
  ]
  const { status, stdout, stderr } = spawnSync('wrangler', args, {
    cwd: ROOT,
    env: { ...process.env, WRANGLER_SEND_METRICS: 'false', CI: 'true' },
    encoding: 'utf8',
    shell: process.platform === 'win32',
  })
  if (status !== 0) throw new Error(`wrangler deploy --dry-run failed: ${stdout}${stderr}`)
  const code = await readFile(join(directory, 'main.js'), 'utf8')
  return { code, compressed: gzipSync(code).length }
}

/** `node scripts/bundle_workers.ts` prints the size. */
if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { code, compressed } = await bundleWorkers('production', join(ROOT, 'dist/workers/bundle'))
  console.log(`The Worker: ${kib(Buffer.byteLength(code))}, compressed ${kib(compressed)} of 1024 KiB.`)
}

function kib(bytes: number): string {
  return `${Math.ceil(bytes / 1024)} KiB`
}
