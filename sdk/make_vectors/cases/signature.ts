import { createHmac, createPublicKey } from 'node:crypto'
import {
  type AuthorizationServer,
  allKeys,
  bearer,
  type Case,
  type Expectation,
  esKey,
  jwks,
  local,
  oneCase,
  post,
  step,
} from '../case.ts'
import { accepted, invalidToken } from '../expectation.ts'
import { privateKey, publicJwk } from '../keys.ts'
import { accessToken, base64url, claims, signed, T } from '../tokens.ts'

/** Steps 1 to 3 of local validation: the form, the key and the signature (RFC 7515, RFC 8725, RFC 9068 §4). */
const single = (name: string, token: string, expect: Expectation, server: AuthorizationServer = {}): Case =>
  oneCase(`local: ${name}`, local(), [
    step(T, post([bearer(token)]), { ...expect, asked: { introspection: 0 } }, server),
  ])

const good = accessToken()
const [header = '', payload = '', signature = ''] = good.split('.')
const refused = (name: string, token: string, server: AuthorizationServer = {}): Case =>
  single(name, token, invalidToken(), server)

const algorithms: readonly Case[] = [
  single('a token signed with ES256 is good', good, accepted()),
  single('a token signed with RS256 is good', accessToken({}, {}, 'rs'), accepted()),
  single('a token signed with PS256 is good', accessToken({}, {}, 'ps'), accepted()),
  single('a token signed with EdDSA is good', accessToken({}, {}, 'ed'), accepted()),
  single(
    'a token signed with Ed25519, the other name of it, is good',
    accessToken({}, { alg: 'Ed25519' }, 'ed'),
    accepted(),
  ),
]

const types: readonly Case[] = [
  ...['application/at+jwt', 'AT+JWT', 'Application/AT+JWT'].map((typ) =>
    single(`the type ${typ} is an access token's`, accessToken({}, { typ }), accepted()),
  ),
  ...['JWT', 'dpop+jwt', 'logout+jwt', 'text/at+jwt', ''].map((typ) =>
    refused(`the type "${typ}" is not an access token's`, accessToken({}, { typ })),
  ),
  refused('a token without a type is refused', accessToken({}, { typ: undefined })),
  refused('a type that is no string is refused', accessToken({}, { typ: ['at+jwt'] })),
]

/** RFC 8725 §2.1: the public key as the secret of an HMAC. */
function confused(): string {
  const input = `${base64url(JSON.stringify({ typ: 'at+jwt', alg: 'HS256', kid: 'rs' }))}.${payload}`
  const secret = createPublicKey(privateKey('rs')).export({ type: 'spki', format: 'pem' })
  return `${input}.${createHmac('sha256', secret).update(input).digest('base64url')}`
}

const none = (alg: string): string =>
  `${base64url(JSON.stringify({ typ: 'at+jwt', alg, kid: 'es' }))}.${payload}`

const forged: readonly Case[] = [
  refused('alg none without a signature is refused', `${none('none')}.`),
  refused('alg None with a signature is refused', `${none('None')}.${signature}`),
  refused('HS256 with the public key as its secret is refused', confused()),
  refused('an algorithm that is not on the list is refused', accessToken({}, { alg: 'ES384' })),
  refused('an algorithm in lower case is refused', accessToken({}, { alg: 'es256' })),
  refused('a token without an algorithm is refused', accessToken({}, { alg: undefined })),
  refused(
    'a token that another key signed under this kid is refused',
    accessToken({}, { kid: 'es' }, 'stranger'),
  ),
  refused(
    'a key in the header of the token is not taken',
    accessToken({}, { kid: 'es', jwk: publicJwk('stranger') }, 'stranger'),
  ),
  refused(
    'a payload that was changed is refused',
    `${header}.${base64url(JSON.stringify({ ...claims, sub: 'root' }))}.${signature}`,
  ),
  refused(
    'a header that was changed is refused',
    `${base64url(JSON.stringify({ typ: 'at+jwt', alg: 'ES256', kid: 'es', x: 1 }))}.${payload}.${signature}`,
  ),
  refused('a signature that was cut is refused', `${header}.${payload}.${signature.slice(0, -4)}`),
  refused('an empty signature is refused', `${header}.${payload}.`),
  refused('a signature in DER instead of r and s is refused', `${header}.${payload}.${der(signature)}`),
  refused('a signature of zeros is refused', `${header}.${payload}.${base64url(new Uint8Array(64))}`),
]

/** RFC 7518 §3.4 wants the two numbers one after the other; OpenSSL gives ASN.1. */
function der(raw: string): string {
  const bytes = Buffer.from(raw, 'base64url')
  const number = (part: Buffer): Buffer => {
    const first = part.findIndex((byte) => byte !== 0)
    const digits = part.subarray(first)
    const positive = (digits[0] ?? 0) < 0x80 ? digits : Buffer.concat([Buffer.from([0]), digits])
    return Buffer.concat([Buffer.from([2, positive.length]), positive])
  }
  const body = Buffer.concat([number(bytes.subarray(0, 32)), number(bytes.subarray(32))])
  return base64url(Buffer.concat([Buffer.from([0x30, body.length]), body]))
}

/** A good token whose signature has a `-` or `_`, so that the other alphabet differs. */
const inOtherAlphabet = (token: string): string => token.replaceAll('-', '+').replaceAll('_', '/')
const nested = `{"typ":"at+jwt","alg":"ES256","kid":"es","x":${'['.repeat(11_000)}`

const forms: readonly Case[] = [
  refused('an opaque token is refused', 'opaque'),
  refused('two parts are refused', `${header}.${payload}`),
  refused('four parts are refused', `${good}.${signature}`),
  refused('five parts, as of a JWE, are refused', `${header}.${payload}.${signature}.${header}.${payload}`),
  refused('an empty header is refused', `.${payload}.${signature}`),
  refused('an empty payload is refused', `${header}..${signature}`),
  refused('base64url with padding is refused', `${good}==`),
  refused('the alphabet of plain base64 is refused', inOtherAlphabet(signedWithDash())),
  refused('a header that is no JSON is refused', signed('typ=at+jwt', claims, 'es')),
  refused('a header that is a list is refused', signed('["at+jwt"]', claims, 'es')),
  refused('a header that is null is refused', signed('null', claims, 'es')),
  refused(
    'a header with NaN is no JSON, and refused',
    signed('{"typ":"at+jwt","alg":"ES256","kid":"es","x":NaN}', claims, 'es'),
  ),
  refused(
    'a header that is not UTF-8 is refused',
    signed(Buffer.from('{"typ":"at+jwt","alg":"ES256","kid":"\xff"}', 'latin1'), claims, 'es'),
  ),
  refused('a header of 11000 nested lists is refused', `${base64url(nested)}.${payload}.${signature}`),
  refused(
    'a payload that is no JSON is refused',
    signed({ typ: 'at+jwt', alg: 'ES256', kid: 'es' }, 'hello', 'es'),
  ),
  refused(
    'a payload that is a list is refused',
    signed({ typ: 'at+jwt', alg: 'ES256', kid: 'es' }, '[]', 'es'),
  ),
  refused(
    'a payload that is null is refused',
    signed({ typ: 'at+jwt', alg: 'ES256', kid: 'es' }, 'null', 'es'),
  ),
  refused('crit is refused, whatever it names', accessToken({}, { crit: ['exp'] })),
  refused('crit is refused even if it is empty', accessToken({}, { crit: [] })),
  refused(
    'a payload that is not encoded (RFC 7797) is refused',
    accessToken({}, { b64: false, crit: ['b64'] }),
  ),
  refused('a token without a kid is refused', accessToken({}, { kid: undefined })),
  refused('a kid that is no string is refused', accessToken({}, { kid: 1 })),
]

function signedWithDash(): string {
  for (let n = 0; ; n += 1) {
    const token = accessToken({ jti: `dash_${n}` }, {}, 'rs')
    if (/[-_]/.test(token.slice(token.lastIndexOf('.')))) return token
  }
}

const keysOf = (...keys: readonly object[]): AuthorizationServer => ({
  jwks: jwks(keys as Record<string, unknown>[]),
})

const keys: readonly Case[] = [
  refused('a key for encryption is not taken', good, keysOf(esKey('es', { use: 'enc' }))),
  refused('a key for another algorithm is not taken', good, keysOf(esKey('es', { alg: 'RS256' }))),
  refused('a key of another type is not taken', good, keysOf({ ...publicJwk('rs'), kid: 'es' })),
  refused('a key on another curve is not taken', good, keysOf({ ...publicJwk('p384'), kid: 'es' })),
  refused(
    'a PS256 signature is not checked with a key for RS256',
    accessToken({}, { kid: 'rs' }, 'ps'),
    keysOf({ ...publicJwk('ps'), kid: 'rs', alg: 'RS256' }),
  ),
  single('a key without use and alg is taken', good, accepted(), keysOf({ ...publicJwk('es'), kid: 'es' })),
  single(
    'one RSA key without alg serves PS256',
    accessToken({}, {}, 'ps'),
    accepted(),
    keysOf({ ...publicJwk('ps'), kid: 'ps' }),
  ),
  single(
    'of two keys with one kid the one that suits the header is taken',
    good,
    accepted(),
    keysOf({ ...publicJwk('rs'), kid: 'es' }, esKey('es')),
  ),
  single(
    'keys of an unknown kind beside the good one do no harm',
    good,
    accepted(),
    keysOf({ kty: 'AKP', kid: 'pq', alg: 'ML-DSA-44', pub: 'AAAA' }, { kid: 'broken' }, esKey('es')),
  ),
  single(
    'keys without a kid beside the good one do no harm',
    good,
    accepted(),
    keysOf({ ...publicJwk('stranger') }, ...allKeys),
  ),
]

export const signatureCases: readonly Case[] = [...algorithms, ...types, ...forged, ...forms, ...keys]
