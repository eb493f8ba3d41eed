import { createHmac, createPublicKey, generateKeyPairSync, type KeyObject, sign } from 'node:crypto'
import { createContext } from '../../server/src/create_context.ts'
import type { SigningAlg } from '../../server/src/options.ts'
import type { TestServer } from './server.ts'

export const ATTACKER_KEYS_URL = 'https://attacker.example/keys.json'

type Json = Readonly<Record<string, unknown>>

export interface Forgery {
  /** What was done to the token. */
  name: string
  token: string
}

const attacker = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const attackerRsa = generateKeyPairSync('rsa', { modulusLength: 2048 })

/** The attacker's public keys, as he would serve them. */
export function attackerKeys(kid: unknown): { keys: Json[] } {
  const keys = [attacker.publicKey, attackerRsa.publicKey].map((key) => key.export({ format: 'jwk' }) as Json)
  return { keys: keys.map((key) => ({ ...key, kid, use: 'sig' })) }
}

/** A JWT as `header.payload.signature`, its parts parsed. */
export function decodeJwt(token: string): { header: Json; payload: Json; signature: string } {
  const [header = '', payload = '', signature = ''] = token.split('.')
  return { header: parsePart(header), payload: parsePart(payload), signature }
}

function parsePart(part: string): Json {
  return JSON.parse(Buffer.from(part, 'base64url').toString()) as Json
}

function encode(value: unknown): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url')
}

/** Signs with any key that node has, by what the algorithm of the header says. */
export function signJwt(header: Json, payload: Json, key: KeyObject): string {
  const input = `${encode(header)}.${encode(payload)}`
  const hash = header['alg'] === 'EdDSA' ? null : 'sha256'
  return `${input}.${sign(hash, Buffer.from(input), { key, dsaEncoding: 'ieee-p1363' }).toString('base64url')}`
}

function signHmac(header: Json, payload: Json, secret: string | Buffer): string {
  const hash = `sha${String(header['alg']).slice(2)}`
  const input = `${encode(header)}.${encode(payload)}`
  return `${input}.${createHmac(hash, secret).update(input).digest('base64url')}`
}

/**
 * Every forgery of a genuine token that needs nothing but the token and the public key of its issuer (RFC 8725 §2.1 to
 * §2.10). `kid` and claims stay those of the genuine one, so that nothing but the forged part can be the reason for a refusal.
 */
export function forgeriesOf(genuine: string, publicJwk: Json): Forgery[] {
  const { header, payload, signature } = decodeJwt(genuine)
  return [
    ...unsigned(header, payload, signature),
    ...symmetric(header, payload, publicJwk),
    ...keysOfTheAttacker(header, payload),
    ...keyIds(header, payload),
    ...mangled(genuine, header, payload, signature),
  ]
}

/** RFC 8725 §2.1: `alg: none`, in every spelling. */
function unsigned(header: Json, payload: Json, signature: string): Forgery[] {
  const algs = ['none', 'None', 'NONE', 'nOnE', 'none ', '', null, undefined, 0, [], ['none']]
  return algs.flatMap((alg) => [
    { name: `alg ${JSON.stringify(alg)}`, token: `${encode({ ...header, alg })}.${encode(payload)}.` },
    {
      name: `alg ${JSON.stringify(alg)}, signed`,
      token: `${encode({ ...header, alg })}.${encode(payload)}.${signature}`,
    },
  ])
}

/** RFC 8725 §2.1: an HMAC under the public key, which everybody has. */
function symmetric(header: Json, payload: Json, publicJwk: Json): Forgery[] {
  const key = createPublicKey({ key: publicJwk, format: 'jwk' })
  const pem = key.export({ format: 'pem', type: 'spki' }).toString()
  const secrets: Record<string, string | Buffer> = {
    'its PEM': pem,
    'its PEM without the line break': pem.trimEnd(),
    'its DER': key.export({ format: 'der', type: 'spki' }),
    'its JWK': JSON.stringify(publicJwk),
    'its coordinate or modulus': Buffer.from(String(publicJwk['x'] ?? publicJwk['n']), 'base64url'),
    'its coordinate or modulus, as text': String(publicJwk['x'] ?? publicJwk['n']),
    'its kid': String(publicJwk['kid']),
    nothing: '',
  }
  return ['HS256', 'HS384', 'HS512'].flatMap((alg) =>
    Object.entries(secrets).map(([name, secret]) => ({
      name: `${alg} under ${name}`,
      token: signHmac({ ...header, alg }, payload, secret),
    })),
  )
}

/** RFC 8725 §2.10 and §3.10: keys and addresses of keys that the token brings along. */
function keysOfTheAttacker(header: Json, payload: Json): Forgery[] {
  const [ec, rsa] = attackerKeys(header['kid']).keys
  const x5c = [Buffer.from('a certificate').toString('base64')]
  const brought: Record<string, Json> = {
    nothing: {},
    jwk: { jwk: ec },
    'jwk and no kid': { jwk: ec, kid: undefined },
    jku: { jku: ATTACKER_KEYS_URL },
    'jku and no kid': { jku: ATTACKER_KEYS_URL, kid: undefined },
    x5u: { x5u: ATTACKER_KEYS_URL },
    x5c: { x5c },
    'x5c and no kid': { x5c, kid: undefined },
    'the address of keys as kid': { kid: ATTACKER_KEYS_URL },
    'jwk as kid': { kid: ec },
  }
  return Object.entries(brought).flatMap(([name, more]) => [
    {
      name: `ES256 with ${name}`,
      token: signJwt({ ...header, alg: 'ES256', ...more }, payload, attacker.privateKey),
    },
    {
      name: `RS256 with ${name}`,
      token: signJwt(
        { ...header, alg: 'RS256', ...more, ...(more['jwk'] !== undefined && { jwk: rsa }) },
        payload,
        attackerRsa.privateKey,
      ),
    },
  ])
}

/** Path traversal, SQL and types in `kid`. */
function keyIds(header: Json, payload: Json): Forgery[] {
  const kids = [
    '../../../../../../dev/null',
    '/dev/null',
    'file:///dev/null',
    "' or '1'='1",
    "x' union select 'AA==' --",
    `${header['kid']}' --`,
    '$1',
    '',
    ' ',
    '*',
    '%',
    '\0',
    '\ud800',
    'x'.repeat(8_000),
    '__proto__',
    'constructor',
    null,
    0,
    true,
    {},
    [],
    [header['kid']],
    { toString: header['kid'] },
  ]
  return kids.flatMap((kid) => [
    {
      name: `HS256, kid ${JSON.stringify(kid).slice(0, 50)}`,
      token: signHmac({ ...header, alg: 'HS256', kid }, payload, ''),
    },
    {
      name: `ES256, kid ${JSON.stringify(kid).slice(0, 50)}`,
      token: signJwt({ ...header, alg: 'ES256', kid }, payload, attacker.privateKey),
    },
  ])
}

/** Signatures that are none, claims that were changed, text that is no JWT. */
function mangled(genuine: string, header: Json, payload: Json, signature: string): Forgery[] {
  const zeros = Buffer.alloc(Buffer.from(signature, 'base64url').length).toString('base64url')
  const tokens: Record<string, string> = {
    'a signature of zeros (CVE-2022-21449)': `${encode(header)}.${encode(payload)}.${zeros}`,
    'no signature': genuine.slice(0, genuine.lastIndexOf('.') + 1),
    'no third part': genuine.slice(0, genuine.lastIndexOf('.')),
    'a fourth part': `${genuine}.x`,
    'a longer life': `${encode(header)}.${encode({ ...payload, exp: 9_999_999_999 })}.${signature}`,
    'another subject': `${encode(header)}.${encode({ ...payload, sub: 'usr_attacker' })}.${signature}`,
    'another algorithm': `${encode({ ...header, alg: 'ES384' })}.${encode(payload)}.${signature}`,
    'a line break within': genuine.replace('.', '.\n'),
    'five parts, as a JWE': `${encode({ alg: 'dir', enc: 'A256GCM' })}..AAAA.AAAA.AAAA`,
    'the JSON serialization': JSON.stringify({
      protected: encode(header),
      payload: encode(payload),
      signature,
    }),
    'a header that is no JSON': `AAAA.${encode(payload)}.${signature}`,
    'a header that is null': `${encode(null)}.${encode(payload)}.${signature}`,
    'dots only': '..',
  }
  return Object.entries(tokens).map(([name, token]) => ({ name, token }))
}

/**
 * The same token in another text: of an ECDSA signature (r, s), also (r, n - s) is one. Who blocks tokens by their text
 * does not block this one.
 */
export function respell(genuine: string): string {
  const order = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n
  const [header, payload, signature = ''] = genuine.split('.')
  const bytes = Buffer.from(signature, 'base64url')
  const s = order - BigInt(`0x${bytes.subarray(32).toString('hex')}`)
  const other = Buffer.concat([bytes.subarray(0, 32), Buffer.from(s.toString(16).padStart(64, '0'), 'hex')])
  return `${header}.${payload}.${other.toString('base64url')}`
}

/** Signs with the server's own key: for tokens that are genuine in everything but one thing. */
export async function createGenuineSigner(
  server: TestServer,
  secret = 'a server secret for tests only, of 32 bytes or more',
): Promise<(alg: SigningAlg, header: Json, payload: Json) => Promise<string>> {
  const context = await createContext({
    issuer: server.issuer,
    database: server.database.database,
    secrets: [secret],
    fetchPublicUrl: () => Promise.reject(new Error('Nothing is fetched.')),
    now: () => server.clock.now,
  })
  return async (alg, header, payload) => {
    const key = await context.signingKeys.current(alg)
    const { SignJWT } = await import('jose')
    return new SignJWT({ ...payload })
      .setProtectedHeader({ alg: key.alg, ...header, kid: key.kid })
      .sign(key.signingKey)
  }
}
