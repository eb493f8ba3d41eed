import { createHash } from 'node:crypto'
import { mkdir, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { basename, dirname, extname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type BuildOptions, build, type Plugin } from 'esbuild'

const ROOT = dirname(dirname(fileURLToPath(import.meta.url)))
const BROWSER = join(ROOT, 'server/src/pages/browser')
const ASSETS = join(ROOT, 'server/src/pages/generated/assets.ts')
const MAIN = join(ROOT, 'dist/node/main.js')
const STAMP = join(ROOT, 'dist/.sources')

const CONTENT_TYPES: Record<string, string> = {
  '.css': 'text/css; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
}

/** Makes what the program needs beside its sources, unless nothing changed since the last time. */
export async function main(): Promise<void> {
  const sources = await describeSources()
  const last = await readFile(STAMP, 'utf8').catch(() => '')
  if (sources === last && (await exists(MAIN)) && (await exists(ASSETS))) return
  await buildAssets()
  await buildNode()
  await writeFile(STAMP, sources)
}

/** Bundles what browsers load into a module of the server, so that every runtime carries it along. */
export async function buildAssets(): Promise<void> {
  const names = (await readdir(BROWSER)).filter((name) => /(?<!\.d|\.test)\.ts$|\.css$/.test(name)).toSorted()
  const entries = await Promise.all(names.map(async (name) => buildAsset(join(BROWSER, name))))
  const type = 'Readonly<Record<string, { contentType: string; body: string; hash: string }>>'
  const text = `export const assets: ${type} = ${JSON.stringify(Object.fromEntries(entries), null, 2)}\n`
  await mkdir(dirname(ASSETS), { recursive: true })
  if (text !== (await readFile(ASSETS, 'utf8').catch(() => ''))) await writeFile(ASSETS, text)
}

async function buildAsset(source: string): Promise<[string, object]> {
  const options: BuildOptions = {
    entryPoints: [source],
    bundle: true,
    minify: true,
    write: false,
    format: 'esm',
    target: 'es2022',
    legalComments: 'none',
    logLevel: 'error',
  }
  const { outputFiles = [] } = await build(options)
  const body = outputFiles[0]?.text ?? ''
  const extension = extname(source) === '.css' ? '.css' : '.js'
  const hash = createHash('sha256').update(body).digest('base64url').slice(0, 16)
  const contentType = CONTENT_TYPES[extension]
  return [basename(source, extname(source)) + extension, { contentType, body, hash }]
}

/**
 * Node cannot strip types from .tsx, so its entry is bundled; packages of npm stay where they are. What is imported when
 * it is needed gets a file of its own beside the entry, so that it is loaded then and no earlier.
 */
async function buildNode(): Promise<void> {
  const { metafile } = await build({
    entryPoints: [join(ROOT, 'node/src/main.ts')],
    outdir: dirname(MAIN),
    splitting: true,
    metafile: true,
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node22.19',
    jsx: 'automatic',
    jsxImportSource: 'hono/jsx',
    sourcemap: true,
    plugins: [keepPackagesOutside],
    logLevel: 'error',
  })
  const made = new Set(Object.keys(metafile.outputs).map((path) => basename(path)))
  for (const name of await readdir(dirname(MAIN)))
    if (!made.has(name)) await rm(join(dirname(MAIN), name), { recursive: true })
}

/** Our own workspaces are TypeScript and go into the bundle; everything else that npm installed does not. */
const keepPackagesOutside: Plugin = {
  name: 'keep-packages-outside',
  setup({ onResolve }) {
    onResolve({ filter: /^[^./]/ }, ({ path, kind }) =>
      kind === 'entry-point' || path.startsWith('@auth-agent/') ? undefined : { path, external: true },
    )
  },
}

/** A digest over name, size and time of every file that the outcome depends on. */
async function describeSources(): Promise<string> {
  const digest = createHash('sha256')
  const folders = ['server/src', 'node/src']
  const files = ['package-lock.json', 'scripts/build.ts', 'server/package.json', 'tsconfig.json']
  for (const folder of folders) {
    for (const entry of await readdir(join(ROOT, folder), { recursive: true, withFileTypes: true })) {
      const path = join(entry.parentPath, entry.name)
      if (entry.isFile() && !path.includes('generated') && !/\.test\.tsx?$/.test(path))
        files.push(path.slice(ROOT.length + 1))
    }
  }
  for (const file of files.toSorted()) {
    const { size, mtimeMs } = await stat(join(ROOT, file))
    digest.update(`${file} ${size} ${mtimeMs}\n`)
  }
  return digest.digest('hex')
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  )
}
