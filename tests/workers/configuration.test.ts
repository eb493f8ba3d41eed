import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { unstable_readConfig as readConfig } from 'wrangler'

const PATH = fileURLToPath(new URL('../../workers/wrangler.jsonc', import.meta.url))

describe.each([undefined, 'staging', 'production'])('wrangler.jsonc, environment %s', (env) => {
  const config = readConfig({ config: PATH, env })

  it('binds a Hyperdrive and says that its cache is off', () => {
    expect(config.hyperdrive).toMatchObject([{ binding: 'HYPERDRIVE' }])
    expect(config.vars).toMatchObject({ HYPERDRIVE_CACHING: 'disabled' })
  })

  it('has what the entry relies on', () => {
    expect(config.compatibility_flags).toEqual(['nodejs_compat', 'global_fetch_strictly_public'])
    expect(config.triggers.crons).toEqual(['* * * * *'])
    expect(config.ratelimits).toMatchObject([{ name: 'REQUEST_LIMIT' }, { name: 'API_KEY_LIMIT' }])
    expect(config.assets?.directory).toMatch(/dist\/workers\/assets$/)
    expect(config.preview_urls).toBe(false)
  })

  it('holds no secret', () => {
    expect(Object.keys(config.vars)).toEqual(['ISSUER_URL', 'HYPERDRIVE_CACHING'])
  })
})

it('the environments share no database and no count of requests', async () => {
  const text = await readFile(PATH, 'utf8')
  for (const [pattern, count] of [
    [/"id": "([^"]+)"/g, 3],
    [/"namespace_id": "([^"]+)"/g, 6],
  ] as const) {
    const found = [...text.matchAll(pattern)].map(([, id]) => id)
    expect(found).toHaveLength(count)
    expect(new Set(found).size).toBe(count)
  }
})
