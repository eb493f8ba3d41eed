import { createKeyWrapping } from '../../server/src/keys/key_wrapping.ts'
import { loadPurposeKeys, type PurposeKeys } from '../../server/src/keys/purpose_keys.ts'
import type { PurposeKeyStorage, StoredPurposeKey } from '../../server/src/storage/purpose_keys.ts'

/** Keys of their own, as a server has them, without a database. */
export function createPurposeKeys(): Promise<PurposeKeys> {
  const wrapping = createKeyWrapping(['a secret of a test, which is long enough'])
  return loadPurposeKeys(inMemory([]), wrapping, new Date())
}

/** Keys in a list instead of in a table. */
export function inMemory(keys: StoredPurposeKey[]): PurposeKeyStorage {
  const find = ({ purpose, version }: StoredPurposeKey) =>
    keys.findIndex((key) => key.purpose === purpose && key.version === version)
  return {
    listPurposeKeys: async () => keys.toSorted((a, b) => b.version - a.version),
    async storePurposeKey(key) {
      if (find(key) < 0) keys.push(key)
    },
    async rewrapPurposeKey(key) {
      keys[find(key)] = key
    },
  }
}
