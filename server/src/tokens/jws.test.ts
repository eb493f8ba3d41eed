import { createPublicKey, createSecretKey, generateKeyPairSync, sign as signWith } from 'node:crypto'
import { SignJWT } from 'jose'
import { describe, expect, it } from 'vitest'
import { type JwtType, parseJws, signJws, verifyJws } from './jws.ts'
import { sign } from './signatures.ts'
import type { SigningKey } from './signing_keys.ts'

const CLAIMS = { iss: 'https://as.example', sub: 'usr_alice', exp: 2_000_000_000, email: 'ä@example.com' }
const secret = createSecretKey(Buffer.alloc(32, 7))
const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 })
const ed = generateKeyPairSync('ed25519')

const ES256 = keyOf('ES256', ec)
const HS256 = keyOf('HS256', { privateKey: secret, publicKey: secret })
const KEYS = [ES256, keyOf('RS256', rsa), keyOf('EdDSA', ed), HS256]

function keyOf(
  alg: SigningKey['alg'],
  { privateKey, publicKey }: { privateKey: SigningKey['signingKey']; publicKey: SigningKey['signingKey'] },
): SigningKey {
  return { kid: `key-of_${alg}`, alg, signingKey: privateKey, verificationKey: publicKey }
}

const encode = (text: string) => Buffer.from(text).toString('base64url')

/** The claims of a token, by a key and as a type. */
function open(token: string, key: SigningKey = ES256, typ: JwtType = 'at+jwt'): unknown {
  const jws = parseJws(token)
  return jws && verifyJws(jws, key, typ)
}

/** A token with this header, which our key signed. */
function signWithHeader(header: string, key: SigningKey = ES256, payload = JSON.stringify(CLAIMS)): string {
  const input = `${encode(header)}.${encode(payload)}`
  return `${input}.${sign(key.alg, key.signingKey, input).toString('base64url')}`
}

describe.each(KEYS)('a JWS of $alg', (key) => {
  it.each(['at+jwt', 'JWT'] as const)('of type %s opens to its claims', (typ) => {
    const token = signJws(key, typ, CLAIMS)
    expect(parseJws(token)).toMatchObject({ kid: key.kid })
    expect(open(token, key, typ)).toEqual(CLAIMS)
    expect(open(token, key, typ === 'JWT' ? 'at+jwt' : 'JWT')).toBeUndefined()
  })

  it('is byte for byte what earlier releases made, by jose', async () => {
    const claims = { ...CLAIMS, grant_id: undefined, cnf: { jkt: 'a' }, scope: '"\u2028' }
    const theirs = await new SignJWT(claims)
      .setProtectedHeader({ alg: key.alg, typ: 'at+jwt', kid: key.kid })
      .sign(key.signingKey)
    const ours = signJws(key, 'at+jwt', claims)
    // Signatures of ES256 differ each time.
    const textOf = (token: string) => (key.alg === 'ES256' ? token.replace(/[^.]+$/, '') : token)
    expect(textOf(ours)).toBe(textOf(theirs))
    expect(open(theirs, key)).toEqual(JSON.parse(JSON.stringify(claims)))
  })

  it('is of no other key, also where that has its name', () => {
    const token = signJws(key, 'at+jwt', CLAIMS)
    for (const other of KEYS.filter(({ alg }) => alg !== key.alg)) {
      expect(open(token, other)).toBeUndefined()
      expect(open(token, { ...other, kid: key.kid })).toBeUndefined()
    }
  })

  it('is nothing with any bit turned', () => {
    const token = signJws(key, 'at+jwt', CLAIMS)
    for (let at = 0; at < token.length; at += 1) {
      const turned = Buffer.from(token, 'latin1')
      turned.writeUInt8(turned.readUInt8(at) ^ (1 << (at % 7)), at)
      expect(open(turned.toString('latin1'), key)).toBeUndefined()
    }
  })

  it('is in one spelling only: the bits of the last character that mean nothing are zero', () => {
    const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
    const token = signJws(key, 'at+jwt', CLAIMS)
    const respelled = [...alphabet].filter((last) => open(token.slice(0, -1) + last, key) !== undefined)
    expect(respelled).toEqual([token.slice(-1)])
  })
})

describe('a header that is not the one that we make is refused, though our key signed it', () => {
  const { alg, kid } = ES256
  const OURS = JSON.stringify({ alg, typ: 'at+jwt', kid })

  it('control: the one that we make is not', () => {
    expect(open(signWithHeader(OURS))).toEqual(CLAIMS)
  })

  it.each([
    ['alg none', OURS.replace('ES256', 'none')],
    ['alg HS256', OURS.replace('ES256', 'HS256')],
    ['alg in small letters', OURS.replace('ES256', 'es256')],
    ['no alg', JSON.stringify({ typ: 'at+jwt', kid })],
    ['a typ in another spelling', OURS.replace('at+jwt', 'application/at+jwt')],
    ['no typ', JSON.stringify({ alg, kid })],
    ['another order', JSON.stringify({ alg, kid, typ: 'at+jwt' })],
    ['a space', OURS.replace(':', ': ')],
    ['a line break', `${OURS}\n`],
    ['a byte order mark', `\uFEFF${OURS}`],
    ['an escape', OURS.replace('ES256', 'ES25\\u0036')],
    ['crit', JSON.stringify({ alg, typ: 'at+jwt', kid, crit: ['exp'], exp: 1 })],
    ['an empty crit', JSON.stringify({ alg, typ: 'at+jwt', kid, crit: [] })],
    ['b64 (RFC 7797)', JSON.stringify({ alg, typ: 'at+jwt', kid, crit: ['b64'], b64: false })],
    ['b64 without crit', JSON.stringify({ alg, typ: 'at+jwt', kid, b64: false })],
    ['zip', JSON.stringify({ alg, typ: 'at+jwt', kid, zip: 'DEF' })],
    ['a key that it brings along', JSON.stringify({ alg, typ: 'at+jwt', kid, jwk: {} })],
    ['alg twice', OURS.replace('{', '{"alg":"none",')],
    ['alg twice, the other way', OURS.replace('}', ',"alg":"none"}')],
    ['kid twice', OURS.replace('{', '{"kid":"another",')],
    ['__proto__', OURS.replace('}', ',"__proto__":{}}')],
  ])('%s', (_, header) => {
    expect(open(signWithHeader(header))).toBeUndefined()
  })

  it('with padding', () => {
    const input = `${encode(OURS)}=.${encode(JSON.stringify(CLAIMS))}`
    expect(open(`${input}.${sign(alg, ES256.signingKey, input).toString('base64url')}`)).toBeUndefined()
  })
})

describe('a signature by the wrong means', () => {
  const [header = '', payload = '', signature = ''] = signJws(ES256, 'at+jwt', CLAIMS).split('.')
  const input = `${header}.${payload}`

  it.each([
    ['an HMAC under the public key', () => createSecretKey(Buffer.from(pem()))],
    ['an HMAC under its DER', () => createSecretKey(ec.publicKey.export({ format: 'der', type: 'spki' }))],
  ])('%s', (_, key) => {
    for (const head of [header, encode(JSON.stringify({ alg: 'HS256', typ: 'at+jwt', kid: ES256.kid }))]) {
      const mac = sign('HS256', key(), `${head}.${payload}`)
      expect(open(`${head}.${payload}.${mac.toString('base64url')}`)).toBeUndefined()
    }
  })

  it('of another key of the same kind', () => {
    const other = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    const forged = sign('ES256', other.privateKey, input)
    expect(open(`${input}.${forged.toString('base64url')}`)).toBeUndefined()
    const theirs = { ...ES256, verificationKey: createPublicKey(other.privateKey) }
    expect(open(`${input}.${signature}`, theirs)).toBeUndefined()
  })

  it('in DER', () => {
    const der = signWith('sha256', Buffer.from(input), ec.privateKey)
    expect(open(`${input}.${der.toString('base64url')}`)).toBeUndefined()
  })

  it.each([0, 32, 63, 65, 96, 128])('of %i bytes', (length) => {
    const bytes = Buffer.concat([Buffer.from(signature, 'base64url'), Buffer.alloc(128)]).subarray(0, length)
    expect(open(`${input}.${bytes.toString('base64url')}`)).toBeUndefined()
  })

  function pem(): string {
    return ec.publicKey.export({ format: 'pem', type: 'spki' }).toString()
  }
})

describe('what is no compact JWS', () => {
  const token = signJws(HS256, 'at+jwt', CLAIMS)
  const [header = '', payload = '', signature = ''] = token.split('.')

  it.each([
    ['nothing', ''],
    ['dots', '..'],
    ['two parts', `${header}.${payload}`],
    ['four parts', `${token}.`],
    ['four full parts', `${token}.${signature}`],
    ['five parts', `${header}....`],
    ['no header', `.${payload}.${signature}`],
    ['no payload', `${header}..${signature}`],
    ['no signature', `${header}.${payload}.`],
    ['padding', `${token}=`],
    ['a line break at its end', `${token}\n`],
    ['a space before it', ` ${token}`],
    ['the other alphabet', token.replace(/_|-/g, '/')],
    ['a part of one character too many', `${header}A.${payload}.${signature}`],
    ['the JSON serialization', JSON.stringify({ protected: header, payload, signature })],
  ])('%s', (_, text) => {
    expect(open(text, HS256)).toBeUndefined()
  })

  it.each([
    ['is no JSON', 'header'],
    ['is null', 'null'],
    ['is a list', '["kid"]'],
    ['is text', '"kid"'],
    ['names no key', '{"alg":"HS256"}'],
    ['names its key by a number', '{"kid":1}'],
    ['names its key by a list', `{"kid":["${HS256.kid}"]}`],
    ['is deep', '['.repeat(50_000)],
  ])('a header that %s', (_, text) => {
    expect(parseJws(`${encode(text)}.${payload}.${signature}`)).toBeUndefined()
  })

  it('a payload that is no JSON has no claims, though it is signed', () => {
    const head = JSON.stringify({ alg: 'HS256', typ: 'at+jwt', kid: HS256.kid })
    expect(open(signWithHeader(head, HS256, 'claims'), HS256)).toBeUndefined()
  })
})
