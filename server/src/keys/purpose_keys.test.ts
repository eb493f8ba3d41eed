import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { inMemory } from '../../../tests/support/purpose_keys.ts'
import { silentLog } from '../log.ts'
import { DatabaseUnavailable } from '../storage/database.ts'
import type { PurposeKeyStorage, StoredPurposeKey } from '../storage/purpose_keys.ts'
import { createKeyWrapping } from './key_wrapping.ts'
import { loadPurposeKeys, PURPOSES } from './purpose_keys.ts'

const OLD = 'the secret of last year, which is long enough'
const NEW = 'the secret of this year, which is long enough'

function load(stored: StoredPurposeKey[], ...secrets: string[]) {
  return loadPurposeKeys({
    storage: inMemory(stored),
    wrapping: createKeyWrapping(secrets),
    log: silentLog,
    waitUntil: () => {},
    now: Date.now,
  })
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

  it('are wrapped anew under a new secret, every version, and stay what they are', async () => {
    const stored: StoredPurposeKey[] = []
    const before = await load(stored, OLD)
    await before.rotate('digest', 'immediately')
    await before.rotate('digest', 'in a day')
    const during = await load(stored, NEW, OLD)
    const after = await load(stored, NEW)
    for (const purpose of PURPOSES) {
      expect(during.macs(purpose, 'm')).toEqual(before.macs(purpose, 'm'))
      expect(after.macs(purpose, 'm')).toEqual(before.macs(purpose, 'm'))
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

const SECOND = 1000
const MINUTE = 60 * SECOND
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR
type Failure = 'none' | 'away' | 'hangs'

/** Nodes over one database, whose clock and whose connection the test has in its hand. */
function cluster() {
  const stored: StoredPurposeKey[] = []
  const table = inMemory(stored)
  const state = { now: Date.UTC(2026, 10, 1), failure: 'none' as Failure, readings: 0 }
  const background: Promise<void>[] = []
  const storage: PurposeKeyStorage = {
    ...table,
    listPurposeKeys() {
      state.readings += 1
      if (state.failure === 'away') return Promise.reject(new DatabaseUnavailable())
      return state.failure === 'hangs' ? new Promise(() => {}) : table.listPurposeKeys()
    },
  }
  return {
    stored,
    state,
    pass: (milliseconds: number) => {
      state.now += milliseconds
    },
    settle: () => Promise.all(background.splice(0)),
    startNode: () =>
      loadPurposeKeys({
        storage,
        wrapping: createKeyWrapping([OLD]),
        log: silentLog,
        waitUntil: (work) => background.push(work),
        now: () => state.now,
      }),
  }
}

describe('a rotated key', () => {
  it('is known to every node within a minute, and used in a day', async () => {
    const { startNode, pass, settle } = cluster()
    const [one, other] = [await startNode(), await startNode()]
    const former = one.mac('refresh_token', 'm')
    await one.rotate('refresh_token', 'in a day')
    expect(one.macs('refresh_token', 'm')).toHaveLength(2)
    expect(one.mac('refresh_token', 'm')).toEqual(former)

    pass(MINUTE)
    expect(other.keepCurrent()).toBeUndefined()
    await settle()
    const [, next = Buffer.alloc(0)] = other.macs('refresh_token', 'm')
    expect(other.isMac('refresh_token', 'm', next)).toBe(true)
    pass(DAY - MINUTE - 1)
    await one.keepCurrent()
    await other.keepCurrent()
    expect(one.mac('refresh_token', 'm')).toEqual(former)
    pass(1)
    for (const node of [one, other]) {
      expect(node.mac('refresh_token', 'm')).toEqual(next)
      expect(node.isMac('refresh_token', 'm', former)).toBe(true)
      expect(node.macs('refresh_token', 'm')).toEqual([next, former])
    }
    expect(one.macs('digest', 'm')).toHaveLength(1)
  })

  it('is used at once where it has to be', async () => {
    const { startNode, pass, settle } = cluster()
    const [one, other] = [await startNode(), await startNode()]
    const former = one.mac('browser', 'm')
    await one.rotate('browser', 'in a day')
    await one.rotate('browser', 'immediately')
    const now = one.mac('browser', 'm')
    expect(now).not.toEqual(former)
    expect(other.isMac('browser', 'm', now)).toBe(false)
    pass(MINUTE)
    other.keepCurrent()
    await settle()
    expect(other.mac('browser', 'm')).toEqual(now)
    // The one that was to follow in a day does not take over again.
    pass(DAY)
    await one.keepCurrent()
    expect(one.mac('browser', 'm')).toEqual(now)
  })

  it('is one that was asked for, where two are asked for at the same time', async () => {
    const { startNode, stored } = cluster()
    const [one, other] = [await startNode(), await startNode()]
    const former = one.mac('digest', 'm')
    await Promise.all([one.rotate('digest', 'in a day'), other.rotate('digest', 'immediately')])
    const versions = stored.filter(({ purpose }) => purpose === 'digest').map(({ version }) => version)
    expect(versions.toSorted()).toEqual([1, 2, 3])
    const last = await startNode()
    expect(last.mac('digest', 'm')).not.toEqual(former)
    expect(last.isMac('digest', 'm', former)).toBe(true)
  })

  it('takes the place of the former one when that is withdrawn, and not before it is used', async () => {
    const { startNode, pass } = cluster()
    const [one, other] = [await startNode(), await startNode()]
    await expect(one.withdrawFormer('digest')).rejects.toThrow('rotate it first.')
    const former = one.mac('digest', 'm')
    await one.rotate('digest', 'in a day')
    await expect(one.withdrawFormer('digest')).rejects.toThrow(/is used from 2026-11-02T00:00:00.000Z on/)
    expect(one.isMac('digest', 'm', former)).toBe(true)

    pass(DAY)
    await one.withdrawFormer('digest')
    expect(one.isMac('digest', 'm', former)).toBe(false)
    expect(one.macs('digest', 'm')).toHaveLength(1)
    // A node that was idle has its first request wait, and takes nothing that was withdrawn.
    const reading = other.keepCurrent()
    expect(reading).toBeInstanceOf(Promise)
    await reading
    expect(other.isMac('digest', 'm', former)).toBe(false)
    expect(other.mac('digest', 'm')).toEqual(one.mac('digest', 'm'))
  })
})

describe('a node reads the keys again', () => {
  it('once a minute at the most, and once for all who ask', async () => {
    const { startNode, pass, settle, state } = cluster()
    const node = await startNode()
    const before = state.readings
    pass(MINUTE - 1)
    expect(node.keepCurrent()).toBeUndefined()
    expect(state.readings).toBe(before)
    pass(1)
    for (let request = 0; request < 5; request += 1) expect(node.keepCurrent()).toBeUndefined()
    await settle()
    node.keepCurrent()
    expect(state.readings).toBe(before + 1)
  })

  it('also where its clock was set back', async () => {
    const { startNode, pass, state } = cluster()
    const node = await startNode()
    const before = state.readings
    pass(-HOUR)
    await node.keepCurrent()
    expect(state.readings).toBe(before + 1)
    expect(node.keepCurrent()).toBeUndefined()
  })

  it('and goes on with what it has while the database is away, for less than a day', async () => {
    const { startNode, pass, state } = cluster()
    const node = await startNode()
    const mac = node.mac('digest', 'm')
    state.failure = 'away'
    pass(23 * HOUR - 1)
    await node.keepCurrent()
    expect(node.isMac('digest', 'm', mac)).toBe(true)
    pass(1)
    expect(node.keepCurrent(), 'it was tried a moment ago').toBeUndefined()
    expect(() => node.mac('digest', 'm')).toThrow(DatabaseUnavailable)
    expect(() => node.macs('digest', 'm')).toThrow(DatabaseUnavailable)
    expect(() => node.isMac('digest', 'm', mac)).toThrow(DatabaseUnavailable)

    state.failure = 'none'
    pass(5 * SECOND)
    await node.keepCurrent()
    expect(node.isMac('digest', 'm', mac)).toBe(true)
  })

  it('and waits for a database that hangs for a short while only', async () => {
    const { startNode, pass, state } = cluster()
    const node = await startNode()
    const mac = node.mac('digest', 'm')
    state.failure = 'hangs'
    pass(HOUR)
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    onTestFinished(() => void vi.useRealTimers())
    const waiting = Promise.all([node.keepCurrent(), node.keepCurrent()])
    await vi.advanceTimersByTimeAsync(2 * SECOND)
    await waiting
    expect(node.keepCurrent()).toBeUndefined()
    expect(node.isMac('digest', 'm', mac)).toBe(true)
  })
})
