import { isObject } from './json_request.ts'

/** Access that ended before its tokens expire. */
export interface Denial {
  kind: Kind
  /** What is denied: the `jti`, `grant_id`, `sub`, `client_id` or `aud` of tokens. */
  subject: string
  /** Seconds. What was issued at this time or before is denied; all, where there is none. */
  cutoff: number
  /** Seconds. */
  expiresAt: number
}

type Kind = keyof typeof CLAIMS

/** Which claim each kind names. */
const CLAIMS = {
  token: 'jti',
  grant: 'grant_id',
  user: 'sub',
  client: 'client_id',
  server: 'aud',
} as const
const KINDS = Object.entries(CLAIMS)

/** What is denied now, in memory. */
export class Denials {
  /** By kind and subject, then by cutoff: until when. */
  #denied = new Map<string, Map<number, number>>()

  /** Takes denials in, instead of what was known or in addition to it, and says whether one of them is news. */
  learn(denials: readonly Denial[], replace: boolean): boolean {
    const known = this.#denied
    const isNews = denials.some(({ kind, subject, cutoff }) => !known.get(keyOf(kind, subject))?.has(cutoff))
    if (replace) this.#denied = new Map()
    for (const denial of denials) this.#add(denial)
    return isNews
  }

  #add({ kind, subject, cutoff, expiresAt }: Denial): void {
    const key = keyOf(kind, subject)
    const cutoffs = this.#denied.get(key) ?? new Map<number, number>()
    cutoffs.set(cutoff, Math.max(expiresAt, cutoffs.get(cutoff) ?? Number.NEGATIVE_INFINITY))
    this.#denied.set(key, cutoffs)
  }

  /** Forgets what no token can be of any more, in seconds since the epoch. */
  forgetExpired(now: number): void {
    for (const [key, cutoffs] of this.#denied) {
      for (const [cutoff, expiresAt] of cutoffs) if (expiresAt <= now) cutoffs.delete(cutoff)
      if (cutoffs.size === 0) this.#denied.delete(key)
    }
  }

  /** Whether a token with these claims was revoked. */
  isDenied(claims: Readonly<Record<string, unknown>>): boolean {
    if (this.#denied.size === 0) return false
    const iat = typeof claims['iat'] === 'number' ? claims['iat'] : Number.NEGATIVE_INFINITY
    return KINDS.some(([kind, claim]) => {
      const value = claims[claim]
      const subjects: readonly unknown[] = Array.isArray(value) ? value : [value]
      return subjects.some((subject) => typeof subject === 'string' && this.#isDenied(kind, subject, iat))
    })
  }

  #isDenied(kind: string, subject: string, iat: number): boolean {
    const cutoffs = this.#denied.get(keyOf(kind, subject))
    return cutoffs !== undefined && [...cutoffs.keys()].some((cutoff) => iat <= cutoff)
  }
}

/** What an answer of the feed says; undefined for what is no such answer. Kinds that we do not know are left out. */
export function parseFeedAnswer(
  body: unknown,
): { cursor: string; snapshot: boolean; time: number; denials: Denial[] } | undefined {
  if (!isObject(body)) return undefined
  const { cursor, snapshot, time, denials } = body
  if (
    typeof time !== 'number' ||
    typeof cursor !== 'string' ||
    typeof snapshot !== 'boolean' ||
    !Array.isArray(denials)
  )
    return undefined
  const known = denials.filter((each) => !(isObject(each) && isUnknownKind(each['kind'])))
  const parsed = known.map(parseDenial).filter((denial) => denial !== undefined)
  return parsed.length === known.length ? { cursor, snapshot, time, denials: parsed } : undefined
}

function parseDenial(value: unknown): Denial | undefined {
  if (!isObject(value)) return undefined
  const { kind, subject, cutoff = Number.POSITIVE_INFINITY, expires_at: expiresAt } = value
  if (!isKind(kind) || typeof subject !== 'string') return undefined
  if (typeof cutoff !== 'number' || typeof expiresAt !== 'number') return undefined
  return { kind, subject, cutoff, expiresAt }
}

function isUnknownKind(kind: unknown): boolean {
  return typeof kind === 'string' && !isKind(kind)
}

function isKind(kind: unknown): kind is Kind {
  return typeof kind === 'string' && Object.hasOwn(CLAIMS, kind)
}

function keyOf(kind: string, subject: string): string {
  return `${kind} ${subject}`
}
