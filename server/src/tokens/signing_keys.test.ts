import { beforeEach, describe, expect, it } from 'vitest'
import { createKeyWrapping } from '../keys/key_wrapping.ts'
import { SIGNING_ALGS, type SigningAlg } from '../options.ts'
import type { SigningKeyRow, SigningKeyStorage } from '../storage/signing_keys.ts'
import { loadSigningKeys, type SigningKeys } from './signing_keys.ts'

const SECRET = 'the secret of a test, which is long enough'
const SECOND = 1_000
const DAY = 86_400 * SECOND

let now: number
let rows: SigningKeyRow[]
let isAway: boolean
/** How often the keys were read. */
let reads: number

beforeEach(() => {
  now = 1_000 * DAY
  rows = []
  isAway = false
  reads = 0
})

/** What the table does, in a list. */
const storage: SigningKeyStorage = {
  async listSigningKeys(at) {
    reads += 1
    if (isAway) throw new Error('The database is away.')
    return rows
      .filter((row) => row.expires_at === null || row.expires_at > at)
      .toSorted((a, b) => b.activates_at.getTime() - a.activates_at.getTime())
  },
  async addSigningKey(key, predecessor) {
    const index = rows.findIndex((row) => row.kid === predecessor?.kid && row.deactivates_at === null)
    if (predecessor !== undefined && index < 0) return false
    rows = rows.map((row, at) =>
      at === index
        ? { ...row, deactivates_at: key.activates_at, expires_at: predecessor?.expiresAt ?? null }
        : row,
    )
    rows.push(key)
    return true
  },
  async rewrapSigningKey(kid, wrapped_key) {
    rows = rows.map((row) => (row.kid === kid ? { ...row, wrapped_key } : row))
  },
}

function load(algs: readonly SigningAlg[] = ['ES256'], secrets = [SECRET]): Promise<SigningKeys> {
  return loadSigningKeys({
    storage,
    wrapping: createKeyWrapping(secrets),
    algs,
    maxTokenTtl: 3_600,
    now: () => now,
  })
}

async function published(keys: SigningKeys): Promise<(string | undefined)[]> {
  return (await keys.jwks()).keys.map(({ kid }) => kid)
}

describe('the signing keys', () => {
  it('are made at the first start, one for each algorithm in use', async () => {
    const keys = await load(SIGNING_ALGS)
    for (const alg of SIGNING_ALGS) expect(await keys.current(alg)).toMatchObject({ alg })
    await load(SIGNING_ALGS)
    expect(rows.map(({ alg }) => alg).toSorted()).toEqual([...SIGNING_ALGS].toSorted())
  })

  it('are published but for that of HS256', async () => {
    const { keys } = await (await load(SIGNING_ALGS)).jwks()
    expect(keys.map(({ alg }) => alg).toSorted()).toEqual(['ES256', 'EdDSA', 'RS256'])
    for (const key of keys) expect(key).not.toHaveProperty('d')
  })

  it('of an algorithm that is not in use do not sign', async () => {
    const keys = await load(['ES256'])
    await expect(keys.current('RS256')).rejects.toThrow('There is no signing key for RS256.')
  })

  it('do not open with another secret', async () => {
    await load()
    await expect(load(['ES256'], ['another secret of a test, long enough'])).rejects.toThrow(
      'add the former secret to its end',
    )
  })

  it('are wrapped anew under a new secret, and stay what they are', async () => {
    const before = await (await load()).current('ES256')
    const secret = 'the next secret of a test, which is long enough'
    await load(['ES256'], [secret, SECRET])
    expect(await (await load(['ES256'], [secret])).current('ES256')).toMatchObject({ kid: before.kid })
  })
})

describe('a rotation', () => {
  it('publishes the successor a day before it signs', async () => {
    const keys = await load()
    const { kid } = await keys.current('ES256')
    now += 89 * DAY
    await keys.rotateDueKeys()
    expect(await published(keys)).toHaveLength(2)
    now += DAY - 1
    expect((await keys.current('ES256')).kid).toBe(kid)
    now += 1
    expect((await keys.current('ES256')).kid).not.toBe(kid)
    expect(await keys.find(kid)).toMatchObject({ kid })
  })

  it('is not due earlier, and happens once', async () => {
    const keys = await load()
    now += 89 * DAY - 1
    await keys.rotateDueKeys()
    expect(rows).toHaveLength(1)
    now += 1
    await keys.rotateDueKeys()
    await keys.rotateDueKeys()
    expect(rows).toHaveLength(2)
  })

  it('of two nodes at once makes one successor', async () => {
    const nodes = [await load(), await load()]
    now += 89 * DAY
    await Promise.all(nodes.map((node) => node.rotateDueKeys()))
    expect(rows).toHaveLength(2)
  })

  it('forgets a key when its last token, and five minutes for clocks, are over', async () => {
    const keys = await load()
    const { kid } = await keys.current('ES256')
    await keys.rotateAll(60)
    now += (60 + 3_600 + 300) * SECOND - 1
    expect(await keys.find(kid)).toBeDefined()
    now += 1
    expect(await keys.find(kid)).toBeUndefined()
  })

  it('of all keys makes a successor whatever their age', async () => {
    const keys = await load(SIGNING_ALGS)
    await keys.rotateAll()
    expect(rows).toHaveLength(2 * SIGNING_ALGS.length)
  })

  it('at once overtakes a successor that has not signed yet', async () => {
    const keys = await load()
    await keys.rotateAll()
    now += SECOND
    await keys.rotateAll(0)
    const { kid } = await keys.current('ES256')
    expect(rows.findLast(({ deactivates_at }) => deactivates_at === null)?.kid).toBe(kid)
    now += DAY + SECOND
    expect((await keys.current('ES256')).kid).toBe(kid)
  })
})

describe('another node’s key', () => {
  it('is found at once, though nodes read once a minute', async () => {
    const [node, other] = [await load(), await load()]
    await other.rotateAll(0)
    const { kid } = await other.current('ES256')
    now += 6 * SECOND
    expect(await node.find(kid)).toMatchObject({ kid })
  })

  it('that does not exist makes us read once in five seconds, not each time', async () => {
    const node = await load()
    now += 6 * SECOND
    const before = reads
    for (let request = 0; request < 100; request += 1)
      expect(await node.find(`rubbish ${request}`)).toBeUndefined()
    expect(reads).toBe(before + 1)
  })
})

describe('while the database is away', () => {
  it('a node goes on with the keys that it has, and tries once a minute', async () => {
    const node = await load()
    const { kid } = await node.current('ES256')
    isAway = true
    const before = reads
    for (let second = 0; second < 180; second += 1) {
      now += SECOND
      expect(await node.current('ES256')).toMatchObject({ kid })
      expect(await node.find(kid)).toMatchObject({ kid })
      expect(await published(node)).toEqual([kid])
    }
    expect(reads - before).toBeLessThanOrEqual(3)
  })

  it('it does not say of a key that it cannot look for that there is none', async () => {
    const node = await load()
    isAway = true
    now += 6 * SECOND
    await expect(node.find('of another node')).rejects.toThrow('The database is away.')
    await expect(node.find('of another node')).rejects.toThrow('The database is away.')
    isAway = false
    now += 6 * SECOND
    expect(await node.find('of another node')).toBeUndefined()
  })

  it('a node does not start', async () => {
    isAway = true
    await expect(load()).rejects.toThrow('The database is away.')
  })
})
