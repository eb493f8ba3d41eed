import {
  createHmac,
  type KeyObject,
  sign as signAsymmetrically,
  timingSafeEqual,
  verify as verifyAsymmetrically,
} from 'node:crypto'
import type { SigningAlg } from '../options.ts'
import { fromDer, toDer } from './ecdsa_encoding.ts'

/** `secret` stands for a key that is no pair. */
const KEY_TYPES: Readonly<Record<SigningAlg, string>> = {
  ES256: 'ec',
  RS256: 'rsa',
  EdDSA: 'ed25519',
  HS256: 'secret',
}

/**
 * The JWS signature of `data` (RFC 7518 §3.2 to §3.4, RFC 8037 §3.1): by `node:crypto`, which Workers have as well, at
 * once. On Node, Web Crypto takes up to three times as much of the processor for the same, on its way through other threads.
 */
export function sign(alg: SigningAlg, key: KeyObject, data: string): Buffer {
  checkKeyType(alg, key)
  if (alg === 'HS256') return createHmac('sha256', key).update(data).digest()
  const signature = signAsymmetrically(hashOf(alg), Buffer.from(data), key)
  return alg === 'ES256' ? fromDer(signature) : signature
}

/** Whether that is the signature of `data`. An HMAC is compared in constant time. */
export function verify(alg: SigningAlg, key: KeyObject, data: string, signature: Uint8Array): boolean {
  checkKeyType(alg, key)
  if (alg === 'HS256') {
    const expected = sign(alg, key, data)
    return expected.length === signature.length && timingSafeEqual(expected, signature)
  }
  const encoded = alg === 'ES256' ? toDer(signature) : signature
  return encoded !== undefined && verifyAsymmetrically(hashOf(alg), Buffer.from(data), key, encoded)
}

/** Ed25519 hashes by itself. */
function hashOf(alg: SigningAlg): 'sha256' | null {
  return alg === 'EdDSA' ? null : 'sha256'
}

/** RFC 8725 §3.1: a key is used with its own algorithm only; `node:crypto` goes by the key, whatever it is. */
function checkKeyType(alg: SigningAlg, key: KeyObject): void {
  const type = key.type === 'secret' ? key.type : key.asymmetricKeyType
  if (type !== KEY_TYPES[alg]) throw new TypeError(`A key of type ${type} is none for ${alg}.`)
}
