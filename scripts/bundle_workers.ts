import { readFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'
import { runWrangler } from './wrangler.ts'

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
  const upload = ['--dry-run', '--env', environment, '--outdir', directory]
  runWrangler('pipe', 'deploy', '--config', 'workers/wrangler.jsonc', ...upload)
  const code = await readFile(join(directory, 'main.js'), 'utf8')
  return { code, compressed: gzipSync(code).length }
}

/** `node scripts/bundle_workers.ts` prints the size. */
async function main(): Promise<void> {
  const { code, compressed } = await bundleWorkers('production', join(ROOT, 'dist/workers/bundle'))
  console.log(`The Worker: ${kib(Buffer.byteLength(code))}, compressed ${kib(compressed)} of 1024 KiB.`)
}

function kib(bytes: number): string {
  return `${Math.ceil(bytes / 1024)} KiB`
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  try {
    await main()
  } catch (error) {
    console.error(error instanceof Error ? error.message : error)
    process.exitCode = 1
  }
}
