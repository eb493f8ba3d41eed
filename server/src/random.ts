import { randomBytes, randomFillSync } from 'node:crypto'

const SPARE = Buffer.alloc(4_096)
let nextSpare = SPARE.length

/**
 * 128 random bits, base64url, for what is unique and no secret: cut from a stock, since to fetch so few takes ten times as long.
 */
export function randomName(): string {
  if (nextSpare === SPARE.length) {
    randomFillSync(SPARE)
    nextSpare = 0
  }
  const name = SPARE.toString('base64url', nextSpare, nextSpare + 16)
  nextSpare += 16
  return name
}

const ALPHABET = 'abcdefghijklmnopqrstuvwxyz234567'

/** A new identifier: the prefix that says what it names, then 26 characters of base32 (128 bits and two spare). */
export function newId(prefix: string): string {
  let id = prefix
  for (const byte of randomBytes(26)) id += ALPHABET[byte & 31]
  return id
}

/** A new secret of 256 bits, base64url. */
export function newSecret(): string {
  return randomBytes(32).toString('base64url')
}
