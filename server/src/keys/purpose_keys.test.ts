import { describe, expect, it } from 'vitest'
import { inMemory } from '../../../tests/support/purpose_keys.ts'
import type { StoredPurposeKey } from '../storage/purpose_keys.ts'
import { createKeyWrapping } from './key_wrapping.ts'
import { loadPurposeKeys, PURPOSES } from './purpose_keys.ts'

const OLD = 'the secret of last year, which is long enough'
const NEW = 'the secret of this year, which is long enough'

function load(stored: StoredPurposeKey[], ...secrets: string[]) {
  return loadPurposeKeys(inMemory(stored), createKeyWrapping(secrets), new Date())
}

describe('the keys of purposes', () => {
  it('are made at the first start, one a purpose, and are the same ever after', async () => {
    const stored: StoredPurposeKey[] = []
    const first = await load(stored, OLD)
    expect(stored.map(({ purpose }) => purpose).toSorted()).toEqual([...PURPOSES].toSorted())
    const second = await load(stored, OLD)
    for (const purpose of PURPOSES) expect(second.mac(purpose, 'm')).toEqual(first.mac(purpose, 'm'))
    expect(stored).toHaveLength(PURPOSES.length)
  })

  it('are those of the node that was first, where two start at once', async () => {
    const stored: StoredPurposeKey[] = []
    const [one, two] = await Promise.all([load(stored, OLD), load(stored, OLD)])
    for (const purpose of PURPOSES) expect(two.mac(purpose, 'm')).toEqual(one.mac(purpose, 'm'))
  })

  it('differ between purposes, and between servers', async () => {
    const keys = await load([], OLD)
    const other = await load([], OLD)
    const macs = PURPOSES.flatMap((purpose) => [keys.mac(purpose, 'm'), other.mac(purpose, 'm')])
    expect(new Set(macs.map((mac) => mac.toString('hex'))).size).toBe(2 * PURPOSES.length)
  })

  it('are wrapped anew under a new secret, and stay what they are', async () => {
    const stored: StoredPurposeKey[] = []
    const before = await load(stored, OLD)
    const during = await load(stored, NEW, OLD)
    const after = await load(stored, NEW)
    for (const purpose of PURPOSES) {
      expect(during.mac(purpose, 'm')).toEqual(before.mac(purpose, 'm'))
      expect(after.mac(purpose, 'm')).toEqual(before.mac(purpose, 'm'))
    }
    await expect(load(stored, OLD)).rejects.toThrow('add the former secret to its end')
  })

  it('cannot be exchanged for each other in the database', async () => {
    const stored: StoredPurposeKey[] = []
    await load(stored, OLD)
    const [one, two] = stored as [StoredPurposeKey, StoredPurposeKey]
    const exchanged = [{ ...one, wrapped_key: two.wrapped_key }, ...stored.slice(1)]
    await expect(load(exchanged, OLD)).rejects.toThrow()
  })
})

describe('a mac', () => {
  it('is that of its message under any version of the key; new ones are made with the newest', async () => {
    const stored: StoredPurposeKey[] = []
    const before = await load(stored, OLD)
    const wrapping = createKeyWrapping([OLD])
    const wrapped_key = wrapping.wrap(Buffer.alloc(32, 7), 'purpose_keys/refresh_token/2')
    const after = await load([...stored, { purpose: 'refresh_token', version: 2, wrapped_key }], OLD)
    expect(after.isMac('refresh_token', 'm', before.mac('refresh_token', 'm'))).toBe(true)
    expect(after.mac('refresh_token', 'm')).not.toEqual(before.mac('refresh_token', 'm'))
    expect(before.isMac('refresh_token', 'm', after.mac('refresh_token', 'm'))).toBe(false)
  })

  it.each([
    ['of another message', (mac: Buffer) => ({ message: 'n', mac })],
    ['that is empty', () => ({ message: 'm', mac: Buffer.alloc(0) })],
    ['that is cut short', (mac: Buffer) => ({ message: 'm', mac: mac.subarray(1) })],
    ['with something after it', (mac: Buffer) => ({ message: 'm', mac: Buffer.concat([mac, mac]) })],
  ])('is not one %s', async (_, change) => {
    const keys = await load([], OLD)
    const { message, mac } = change(keys.mac('digest', 'm'))
    expect(keys.isMac('digest', message, mac)).toBe(false)
  })

  it('of one purpose is none of another', async () => {
    const keys = await load([], OLD)
    expect(keys.isMac('client_secret', 'm', keys.mac('client_id', 'm'))).toBe(false)
  })
})
