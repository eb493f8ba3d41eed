import { importJWK } from 'jose'
import { expect, it } from 'vitest'
import { parseJws, signJws, verifyJws } from '../../../server/src/tokens/jws.ts'
import { sign, verify } from '../../../server/src/tokens/signatures.ts'
import { VerifiedToken, VerifiedTokens } from '../../../server/src/tokens/verified_tokens.ts'
import { readJwsVectors, wrongSignatures } from '../../support/jws_vectors.ts'

/** workerd has `node:crypto` of its own, over another library than Node's. */
for (const alg of ['HS256', 'RS256', 'ES256', 'EdDSA'])
  it(`signs and verifies with ${alg} as Node does`, () => {
    const vector = readJwsVectors().find((one) => one.alg === alg)
    if (vector === undefined) throw new Error('There is no vector.')
    const { signingKey, verificationKey, input, signature } = vector
    const bytes = Buffer.from(signature, 'base64url')
    expect(verify(vector.alg, verificationKey, input, bytes)).toBe(true)
    const made = sign(vector.alg, signingKey, input)
    if (alg !== 'ES256') expect(made.toString('base64url')).toBe(signature)
    expect(verify(vector.alg, verificationKey, input, made)).toBe(true)
    expect(verify(vector.alg, verificationKey, `${input}A`, made)).toBe(false)
    for (const wrong of wrongSignatures(bytes))
      expect(verify(vector.alg, verificationKey, input, wrong)).toBe(false)

    const key = { kid: 'key-1', alg: vector.alg, signingKey, verificationKey }
    const jws = parseJws(signJws(key, 'at+jwt', { sub: 'usr_alice' }))
    expect(jws && verifyJws(jws, key, 'at+jwt')).toEqual({ sub: 'usr_alice' })
    expect(jws && verifyJws(jws, key, 'JWT')).toBeUndefined()
  })

it('makes ES256 signatures that Web Crypto verifies, and verifies those of Web Crypto', async () => {
  const vector = readJwsVectors().find(({ alg }) => alg === 'ES256')
  if (vector === undefined) throw new Error('There is no vector.')
  const algorithm = { name: 'ECDSA', hash: 'SHA-256' }
  const [privateKey, publicKey] = await Promise.all([
    importJWK(vector.signingKey.export({ format: 'jwk' }), 'ES256'),
    importJWK(vector.verificationKey.export({ format: 'jwk' }), 'ES256'),
  ])
  if (!(privateKey instanceof CryptoKey && publicKey instanceof CryptoKey)) throw new Error('No key pair.')
  for (let index = 0; index < 200; index += 1) {
    const text = `message ${index}`
    const data = new TextEncoder().encode(text)
    const ours = new Uint8Array(sign('ES256', vector.signingKey, text))
    expect(await crypto.subtle.verify(algorithm, publicKey, ours, data)).toBe(true)
    const theirs = new Uint8Array(await crypto.subtle.sign(algorithm, privateKey, data))
    expect(verify('ES256', vector.verificationKey, text, theirs)).toBe(true)
  }
})

it('remembers tokens by their text', () => {
  const tokens = new VerifiedTokens()
  const claims = { iss: 'i', sub: 's', aud: 'a', client_id: 'c', scope: '', iat: 0, exp: 1, jti: 'j' }
  tokens.add('a.token.of-some-signature', new VerifiedToken('key-1', claims))
  expect(tokens.find('a.token.of-some-signature')).toMatchObject({ kid: 'key-1', claims })
  for (const other of ['b.token.of-some-signature', 'a.t\u{16f}ken.of-some-signature', 'another.token'])
    expect(tokens.find(other)).toBeUndefined()
})
