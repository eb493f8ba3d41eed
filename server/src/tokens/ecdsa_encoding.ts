/** Of a P-256 signature: r and s take so many bytes each (RFC 7518 §3.4). */
const NUMBER_BYTES = 32
const SIGNATURE_BYTES = 2 * NUMBER_BYTES
const SEQUENCE = 0x30
const INTEGER = 0x02

/**
 * The signature of ES256, r and s one after the other (RFC 7518 §3.4), of what OpenSSL makes (RFC 3279 §2.2.3). Node
 * would convert it where it is asked to; workerd does not for keys that are ready for use.
 *
 * @param der by our own cryptography, of P-256: a sequence of two integers, each shorter than 128 bytes
 */
export function fromDer(der: Uint8Array): Buffer {
  const signature = Buffer.alloc(SIGNATURE_BYTES)
  let at = 2
  for (const end of [NUMBER_BYTES, SIGNATURE_BYTES]) {
    const next = at + 2 + (der[at + 1] ?? 0)
    // An integer is signed: one whose first bit is set has a zero before it.
    const number = der.subarray(Math.max(at + 2, next - NUMBER_BYTES), next)
    signature.set(number, end - number.length)
    at = next
  }
  return signature
}

/** The other way round: the one DER form of the two numbers, or undefined where they are not 64 bytes. */
export function toDer(signature: Uint8Array): Buffer | undefined {
  if (signature.length !== SIGNATURE_BYTES) return undefined
  const r = toInteger(signature.subarray(0, NUMBER_BYTES))
  const s = toInteger(signature.subarray(NUMBER_BYTES))
  return Buffer.concat([Buffer.of(SEQUENCE, r.length + s.length), r, s])
}

/** DER allows no zeros before a number, but the one that says it is not negative. */
function toInteger(number: Uint8Array): Buffer {
  const first = number.findIndex((byte) => byte !== 0)
  const digits = number.subarray(first < 0 ? NUMBER_BYTES - 1 : first)
  const sign = (digits[0] ?? 0) < 0x80 ? [] : [0]
  return Buffer.concat([Buffer.of(INTEGER, sign.length + digits.length, ...sign), digits])
}
