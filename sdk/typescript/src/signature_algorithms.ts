import type { JWK } from 'jose'
import { isObject, type JsonObject } from './json_request.ts'

/** What WebCrypto is told to verify with (RFC 7518 §3.1, RFC 8037 §3.1). */
type VerifyParameters =
  | { name: 'ECDSA'; hash: 'SHA-256' }
  | { name: 'RSASSA-PKCS1-v1_5' }
  | { name: 'RSA-PSS'; saltLength: 32 }
  | { name: 'Ed25519' }

interface Requirement {
  verify: VerifyParameters
  kty: string
  crv?: string
  /** The members of the public key (RFC 7518 §6). */
  members: readonly string[]
  /** Names that a JWK may give the algorithm. */
  algs: readonly string[]
}

const ED25519: Requirement = {
  verify: { name: 'Ed25519' },
  kty: 'OKP',
  crv: 'Ed25519',
  members: ['x'],
  algs: ['EdDSA', 'Ed25519'],
}
const RSA = { kty: 'RSA', members: ['n', 'e'] }

/** The algorithms of signatures, and what their keys must be. Nothing symmetric, and not `none` (RFC 8725 §3.1). */
const REQUIREMENTS: ReadonlyMap<string, Requirement> = new Map<string, Requirement>([
  [
    'ES256',
    {
      verify: { name: 'ECDSA', hash: 'SHA-256' },
      kty: 'EC',
      crv: 'P-256',
      members: ['x', 'y'],
      algs: ['ES256'],
    },
  ],
  ['RS256', { ...RSA, verify: { name: 'RSASSA-PKCS1-v1_5' }, algs: ['RS256'] }],
  ['PS256', { ...RSA, verify: { name: 'RSA-PSS', saltLength: 32 }, algs: ['PS256'] }],
  ['EdDSA', ED25519],
  // RFC 9864: the same by its full name.
  ['Ed25519', ED25519],
])

/** What metadata and challenges list. */
export const DPOP_ALGS = 'ES256 EdDSA RS256 PS256'

export function isAlgorithm(alg: unknown): alg is string {
  return typeof alg === 'string' && REQUIREMENTS.has(alg)
}

export function findVerifyParameters(alg: string): VerifyParameters | undefined {
  return REQUIREMENTS.get(alg)?.verify
}

/** The first key that an algorithm may use, reduced to what is public of it. */
export function findSuitableJwk(keys: readonly JsonObject[], alg: string): JWK | undefined {
  const requirement = REQUIREMENTS.get(alg)
  if (requirement === undefined) return undefined
  const key = keys.find((each) => isSuitable(each, requirement))
  return key && publicPart(key, requirement)
}

function isSuitable(key: JsonObject, { kty, crv, members, algs }: Requirement): boolean {
  if (key['kty'] !== kty || (crv !== undefined && key['crv'] !== crv)) return false
  if (key['alg'] !== undefined && !algs.some((alg) => alg === key['alg'])) return false
  if (key['use'] !== undefined && key['use'] !== 'sig') return false
  return members.every((name) => typeof key[name] === 'string')
}

function publicPart(key: JsonObject, { kty, crv, members }: Requirement): JWK {
  const own = Object.fromEntries(members.map((name) => [name, String(key[name])]))
  return { kty, ...(crv !== undefined && { crv }), ...own }
}

const PRIVATE_MEMBERS = ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k']

/** Whether a key is given away whole, or is a shared secret (RFC 9449 §4.3). */
export function isPrivateJwk(key: unknown): boolean {
  return isObject(key) && PRIVATE_MEMBERS.some((name) => Object.hasOwn(key, name))
}
