import { OAuthError } from '../errors.ts'
import { LateError, SharedWork, within } from '../shared_work.ts'
import type { DenialPage, DenialRow, DenialStorage, RecordedDenial } from '../storage/denials.ts'
import { DenialLog } from './denial_log.ts'

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
 * it knows is too old, and only when asked, so an idle node costs nothing.
 */
export interface Denials {
  /**
   * Makes sure that everything committed by the maximum age ago is known. Rejects with 503 when it cannot be.
   *
   * @returns undefined where it is known already, as it nearly always is
   */
  refresh(): Promise<void> | undefined
  /** Whether a token with these claims was revoked. Call {@link refresh} first. */
  isTokenDenied(claims: DeniableClaims): boolean
  /** Whether an API key was revoked. Call {@link refresh} first. */
  isKeyDenied(keyId: string): boolean
  /** Takes in denials that this node recorded itself, so that it honours them at once. */
  learn(denials: readonly DenialRow[]): void
  /**
   * Makes sure that everything committed so many milliseconds ago is in the {@link log}. Rejects with 503 when it
   * cannot be, at once: who follows must not take our silence for news.
   */
  readAgain(maxAge: number): Promise<void>
  /** How many there are in memory. */
  readonly size: number
  /** Since what was read last was true, in seconds; Infinity before the first reading. */
  age(): number
  /** What MCP servers are told. */
  readonly log: DenialLog
}

const SECOND = 1000
/** While the database is away, it is tried this often. */
const RETRY_AFTER = SECOND
/** How long a node goes on with what it knows while the database is away, in which time nothing can be revoked. */
const MAX_STALENESS = 30 * SECOND
/** How long a database may take to answer; after that it counts as away. */
const MAX_READ = 2 * SECOND
/** How long one waits for all that there is to read. */
const MAX_WAIT = 2 * MAX_READ
/** A node that has not read for so long reads everything. */
const MAX_PAUSE = 30 * SECOND
const CLEAN_EVERY = 60 * SECOND

/** A reading of which there are pages to come. What is committed meanwhile is at or above the cursor of the first one. */
interface Unfinished {
  startedAt: number
  pages: readonly DenialPage[]
  last: RecordedDenial
}

interface Denied {
  /** Compared with `iat`; Infinity where all that is named is denied. */
  cutoff: number
  expiresAt: number
}

/** @param maxAge how old what is known may be where a token is checked, in milliseconds */
export function createDenials(storage: DenialStorage, maxAge: number, now: () => number): Denials {
  return new DenialSet(storage, maxAge, now)
}

class DenialSet implements Denials {
  readonly #storage: DenialStorage
  readonly #maxAge: number
  readonly #now: () => number
  /** By what they name; apart by kind, so that asking about one of which there are none costs nothing. */
  readonly #denied = new Map<DenialRow['kind'], Map<string, Denied>>()
  readonly log = new DenialLog()
  #cursor = '0'
  #run: string | undefined
  #readAt = Number.NEGATIVE_INFINITY
  #failedAt = Number.NEGATIVE_INFINITY
  #cleanedAt: number
  readonly #reading = new SharedWork<void>(MAX_WAIT)
  #unfinished: Unfinished | undefined
  #pageReadAt = Number.NEGATIVE_INFINITY
  /** Whether this node recorded something that it has not read yet, and so is not in the log. */
  #hasLearned = false

  constructor(storage: DenialStorage, maxAge: number, now: () => number) {
    this.#storage = storage
    this.#maxAge = maxAge
    this.#now = now
    this.#cleanedAt = now()
  }

  get size(): number {
    let size = 0
    for (const subjects of this.#denied.values()) size += subjects.size
    return size
  }

  age(): number {
    return (this.#now() - this.#readAt) / SECOND
  }

  refresh(): Promise<void> | undefined {
    return this.#isWithin(this.#readAt, this.#maxAge) ? undefined : this.#refresh()
  }

  async #refresh(): Promise<void> {
    // While the database is away, one request a second tries it; the others go on at once.
    const hasJustFailed = this.#isWithin(this.#failedAt, RETRY_AFTER)
    if (!this.#reading.isRunning && hasJustFailed && this.#isStillGood()) return
    await this.#readSince(this.#now() - this.#maxAge).catch((cause: unknown) => {
      if (this.#isStillGood()) return
      throw unavailable('It cannot be checked now whether this was revoked. Try again.', cause)
    })
  }

  async readAgain(maxAge: number): Promise<void> {
    if (this.#isWithin(this.#readAt, maxAge) && !this.#hasLearned) return
    await this.#readSince(this.#now() - maxAge).catch((cause: unknown) => {
      throw unavailable('It cannot be told now what was revoked. Try again.', cause)
    })
  }

  /** Joins the reading that is under way, or begins one; and another, where that one had begun before this moment. */
  async #readSince(moment: number): Promise<void> {
    await this.#readPages()
    if (this.#readAt < moment) await this.#readPages()
  }

  /** One page after the other. Who has waited for too long gives up; what was read by then is not read again. */
  async #readPages(): Promise<void> {
    const begunAt = this.#now()
    do {
      await this.#reading.run(() => this.#readPage())
    } while (this.#unfinished !== undefined && this.#isWithin(begunAt, MAX_WAIT))
    if (this.#unfinished !== undefined) throw new LateError('There are many denials, and more to be read.')
  }

  isTokenDenied(claims: DeniableClaims): boolean {
    const { jti, grant_id, sub, client_id, aud, iat } = claims
    return (
      this.#isDenied('token', jti, iat) ||
      (grant_id !== undefined && this.#isDenied('grant', grant_id, iat)) ||
      this.#isDenied('user', sub, iat) ||
      this.#isDenied('client', client_id, iat) ||
      this.#isDenied('server', aud, iat)
    )
  }

  isKeyDenied(keyId: string): boolean {
    return this.#isDenied('key', keyId, 0)
  }

  learn(rows: readonly DenialRow[]): void {
    this.#take(rows)
    this.#hasLearned ||= rows.length > 0
  }

  #take(rows: readonly DenialRow[]): void {
    for (const row of rows) {
      const subjects = this.#denied.get(row.kind) ?? new Map<string, Denied>()
      this.#denied.set(row.kind, subjects)
      const cutoff = row.cutoff === null ? Infinity : Math.floor(row.cutoff.getTime() / SECOND)
      const known = subjects.get(row.subject)
      subjects.set(row.subject, {
        cutoff: Math.max(cutoff, known?.cutoff ?? 0),
        expiresAt: Math.max(row.expires_at.getTime(), known?.expiresAt ?? 0),
      })
    }
  }

  #isDenied(kind: DenialRow['kind'], subject: string, iat: number): boolean {
    const denial = this.#denied.get(kind)?.get(subject)
    return denial !== undefined && iat <= denial.cutoff
  }

  async #readPage(): Promise<void> {
    const now = this.#now()
    const begun = this.#isWithin(this.#pageReadAt, MAX_PAUSE) ? this.#unfinished : undefined
    this.#unfinished = begun
    // After a pause the database may be another one: restored, or failed over to a replica that lacked the last
    // transactions, and whose numbers have passed our cursor since. Then everything is read again.
    const from = this.#isWithin(this.#readAt, MAX_PAUSE) ? this.#cursor : '0'
    this.#cursor = '0'
    if (begun === undefined) this.#hasLearned = false
    try {
      const reading = this.#storage.readDenials(from, new Date(now), this.#run, begun?.last)
      this.#add(await within(MAX_READ, reading), begun ?? { startedAt: now, pages: [] })
      this.#pageReadAt = now
    } catch (error) {
      this.#failedAt = this.#now()
      this.#unfinished = undefined
      throw error
    }
    this.#forgetExpired()
  }

  #add(page: DenialPage, { startedAt, pages: before }: Pick<Unfinished, 'startedAt' | 'pages'>): void {
    const pages = [...before, page]
    const [first = page] = pages
    if (first.run !== page.run) throw new Error('The database has started anew meanwhile.')
    this.#take(page.denials)
    this.#unfinished = page.last && { startedAt, pages, last: page.last }
    if (page.last !== undefined) return
    this.log.add({ ...first, denials: pages.flatMap(({ denials }) => denials) })
    this.#cursor = first.cursor
    this.#run = first.run
    this.#readAt = startedAt
  }

  #forgetExpired(): void {
    if (this.#isWithin(this.#cleanedAt, CLEAN_EVERY)) return
    this.#cleanedAt = this.#now()
    for (const subjects of this.#denied.values())
      for (const [subject, { expiresAt }] of subjects) if (expiresAt <= this.#now()) subjects.delete(subject)
    this.log.forgetExpired(this.#now())
  }

  #isStillGood(): boolean {
    return this.#isWithin(this.#readAt, MAX_STALENESS)
  }

  /** Whether less than so much time has passed since; a clock that was set back tells nothing. */
  #isWithin(since: number, limit: number): boolean {
    const elapsed = this.#now() - since
    return elapsed >= 0 && elapsed < limit
  }
}

function unavailable(description: string, cause: unknown): OAuthError {
  return new OAuthError('temporarily_unavailable', description, { headers: { 'Retry-After': '5' }, cause })
}
