import { readdir, readFile, stat } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'
import { main as build } from './build.ts'

const BROWSER = fileURLToPath(new URL('../server/src/pages/browser/', import.meta.url))
const GENERATED = new URL('../server/src/pages/generated/assets.ts', import.meta.url)
const MAIN = new URL('../dist/node/main.js', import.meta.url)

interface Asset {
  contentType: string
  body: string
  hash: string
}

it('carries every file for browsers along, minified and with a hash of its content', async () => {
  await build()
  const { assets } = (await import(GENERATED.href)) as { assets: Record<string, Asset> }
  const sources = (await readdir(BROWSER)).filter(
    (name) => /\.(ts|css)$/.test(name) && !/\.test\.ts$/.test(name),
  )
  expect(Object.keys(assets).toSorted()).toEqual(
    sources.map((name) => name.replace(/\.ts$/, '.js')).toSorted(),
  )
  for (const [name, { contentType, hash }] of Object.entries(assets)) {
    expect(contentType).toBe(
      name.endsWith('.css') ? 'text/css; charset=utf-8' : 'text/javascript; charset=utf-8',
    )
    expect(hash).toMatch(/^[\w-]{16}$/)
  }
  const css = assets['style.css']?.body ?? ''
  expect(css.length).toBeGreaterThan(100)
  expect(css).not.toMatch(/\/\*|\n\s|@import/)
})

it('loads what few ask for only when they do', async () => {
  await build()
  const main = await readFile(MAIN, 'utf8')
  const chunks = [...main.matchAll(/from "(\.\/[^"]+)"|import "(\.\/[^"]+)"/g)].map(
    ([, from, alone]) => from ?? alone,
  )
  const loaded = await Promise.all(chunks.map((chunk) => readFile(new URL(chunk ?? '', MAIN), 'utf8')))
  expect([main, ...loaded].join('\n')).not.toMatch(/from "@opentelemetry\/(sdk|exporter)/)
})

it('does nothing when nothing changed', async () => {
  await build()
  const { mtimeMs } = await stat(MAIN)
  await build()
  expect((await stat(MAIN)).mtimeMs).toBe(mtimeMs)
})
