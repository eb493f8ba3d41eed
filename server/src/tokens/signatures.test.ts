import { generateKeyPairSync, sign as signWith, verify as verifyWith } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { readJwsVectors, wrongSignatures } from '../../../tests/support/jws_vectors.ts'
import { SIGNING_ALGS } from '../options.ts'
import { sign, verify } from './signatures.ts'

const VECTORS = readJwsVectors()

describe.each(VECTORS)('$source, $alg', ({ alg, signingKey, verificationKey, input, signature }) => {
  const bytes = Buffer.from(signature, 'base64url')

  it('verifies', () => {
    expect(verify(alg, verificationKey, input, bytes)).toBe(true)
  })

  it('is what we sign, where it is always the same; a new one of ES256 verifies', () => {
    const made = sign(alg, signingKey, input)
    if (alg === 'ES256') expect(made).not.toEqual(bytes)
    else expect(made).toEqual(bytes)
    expect(made).toHaveLength(bytes.length)
    expect(verify(alg, verificationKey, input, made)).toBe(true)
  })

  it('is of nothing else', () => {
    expect(verify(alg, verificationKey, `${input}A`, bytes)).toBe(false)
    expect(verify(alg, verificationKey, input.replace('.', '..'), bytes)).toBe(false)
    for (const wrong of wrongSignatures(bytes)) expect(verify(alg, verificationKey, input, wrong)).toBe(false)
  })

  it('is of no other key', () => {
    for (const other of VECTORS.filter((vector) => vector.alg !== alg)) {
      expect(() => verify(alg, other.verificationKey, input, bytes)).toThrow(`is none for ${alg}`)
      expect(() => sign(alg, other.signingKey, input)).toThrow(`is none for ${alg}`)
    }
  })
})

describe('the signatures of ES256', () => {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const p1363 = { key: publicKey, dsaEncoding: 'ieee-p1363' } as const

  it('are r and s, as everybody else reads them (RFC 7518 §3.4)', () => {
    for (let index = 0; index < 1_000; index += 1) {
      const data = `message ${index}`
      expect(verifyWith('sha256', Buffer.from(data), p1363, sign('ES256', privateKey, data))).toBe(true)
      const theirs = signWith('sha256', Buffer.from(data), { ...p1363, key: privateKey })
      expect(verify('ES256', publicKey, data, theirs)).toBe(true)
    }
  })

  it('are not in DER', () => {
    const der = signWith('sha256', Buffer.from('data'), privateKey)
    expect(verifyWith('sha256', Buffer.from('data'), publicKey, der)).toBe(true)
    expect(verify('ES256', publicKey, 'data', der)).toBe(false)
  })
})

it('a key of another kind, with which node:crypto would go on, is refused', () => {
  const { privateKey, publicKey } = generateKeyPairSync('rsa-pss', { modulusLength: 2048 })
  for (const alg of SIGNING_ALGS) {
    expect(() => sign(alg, privateKey, 'data')).toThrow('is none for')
    expect(() => verify(alg, publicKey, 'data', Buffer.alloc(64))).toThrow('is none for')
  }
})
