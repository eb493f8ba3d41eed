import { createKeyWrapping } from '../../server/src/keys/key_wrapping.ts'
import { loadPurposeKeys, type PurposeKeys } from '../../server/src/keys/purpose_keys.ts'
import { silentLog } from '../../server/src/log.ts'
import type { PurposeKeyStorage, StoredPurposeKey } from '../../server/src/storage/purpose_keys.ts'

/** Keys of their own, as a server has them, without a database. */
export function createPurposeKeys(): Promise<PurposeKeys> {
  return loadPurposeKeys({
    storage: inMemory([]),
    wrapping: createKeyWrapping(['a secret of a test, which is long enough']),
    log: silentLog,
    waitUntil: () => {},
    now: Date.now,
  })
}

/** Keys in a list instead of in a table. */
export function inMemory(keys: StoredPurposeKey[]): PurposeKeyStorage {
  const find = ({ purpose, version }: StoredPurposeKey) =>
    keys.findIndex((key) => key.purpose === purpose && key.version === version)
  return {
    listPurposeKeys: async () => keys.toSorted((a, b) => b.version - a.version),
    async storePurposeKey(key) {
      const isNew = find(key) < 0
      if (isNew) keys.push(key)
      return isNew
    },
    async rewrapPurposeKey(key) {
      keys[find(key)] = key
    },
    async removePurposeKeysBefore(purpose, version) {
      const left = keys.filter((key) => key.purpose !== purpose || key.version >= version)
      return keys.splice(0, keys.length, ...left).length - left.length
    },
  }
}
