import { createCipheriv, createDecipheriv, createHmac, hkdfSync, randomBytes } from 'node:crypto'

/** Wraps the keys that live in the database, so that a stolen database holds none of them. */
export interface KeyWrapping {
  /** Encrypts a key with the newest secret. `context` is authenticated, so a wrapped key fits its own row only. */
  wrap(key: Uint8Array, context: string): Buffer
  /** Decrypts with whichever secret wrapped it. Throws where that secret is not configured any more. */
  unwrap(wrapped: Buffer, context: string): Buffer
  /** Whether the newest secret wrapped it. */
  isCurrent(wrapped: Buffer): boolean
}

const ID_BYTES = 8
const NONCE_BYTES = 12
const TAG_BYTES = 16

/**
 * AES-256-GCM under keys derived from the server secrets. A wrapped key is the id of its secret, a nonce, the
 * tag and the ciphertext.
 *
 * @param secrets newest first, 32 bytes or more each
 */
export function createKeyWrapping(secrets: readonly string[]): KeyWrapping {
  const wrappers = secrets.map(deriveWrapper)
  const [newest] = wrappers
  if (newest === undefined)
    throw new Error('AUTH_AGENT_SECRET is empty: the server needs a secret of 32 bytes or more.')

  return {
    wrap(key, context) {
      const nonce = randomBytes(NONCE_BYTES)
      const cipher = createCipheriv('aes-256-gcm', newest.key, nonce).setAAD(Buffer.from(context))
      const ciphertext = Buffer.concat([cipher.update(key), cipher.final()])
      return Buffer.concat([newest.id, nonce, cipher.getAuthTag(), ciphertext])
    },
    unwrap(wrapped, context) {
      const id = wrapped.subarray(0, ID_BYTES)
      const wrapper = wrappers.find((candidate) => candidate.id.equals(id))
      if (wrapper === undefined) {
        throw new Error(
          'AUTH_AGENT_SECRET does not hold the secret that wrapped the keys in this database: add the former secret to its end.',
        )
      }
      const nonce = wrapped.subarray(ID_BYTES, ID_BYTES + NONCE_BYTES)
      const tag = wrapped.subarray(ID_BYTES + NONCE_BYTES, ID_BYTES + NONCE_BYTES + TAG_BYTES)
      const ciphertext = wrapped.subarray(ID_BYTES + NONCE_BYTES + TAG_BYTES)
      const decipher = createDecipheriv('aes-256-gcm', wrapper.key, nonce)
      decipher.setAAD(Buffer.from(context)).setAuthTag(tag)
      return Buffer.concat([decipher.update(ciphertext), decipher.final()])
    },
    isCurrent: (wrapped) => wrapped.subarray(0, ID_BYTES).equals(newest.id),
  }
}

function deriveWrapper(secret: string): { id: Buffer; key: Buffer } {
  if (Buffer.byteLength(secret) < 32) {
    throw new Error(
      'AUTH_AGENT_SECRET has an entry shorter than 32 bytes: generate one with `openssl rand -base64 48`.',
    )
  }
  const key = Buffer.from(hkdfSync('sha256', secret, '', 'auth-agent key wrapping', 32))
  const id = createHmac('sha256', key).update('id').digest().subarray(0, ID_BYTES)
  return { id, key }
}
