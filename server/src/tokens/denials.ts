import { OAuthError } from '../errors.ts'
import type { DenialRow, DenialStorage } from '../storage/denials.ts'

/** The claims of an access token that a denial can name. */
export interface DeniableClaims {
  jti: string
  iat: number
  sub: string
  aud: string
  client_id: string
  grant_id?: string | undefined
}

/**
 * Access that ended before its tokens expire, in memory on every node. Each node asks the database again when what
 * it knows is older than a second, and only when asked, so an idle node costs nothing.
 */
export interface Denials {
  /** Makes sure that everything committed a second ago is known. Rejects with 503 when it cannot be. */
  refresh(): Promise<void>
  /** Whether a token with these claims was revoked. Call {@link refresh} first. */
  isTokenDenied(claims: DeniableClaims): boolean
  /** Whether an API key was revoked. Call {@link refresh} first. */
  isKeyDenied(keyId: string): boolean
  /** Takes in denials that this node recorded itself, so that it honours them at once. */
  learn(denials: readonly DenialRow[]): void
}

const SECOND = 1000
const MAX_AGE = 0.9 * SECOND
/** How long a node goes on with what it knows while the database is away, in which time nothing can be revoked. */
const MAX_STALENESS = 30 * SECOND
/** A node that has not read for so long reads everything. */
const MAX_PAUSE = 30 * SECOND
const CLEAN_EVERY = 60 * SECOND

interface Denied {
  /** Compared with `iat`; Infinity where all that is named is denied. */
  cutoff: number
  expiresAt: number
}

export function createDenials(storage: DenialStorage, now: () => number): Denials {
  const denied = new Map<string, Denied>()
  let cursor = '0'
  let readAt = Number.NEGATIVE_INFINITY
  let triedAt = Number.NEGATIVE_INFINITY
  let cleanedAt = now()
  let reading: Promise<void> | undefined

  function learn(rows: readonly DenialRow[]): void {
    for (const row of rows) {
      const key = keyOf(row.kind, row.subject)
      const cutoff = row.cutoff === null ? Infinity : Math.floor(row.cutoff.getTime() / SECOND)
      const known = denied.get(key)
      denied.set(key, {
        cutoff: Math.max(cutoff, known?.cutoff ?? 0),
        expiresAt: Math.max(row.expires_at.getTime(), known?.expiresAt ?? 0),
      })
    }
  }
  function forgetExpired(): void {
    if (now() - cleanedAt < CLEAN_EVERY) return
    cleanedAt = now()
    for (const [key, { expiresAt }] of denied) if (expiresAt <= now()) denied.delete(key)
  }
  async function read(): Promise<void> {
    const startedAt = now()
    triedAt = startedAt
    // After a pause the database may be another one: restored, or failed over to a replica that lacked the last
    // transactions, and whose numbers have passed our cursor since. Then everything is read again.
    const from = startedAt - readAt < MAX_PAUSE ? cursor : '0'
    cursor = '0'
    const page = await storage.readDenials(from, new Date(startedAt))
    learn(page.denials)
    cursor = page.cursor
    readAt = startedAt
    forgetExpired()
  }
  function isDenied(kind: DenialRow['kind'], subject: string, iat: number): boolean {
    const denial = denied.get(keyOf(kind, subject))
    return denial !== undefined && iat <= denial.cutoff
  }

  return {
    learn,
    async refresh() {
      if (now() - readAt < MAX_AGE) return
      const isStillGood = () => now() - readAt < MAX_STALENESS
      // While the database is away, or does not answer, one request a second tries it; the others go on at once.
      const hasJustFailed = reading === undefined && now() - triedAt < MAX_AGE
      const doesNotAnswer = reading !== undefined && now() - triedAt >= MAX_AGE
      if (isStillGood() && (hasJustFailed || doesNotAnswer)) return
      reading ??= read().finally(() => {
        reading = undefined
      })
      await reading.catch((cause: unknown) => {
        if (isStillGood()) return
        throw new OAuthError(
          'temporarily_unavailable',
          'It cannot be checked now whether this was revoked. Try again.',
          {
            headers: { 'Retry-After': '5' },
            cause,
          },
        )
      })
    },
    isTokenDenied: (claims) =>
      denied.size > 0 &&
      (isDenied('token', claims.jti, claims.iat) ||
        (claims.grant_id !== undefined && isDenied('grant', claims.grant_id, claims.iat)) ||
        isDenied('user', claims.sub, claims.iat) ||
        isDenied('client', claims.client_id, claims.iat) ||
        isDenied('server', claims.aud, claims.iat)),
    isKeyDenied: (keyId) => isDenied('key', keyId, 0),
  }
}

function keyOf(kind: DenialRow['kind'], subject: string): string {
  return `${kind} ${subject}`
}
