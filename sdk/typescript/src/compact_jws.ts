import { base64url } from 'jose'
import { isObject, type JsonObject, parseJson } from './json_request.ts'
import { findVerifyParameters } from './signature_algorithms.ts'

/** RFC 7515 §3.1 and §2: three parts of base64url without padding; libraries let more pass. */
const COMPACT = /^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+$/
const encoder = new TextEncoder()
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** The protected header of a JWS in compact form, unverified; undefined for what is none. */
export function parseHeader(jws: string): JsonObject | undefined {
  if (!COMPACT.test(jws)) return undefined
  return decodeObject(() => base64url.decode(jws.slice(0, jws.indexOf('.'))))
}

/** What a JWT says that nobody verified: to explain a refusal, and for nothing else. */
export function readUnverified(jwt: string): JsonObject | undefined {
  if (!COMPACT.test(jwt)) return undefined
  return decodeObject(() => base64url.decode(jwt.slice(jwt.indexOf('.') + 1, jwt.lastIndexOf('.'))))
}

/**
 * What was signed with this key and algorithm (RFC 7515 §5.2), whose header says so; undefined where it was not, or is no
 * JSON object. The key was imported for this algorithm, so that WebCrypto refuses every other one.
 */
export async function verifyPayload(
  jws: string,
  key: CryptoKey,
  alg: string,
): Promise<JsonObject | undefined> {
  const parameters = findVerifyParameters(alg)
  if (parameters === undefined || !COMPACT.test(jws) || isTooShort(key)) return undefined
  const end = jws.lastIndexOf('.')
  try {
    const signature = new Uint8Array(base64url.decode(jws.slice(end + 1)))
    const isGood = await crypto.subtle.verify(parameters, key, signature, encoder.encode(jws.slice(0, end)))
    if (!isGood) return undefined
  } catch {
    return undefined
  }
  return decodeObject(() => base64url.decode(jws.slice(jws.indexOf('.') + 1, end)))
}

/** RFC 7518 §3.3 and §3.5. */
function isTooShort({ algorithm }: CryptoKey): boolean {
  return 'modulusLength' in algorithm && Number(algorithm.modulusLength) < 2048
}

function decodeObject(read: () => Uint8Array): JsonObject | undefined {
  try {
    const value = parseJson(decoder.decode(read()))
    return isObject(value) ? value : undefined
  } catch {
    return undefined
  }
}
