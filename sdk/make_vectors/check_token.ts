import { createLocalJWKSet, decodeProtectedHeader, type JSONWebKeySet, jwtVerify } from 'jose'
import type { Reply } from './case.ts'
import type { Members } from './tokens.ts'

type Refusal = 'invalid_token' | 'temporarily_unavailable'

const algorithms = ['ES256', 'RS256', 'PS256', 'EdDSA', 'Ed25519']
const isText = (value: unknown): boolean => typeof value === 'string' && value !== ''
const keysIn = (reply: Reply | undefined): readonly object[] => {
  const body = reply === undefined || reply === 'unreachable' || reply.status !== 200 ? {} : reply.body
  const keys = typeof body === 'object' && body !== null ? (body as Members)['keys'] : undefined
  return Array.isArray(keys) ? (keys as object[]) : []
}

/** Steps 1 to 4 of local validation. Keys that were replaced still serve while they are fetched again (see `Known`). */
export async function isGoodToken(
  token: string,
  keySets: readonly Reply[],
  current: Reply | undefined,
  options: Members,
  now: number,
): Promise<Members | Refusal> {
  if (!isWellFormed(token)) return 'invalid_token'
  const fetched = keySets.map(keysIn).filter((keys) => keys.length > 0)
  // The last two sets: what is current, and what serves until it has been fetched.
  const distinct = [...new Map(fetched.map((keys) => [JSON.stringify(keys), keys])).values()].slice(-2)
  if (distinct.length === 0) return 'temporarily_unavailable'
  for (const keys of isReplaced(distinct, fetched) ? distinct.slice(-1) : distinct) {
    const claims = await verified(token, keys, options, now)
    if (claims !== undefined) return claims
  }
  const isKnown = fetched.flat().some((key) => (key as Members)['kid'] === decodeProtectedHeader(token).kid)
  return keysIn(current).length === 0 && !isKnown ? 'temporarily_unavailable' : 'invalid_token'
}

/** Whether the newest set was there for a step already, so that the one before serves no more. */
function isReplaced(
  distinct: readonly (readonly object[])[],
  fetched: readonly (readonly object[])[],
): boolean {
  const newest = JSON.stringify(distinct.at(-1))
  return distinct.length > 1 && JSON.stringify(fetched.at(-2)) === newest
}

function isWellFormed(token: string): boolean {
  if (!/^[\w-]+\.[\w-]+\.[\w-]+$/.test(token)) return false
  try {
    const { kid, crit, typ, alg } = decodeProtectedHeader(token)
    const text = Buffer.from(token.split('.')[0] ?? '', 'base64url')
    new TextDecoder('utf-8', { fatal: true }).decode(text)
    const isAccessToken = /^(application\/)?at\+jwt$/i.test(String(typ)) && algorithms.includes(String(alg))
    return isAccessToken && typeof kid === 'string' && crit === undefined
  } catch {
    return false
  }
}

async function verified(
  token: string,
  keys: readonly object[],
  options: Members,
  now: number,
): Promise<Members | undefined> {
  const suitable = keys.filter((key) => isText((key as Members)['kty']))
  try {
    const { payload } = await jwtVerify(token, createLocalJWKSet({ keys: suitable } as JSONWebKeySet), {
      issuer: String(options['auth_server']),
      audience: String(options['resource']),
      typ: 'at+jwt',
      algorithms,
      requiredClaims: ['exp', 'iat', 'sub', 'client_id', 'jti'],
      currentDate: new Date(now * 1000),
      // For nbf; exp is compared below, without it.
      clockTolerance: 60,
    })
    return areGoodClaims(payload, now) ? payload : undefined
  } catch {
    return undefined
  }
}

function areGoodClaims(claims: Members, now: number): boolean {
  const { exp, iat, sub, client_id, jti, scope } = claims
  const hasTexts = [sub, client_id, jti].every(isText)
  const isTimely = Number(exp) > now && typeof iat === 'number' && iat <= now + 60
  return hasTexts && isTimely && (scope === undefined || typeof scope === 'string')
}

/** An answer of introspection, as README wants it. */
export function isGoodAnswer(reply: Reply, options: Members, now: number): Members | Refusal {
  const body = reply === 'unreachable' || reply.status !== 200 ? undefined : reply.body
  if (typeof body !== 'object' || body === null || Array.isArray(body)) return 'temporarily_unavailable'
  const claims = body as Members
  const { active, iss, aud, exp } = claims
  const isOurs = iss === options['auth_server'] && [aud].flat().includes(options['resource'])
  const isTimely = typeof exp === 'number' && exp > now
  return active === true && isOurs && isTimely ? claims : 'invalid_token'
}
