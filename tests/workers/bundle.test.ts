import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { build } from 'esbuild'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Bundle, bundleWorkers } from '../../scripts/bundle_workers.ts'

/** What workerd has of Node with `nodejs_compat`, and the server or its packages may use. */
const MODULES =
  /^(node:)?(assert|async_hooks|buffer|child_process|crypto|dns|events|fs|net|os|path|process|stream|string_decoder|timers|tls|url|util)(\/|$)|^cloudflare:/

describe('the Worker as it would be uploaded', () => {
  let directory: string
  let bundle: Bundle
  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'auth-agent-bundle-'))
    bundle = await bundleWorkers('production', directory)
  })
  afterAll(() => rm(directory, { recursive: true, force: true }))

  it('is less than 1 MiB compressed', () => {
    expect(bundle.compressed).toBeLessThan(2 ** 20)
  })

  it.each(['OAuthError', 'DatabaseUnavailable', 'PublicFetchError', 'LateError'])(
    'has %s by its name, which the log tells',
    (name) => expect(bundle.code).toMatch(new RegExp(`\\b(${name} = class|class ${name}) `)),
  )

  it('imports nothing that workerd cannot load', async () => {
    const { metafile } = await build({
      stdin: { contents: bundle.code, resolveDir: directory },
      bundle: true,
      packages: 'external',
      format: 'esm',
      write: false,
      metafile: true,
    })
    const imported = Object.values(metafile.outputs).flatMap(({ imports }) => imports)
    const strange = imported.map(({ path }) => path).filter((path) => !MODULES.test(path))
    expect(strange).toEqual([])
  })
})
