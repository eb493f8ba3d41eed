import { z } from 'zod'
import { sign, verify } from './signatures.ts'
import type { SigningKey } from './signing_keys.ts'

/** What a JWT of ours is: an access token (RFC 9068 §2.1) or an id_token. None is taken for the other (RFC 8725 §3.11). */
export type JwtType = 'at+jwt' | 'JWT'

/** A JWS in compact serialization (RFC 7515 §7.1), taken apart. It says who may have signed it; nothing is checked yet. */
export interface CompactJws {
  readonly kid: string
  /** As it was sent, in base64url, as is the payload. */
  readonly header: string
  readonly payload: string
  readonly signature: Uint8Array
}

/** RFC 7515 §3.1 and §2: three parts of base64url without padding. */
const COMPACT = /^([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)$/

const headerSchema = z.object({ kid: z.string() })

/** Signs claims as a JWT. Members that are undefined are left out. */
export function signJws(key: SigningKey, typ: JwtType, claims: object): string {
  const input = `${protectedHeader(key, typ)}.${encode(claims)}`
  return `${input}.${sign(key.alg, key.signingKey, input).toString('base64url')}`
}

/** Takes a JWS apart, or answers undefined where the text is none, or does not name its key. */
export function parseJws(token: string): CompactJws | undefined {
  const parts = COMPACT.exec(token)
  if (parts === null) return undefined
  const [, header = '', payload = '', text = ''] = parts
  const kid = headerSchema.safeParse(decode(header)).data?.kid
  const signature = decodeBytes(text)
  return kid === undefined || signature === undefined ? undefined : { kid, header, payload, signature }
}

/**
 * The claims of a JWS that this key signed as a JWT of this type, or undefined.
 *
 * Its header must be the one that we make for that key, byte for byte. So there is no other algorithm, no `none`, no
 * `crit`, no `b64`, no key that the token brings along, and no member twice (RFC 8725 §2.1 to §2.10).
 */
export function verifyJws(jws: CompactJws, key: SigningKey, typ: JwtType): unknown {
  const { header, payload, signature } = jws
  const isGenuine =
    header === protectedHeader(key, typ) &&
    verify(key.alg, key.verificationKey, `${header}.${payload}`, signature)
  return isGenuine ? decode(payload) : undefined
}

/** Made once for each key, and forgotten with it. */
const protectedHeaders = new WeakMap<SigningKey, Partial<Record<JwtType, string>>>()

function protectedHeader(key: SigningKey, typ: JwtType): string {
  const known = protectedHeaders.get(key) ?? {}
  // The order of its members never changes: tokens of an earlier release are ours as well.
  const header = known[typ] ?? encode({ alg: key.alg, typ, kid: key.kid })
  if (known[typ] === undefined) protectedHeaders.set(key, { ...known, [typ]: header })
  return header
}

function encode(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url')
}

function decode(text: string): unknown {
  const bytes = decodeBytes(text)
  try {
    return bytes && JSON.parse(bytes.toString())
  } catch {
    return undefined
  }
}

/**
 * RFC 4648 §3.5: the last character of base64url may hold bits that mean nothing. They must be zero, so that nobody
 * can spell a token in another way.
 */
function decodeBytes(text: string): Buffer | undefined {
  const bytes = Buffer.from(text, 'base64url')
  return bytes.toString('base64url') === text ? bytes : undefined
}
