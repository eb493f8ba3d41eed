import { randomBytes } from 'node:crypto'

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
