import { mkdir, readdir, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { buildAssets } from './build.ts'

const ROOT = dirname(dirname(fileURLToPath(import.meta.url)))
const GENERATED = join(ROOT, 'server/src/pages/generated/assets.ts')
const DIRECTORY = join(ROOT, 'dist/workers/assets')

/** As the server itself answers them; a path with an older digest is not among the files, and is left to it. */
const HEADERS = `/assets/*
  Cache-Control: public, max-age=31536000, immutable
  X-Content-Type-Options: nosniff
  Cross-Origin-Resource-Policy: same-origin
`

/** Writes what browsers load to where wrangler.jsonc has the platform serve it from. wrangler runs it before it bundles. */
export async function main(): Promise<void> {
  await buildAssets()
  const { assets } = (await import(GENERATED)) as { assets: Record<string, { body: string; hash: string }> }
  const digests = Object.values(assets).map(({ hash }) => hash)
  const former = await readdir(join(DIRECTORY, 'assets')).catch(() => [])
  for (const digest of former.filter((name) => !digests.includes(name)))
    await rm(join(DIRECTORY, 'assets', digest), { recursive: true })
  for (const [name, { body, hash }] of Object.entries(assets)) {
    await mkdir(join(DIRECTORY, 'assets', hash), { recursive: true })
    await writeFile(join(DIRECTORY, 'assets', hash, name), body)
  }
  await writeFile(join(DIRECTORY, '_headers'), HEADERS)
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await main()
