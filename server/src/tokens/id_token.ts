import { createHash } from 'node:crypto'
import { z } from 'zod'
import type { IdTokenAlg } from '../clients/metadata.ts'
import type { ServerContext } from '../context.ts'
import { parseJws, signJws, verifyJws } from './jws.ts'

/** What decides an id_token (OpenID Connect Core §2). */
export interface IdTokenSubject {
  sub: string
  clientId: string
  alg: IdTokenAlg
  authTime: Date
  nonce?: string | undefined
  /** Present when the `email` scope was granted. */
  email?: string | undefined
  /** Bound to the id_token by `at_hash` (§3.1.3.6). */
  accessToken: string
}

/** Lifetime of an id_token in seconds: it is read once, at sign-in. */
export const ID_TOKEN_TTL = 3600

/** Signs an id_token with the algorithm that the client registered. */
export async function signIdToken(context: ServerContext, subject: IdTokenSubject): Promise<string> {
  const key = await context.signingKeys.current(subject.alg)
  const iat = Math.floor(context.now() / 1000)
  return signJws(key, 'JWT', {
    iss: context.issuer.url,
    sub: subject.sub,
    aud: subject.clientId,
    iat,
    exp: iat + ID_TOKEN_TTL,
    auth_time: Math.floor(subject.authTime.getTime() / 1000),
    nonce: subject.nonce,
    at_hash: accessTokenHash(subject.accessToken, subject.alg),
    ...(subject.email !== undefined && { email: subject.email, email_verified: true }),
  })
}

/** The left half of the token's hash; the hash is that of the signature algorithm, SHA-512 for Ed25519. */
function accessTokenHash(accessToken: string, alg: IdTokenAlg): string {
  const hash = createHash(alg === 'EdDSA' ? 'sha512' : 'sha256')
    .update(accessToken)
    .digest()
  return hash.subarray(0, hash.length / 2).toString('base64url')
}

const hintSchema = z.object({ iss: z.string(), sub: z.string(), aud: z.string() })

/**
 * Reads an `id_token_hint` (RP-Initiated Logout §2): ours, whether or not it has expired meanwhile.
 *
 * @returns its subject and client, or undefined where it was not issued here, or that cannot be told now
 */
export async function verifyIdTokenHint(
  context: ServerContext,
  token: string,
): Promise<{ sub: string; aud: string } | undefined> {
  const jws = parseJws(token)
  const key = jws && (await Promise.resolve(context.signingKeys.find(jws.kid)).catch(() => undefined))
  const signed = jws && key && verifyJws(jws, key, 'JWT')
  const { data } = hintSchema.safeParse(signed)
  return data?.iss === context.issuer.url ? { sub: data.sub, aud: data.aud } : undefined
}
