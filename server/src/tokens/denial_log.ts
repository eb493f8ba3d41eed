import { createHash } from 'node:crypto'
import type { DenialPage, RecordedDenial } from '../storage/denials.ts'

/** An MCP server that follows what is denied. It is told of what it could hold a token of, and nothing about others. */
export interface Follower {
  organization_id: string
  server_id: string
}

/** What a follower must know, and the cursor to ask with for what comes after. */
export interface DenialNews {
  cursor: string
  /** Whether these are all that there are, and replace what the follower knew. */
  isSnapshot: boolean
  denials: readonly RecordedDenial[]
}

/**
 * Where a follower stands: it was told everything of transactions below `xmin`, which is what PostgreSQL calls the
 * oldest transaction that was still running; and of later ones the rows that the digest names. So rows that a long
 * transaction keeps above `xmin` are news once, not at every question. The numbers mean something within one run of the
 * database.
 */
interface Cursor {
  xmin: bigint
  issuedAt: number
  digest: string
  run: string
}

interface LoggedDenial {
  transaction: bigint
  denial: RecordedDenial
}

/**
 * Who comes with an older cursor gets a snapshot: the database may have been restored, or have failed over, since,
 * and its numbers may have passed the cursor again. In seconds.
 */
const MAX_CURSOR_AGE = 60
const CURSOR = /^(\d{1,20})\.(\d{1,12})\.([\w-]{22})\.([\w-]{22})$/

/** What this node has read of denials, in the order of their transactions. */
export class DenialLog {
  #rows: LoggedDenial[] = []
  #ids = new Set<string>()
  #xmin = 0n
  /** A digest of it; what the database says of itself is nobody's business. */
  #run = digest('')
  #version = 0

  /** Changes when something new was read. */
  get version(): number {
    return this.#version
  }

  /** Takes in what was read from the database. */
  add({ cursor, run, isComplete, denials }: DenialPage): void {
    this.#xmin = BigInt(cursor)
    this.#run = digest(run)
    const hadRows = this.#rows.length > 0
    // A database that was restored may have given the numbers of lost rows to others.
    if (isComplete) this.#keep([])
    const fresh = denials.filter(({ id }) => !this.#ids.has(id))
    if (fresh.length === 0 && !(isComplete && hadRows)) return
    for (const denial of fresh) {
      this.#ids.add(denial.id)
      this.#rows.push({ transaction: BigInt(denial.transaction_id), denial })
    }
    this.#rows.sort(byTransaction)
    this.#version += 1
  }

  /** Forgets what has expired, in milliseconds since the epoch. */
  forgetExpired(now: number): void {
    this.#keep(this.#rows.filter(({ denial }) => denial.expires_at.getTime() > now))
  }

  /** Whether a cursor comes from a node that has read more than this one, or from another run of the database. */
  isAhead(cursor: string | undefined): boolean {
    const since = parseCursor(cursor)
    return since !== undefined && this.#isForeign(since)
  }

  /** What a follower does not know yet, which may be nothing. `now` in milliseconds since the epoch. */
  newsFor(follower: Follower, cursor: string | undefined, now: number): DenialNews {
    const since = parseCursor(cursor)
    const isSnapshot = since === undefined || this.#isForeign(since) || !isRecent(since, now)
    const denials = this.#select(follower, isSnapshot ? 0n : since.xmin, now)
    const isKnown = !isSnapshot && digestOf(denials) === since.digest
    return { cursor: this.#cursorFor(follower, now), isSnapshot, denials: isKnown ? [] : denials }
  }

  #cursorFor(follower: Follower, now: number): string {
    const told = digestOf(this.#select(follower, this.#xmin, now))
    return `${this.#xmin}.${Math.floor(now / 1000)}.${told}.${this.#run}`
  }

  #isForeign({ xmin, run }: Cursor): boolean {
    return xmin > this.#xmin || run !== this.#run
  }

  #select(follower: Follower, since: bigint, now: number): RecordedDenial[] {
    return this.#rows
      .slice(this.#firstFrom(since))
      .map(({ denial }) => denial)
      .filter((denial) => denial.expires_at.getTime() > now && concerns(denial, follower))
  }

  /** The index of the first row of this transaction or a later one. */
  #firstFrom(transaction: bigint): number {
    let [low, high] = [0, this.#rows.length]
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((this.#rows[middle]?.transaction ?? transaction) < transaction) low = middle + 1
      else high = middle
    }
    return low
  }

  #keep(rows: LoggedDenial[]): void {
    this.#rows = rows
    this.#ids = new Set(rows.map(({ denial }) => denial.id))
  }
}

function concerns({ kind, organization_id, server_id }: RecordedDenial, follower: Follower): boolean {
  if (organization_id !== follower.organization_id) return false
  switch (kind) {
    // One token, or the tokens of one grant, are for one server.
    case 'token':
    case 'grant':
      return server_id === follower.server_id
    case 'user':
    case 'client':
    case 'server':
      return server_id === null || server_id === follower.server_id
    // Of API keys, which no token names.
    case 'key':
      return false
  }
}

function isRecent({ issuedAt }: Cursor, now: number): boolean {
  return Math.abs(now / 1000 - issuedAt) < MAX_CURSOR_AGE
}

function parseCursor(text: string | undefined): Cursor | undefined {
  const [, xmin, issuedAt, digest, run] = CURSOR.exec(text ?? '') ?? []
  if (xmin === undefined || issuedAt === undefined || digest === undefined || run === undefined)
    return undefined
  return { xmin: BigInt(xmin), issuedAt: Number(issuedAt), digest, run }
}

function digestOf(denials: readonly RecordedDenial[]): string {
  const ids = denials
    .map(({ id }) => id)
    .sort()
    .join(' ')
  return digest(ids)
}

function digest(text: string): string {
  return createHash('sha256').update(text).digest('base64url').slice(0, 22)
}

function byTransaction(a: LoggedDenial, b: LoggedDenial): number {
  return a.transaction < b.transaction ? -1 : a.transaction > b.transaction ? 1 : 0
}
