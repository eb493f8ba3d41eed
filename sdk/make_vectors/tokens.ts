import { constants, createHash, createPublicKey, type KeyObject, sign, verify } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { type KeyName, privateKey, publicJwk } from './keys.ts'

export const FILE = new URL('../test_vectors.json', import.meta.url)

/** 2025-11-24T16:00:00Z: when every case begins. */
export const T = 1764000000
export const issuer = 'https://auth.example'
export const origin = 'https://mcp.example'
export const resource = `${origin}/mcp`

export type Members = Record<string, unknown>

/** Signatures of the committed file by what they sign: ECDSA and PSS are random, and the file shall not change. */
const signaturesOf = readSignatures()

function readSignatures(): Map<string, string[]> {
  const known = new Map<string, string[]>()
  const text = existsSync(FILE) ? readFileSync(FILE, 'utf8') : ''
  for (const [, input, signature] of text.matchAll(/([\w-]+\.[\w-]+)\.([\w-]+)/g)) {
    if (input === undefined || signature === undefined) continue
    known.set(input, [...(known.get(input) ?? []), signature])
  }
  return known
}

type Alg = 'ES256' | 'RS256' | 'PS256' | 'EdDSA'

const parameters = {
  ES256: { hash: 'sha256', options: { dsaEncoding: 'ieee-p1363' } },
  RS256: { hash: 'sha256', options: { padding: constants.RSA_PKCS1_PADDING } },
  PS256: { hash: 'sha256', options: { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 } },
  EdDSA: { hash: null, options: {} },
} as const

const algOf: Record<KeyName, Alg> = {
  es: 'ES256',
  next: 'ES256',
  rs: 'RS256',
  ps: 'PS256',
  ed: 'EdDSA',
  p384: 'ES256',
  stranger: 'ES256',
  client_es: 'ES256',
  client_other: 'ES256',
  client_ed: 'EdDSA',
  client_rs: 'RS256',
  client_ps: 'PS256',
  client_rs_short: 'RS256',
}

export const base64url = (data: string | Uint8Array): string => Buffer.from(data).toString('base64url')

/** A part of a JWS: an object as JSON, or text and bytes as they are. */
const partOf = (part: Members | string | Uint8Array): string =>
  base64url(typeof part === 'string' || part instanceof Uint8Array ? part : JSON.stringify(part))

/** A JWS in compact form (RFC 7515 §7.1), whatever its header says. */
export function signed(
  header: Members | string | Uint8Array,
  payload: Members | string | Uint8Array,
  key: KeyName,
  alg: Alg = algOf[key],
): string {
  const input = `${partOf(header)}.${partOf(payload)}`
  const { hash, options } = parameters[alg]
  const secret = privateKey(key)
  const publicKey: KeyObject = createPublicKey(secret)
  const isOurs = (signature: string): boolean =>
    verify(hash, Buffer.from(input), { key: publicKey, ...options }, Buffer.from(signature, 'base64url'))
  const known = signaturesOf.get(input)?.find(isOurs)
  return `${input}.${known ?? base64url(sign(hash, Buffer.from(input), { key: secret, ...options }))}`
}

/** What a good access token says (RFC 9068 §2.2). */
export const claims: Members = {
  iss: issuer,
  sub: 'user_1',
  aud: resource,
  exp: T + 3600,
  iat: T,
  jti: 'token_1',
  client_id: 'client_1',
  grant_id: 'grant_1',
  scope: 'files:read files:write',
  email: 'ada@example.com',
}

/** An access token: the good one, but for `changes` of its claims (undefined leaves a claim out). */
export function accessToken(changes: Members = {}, header: Members = {}, key: KeyName = 'es'): string {
  return signed({ typ: 'at+jwt', alg: algOf[key], kid: key, ...header }, { ...claims, ...changes }, key)
}

/** RFC 7638 §3. */
export function thumbprint(key: KeyName): string {
  const jwk = publicJwk(key) as Members
  const members = Object.fromEntries(
    Object.keys(jwk)
      .sort()
      .map((name) => [name, jwk[name]]),
  )
  return createHash('sha256').update(JSON.stringify(members)).digest('base64url')
}

/** A DPoP proof for `POST /mcp` with the token (RFC 9449 §4.2), but for the changes. */
export function proof(
  token: string,
  changes: Members = {},
  header: Members = {},
  key: KeyName = 'client_es',
): string {
  const ath = createHash('sha256').update(token).digest('base64url')
  const payload = { jti: 'proof_1', htm: 'POST', htu: resource, iat: T, ath, ...changes }
  return signed({ typ: 'dpop+jwt', alg: algOf[key], jwk: publicJwk(key), ...header }, payload, key)
}
