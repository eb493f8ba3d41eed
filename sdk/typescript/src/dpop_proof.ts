import { calculateJwkThumbprint, importJWK, type JWK } from 'jose'
import { parseHeader, verifyPayload } from './compact_jws.ts'
import { AuthAgentError } from './errors.ts'
import { isObject, type JsonObject } from './json_request.ts'
import { normalizeTarget } from './normalized_url.ts'
import type { ReplayMemory } from './replay_memory.ts'
import { findSuitableJwk, isAlgorithm, isPrivateJwk } from './signature_algorithms.ts'

/** What a proof must be about. */
export interface ProofContext {
  method: string
  /** The origin of this server's own URL, and the path of the request. */
  target: string
  /** The SHA-256 of the access token. */
  tokenDigest: string
  /** The thumbprint that the token is bound to (RFC 9449 §6.1). */
  jkt: string
  /** Seconds since the epoch. */
  now: number
}

const MAX_PROOF_LENGTH = 8_192
const MAX_JTI_LENGTH = 256
/** Seconds around now within which a proof was made. */
const WINDOW = 60

/**
 * Checks a DPoP proof (RFC 9449 §4.3), and that it comes for the first time (§11.1).
 *
 * @throws AuthAgentError `invalid_dpop_proof`; `temporarily_unavailable` where too many are remembered
 */
export async function checkProof(
  proof: string | undefined,
  context: ProofContext,
  replays: ReplayMemory,
): Promise<void> {
  if (proof === undefined) refuse('The DPoP proof is missing.')
  if (proof.length > MAX_PROOF_LENGTH) refuse('The DPoP proof is too long.')
  const { alg, jwk } = checkHeader(proof)
  if ((await thumbprint(jwk)) !== context.jkt) refuse('The access token is bound to another key.')
  const payload = await verifyPayload(proof, await importKey(jwk, alg), alg)
  if (payload === undefined) refuse('The signature of the DPoP proof is wrong.')
  const { jti, iat } = checkPayload(payload, context)
  await replays.add(`${context.jkt} ${jti}`, iat + WINDOW, context.now)
}

/** RFC 9449 §4.3, checks 4 to 7. */
function checkHeader(proof: string): { alg: string; jwk: JWK } {
  const header = parseHeader(proof)
  if (header === undefined) refuse('There must be exactly one DPoP proof, a signed JWT.')
  const { typ, alg, jwk, crit } = header
  if (typ !== 'dpop+jwt') refuse('The type of the DPoP proof must be dpop+jwt.')
  if (!isAlgorithm(alg)) refuse('The DPoP proof is signed with an algorithm that is not accepted here.')
  if (crit !== undefined) refuse('The DPoP proof asks for an extension that is not known here.')
  if (isPrivateJwk(jwk)) refuse('The key of the DPoP proof must be a public key only.')
  const suitable = isObject(jwk) ? findSuitableJwk([jwk], alg) : undefined
  if (suitable === undefined) refuse('The key of the DPoP proof does not suit its algorithm.')
  return { alg, jwk: suitable }
}

/** RFC 9449 §4.3, checks 8, 9, 11 and 12. */
function checkPayload(payload: JsonObject, context: ProofContext): { jti: string; iat: number } {
  const { htm, htu, iat, jti, ath } = payload
  if (htm !== context.method) refuse('The DPoP proof is for another method.')
  const target = normalizeTarget(context.target)
  if (target === undefined || typeof htu !== 'string' || normalizeTarget(htu) !== target) {
    refuse('The DPoP proof is for another URL.')
  }
  if (typeof iat !== 'number' || !(Math.abs(iat - context.now) <= WINDOW)) {
    refuse('The DPoP proof was not made now. Make a new one for each request, and set the clock.')
  }
  if (typeof jti !== 'string' || jti === '' || jti.length > MAX_JTI_LENGTH) {
    refuse('The DPoP proof needs a jti of 1 to 256 characters.')
  }
  if (ath !== context.tokenDigest) refuse('The DPoP proof is for another access token.')
  return { jti, iat }
}

async function importKey(jwk: JWK, alg: string): Promise<CryptoKey> {
  const key = await importJWK(jwk, alg).catch(() => undefined)
  return key === undefined || key instanceof Uint8Array ? refuse('The key of the DPoP proof is no key.') : key
}

async function thumbprint(jwk: JWK): Promise<string | undefined> {
  return calculateJwkThumbprint(jwk, 'sha256').catch(() => undefined)
}

function refuse(description: string): never {
  throw new AuthAgentError('invalid_dpop_proof', description)
}
