import { base64url, compactVerify } from 'jose'
import { isObject, type JsonObject, parseJson } from './json_request.ts'

/** RFC 7515 §3.1 and §2: three parts of base64url without padding; libraries let more pass. */
const COMPACT = /^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+$/
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** The protected header of a JWS in compact form, unverified; undefined for what is none. */
export function parseHeader(jws: string): JsonObject | undefined {
  if (!COMPACT.test(jws)) return undefined
  return decodeObject(() => base64url.decode(jws.slice(0, jws.indexOf('.'))))
}

/** What was signed with this key and algorithm; undefined where it was not, or is no JSON object. */
export async function verifyPayload(
  jws: string,
  key: CryptoKey,
  alg: string,
): Promise<JsonObject | undefined> {
  const verified = await compactVerify(jws, key, { algorithms: [alg] }).catch(() => undefined)
  return verified && decodeObject(() => verified.payload)
}

function decodeObject(read: () => Uint8Array): JsonObject | undefined {
  try {
    const value = parseJson(decoder.decode(read()))
    return isObject(value) ? value : undefined
  } catch {
    return undefined
  }
}
