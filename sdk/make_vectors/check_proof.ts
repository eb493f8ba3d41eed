import { createHash } from 'node:crypto'
import { calculateJwkThumbprint, EmbeddedJWK, type JWK, jwtVerify } from 'jose'
import type { Request } from './case.ts'

/** What was accepted: key and `jti`. Cases are short enough to keep all of them. */
export type Proofs = Set<string>

/** RFC 9449 §4.3, with jose. A proof that is good is remembered in `proofs`. */
export async function isGoodProof(
  { method, path, headers }: Request,
  token: string,
  jkt: string,
  resource: string,
  now: number,
  proofs: Proofs,
): Promise<boolean> {
  const values = headers.filter(([name]) => name.toLowerCase() === 'dpop').map(([, value]) => value)
  const [proof = ''] = values
  if (values.length !== 1 || proof.length > 8192) return false
  try {
    const { payload, protectedHeader } = await jwtVerify(proof, EmbeddedJWK, {
      typ: 'dpop+jwt',
      algorithms: ['ES256', 'EdDSA', 'Ed25519', 'RS256', 'PS256'],
      currentDate: new Date(now * 1000),
    })
    const thumbprint = await calculateJwkThumbprint(protectedHeader.jwk as JWK)
    const { htm, htu, iat, jti, ath } = payload
    const isFor =
      htm === method && typeof htu === 'string' && address(htu) === address(new URL(path, resource).href)
    const isFresh = typeof iat === 'number' && Math.abs(now - iat) <= 60
    const isNamed = typeof jti === 'string' && jti.length >= 1 && jti.length <= 256
    const isBound = thumbprint === jkt && ath === createHash('sha256').update(token).digest('base64url')
    const seen = `${thumbprint} ${String(jti)}`
    const isGood = isFor && isFresh && isNamed && isBound && !proofs.has(seen)
    if (isGood) proofs.add(seen)
    return isGood
  } catch {
    return false
  }
}

/** An absolute URL normalized (RFC 3986 §6.2.2, §6.2.3), without query and fragment. */
function address(url: string): string {
  const { origin, pathname, username } = new URL(url)
  const unreserved = (encoded: string): string => {
    const character = String.fromCharCode(Number.parseInt(encoded.slice(1), 16))
    return /[\w.~-]/.test(character) ? character : encoded.toUpperCase()
  }
  return `${username}@${origin}${pathname.replaceAll(/%[0-9a-f]{2}/gi, unreserved)}`
}
