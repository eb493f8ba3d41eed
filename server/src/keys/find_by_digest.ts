import type { PurposeKeys } from './purpose_keys.ts'

/**
 * Finds what is stored under the digest of something that was given out, whichever version of the key made it. The one
 * in use is tried first, so it costs a second look only while there is another version, and nothing was found.
 */
export async function findByDigest<Found>(
  keys: PurposeKeys,
  message: string,
  find: (digest: Buffer) => Promise<Found | undefined>,
): Promise<{ digest: Buffer; found: Found } | undefined> {
  for (const digest of keys.macs('digest', message)) {
    const found = await find(digest)
    if (found !== undefined) return { digest, found }
  }
  return undefined
}
