import type { AuthAgentClient } from './auth_agent_client.ts'
import { Denials, parseFeedAnswer } from './denials.ts'
import { reasonOf } from './errors.ts'
import type { JsonAnswer } from './json_request.ts'
import { Outage } from './outage.ts'
import { type Platform, pause } from './platform.ts'

/** Seconds for which the authorization server may hold a request until there is news. */
const WAIT = 10
/** Milliseconds, all of these. */
const GIVE_UP_AFTER_WAIT = 5_000
const LIVE_FOR = 15_000
const FIRST_ANSWER_LIMIT = 5_000
const ON_DEMAND_AGE = 500
const CURSOR_AGE = 30_000
const FIRST_RETRY = 200
const LAST_RETRY = 2_000
const LONGEST_RETRY_AFTER = 10_000
/** An authorization server that does not hold our requests is not asked more often than this. */
const SHORTEST_ROUND = 100

/**
 * Follows what the authorization server denies. In the background, with one request open at a time, from the first
 * question on; where there is no background, by asking when somebody wants to know.
 */
export class DenialFeed {
  readonly #client: AuthAgentClient
  readonly #platform: Platform
  readonly #denials = new Denials()
  readonly #outage: Outage
  #isClosed = false
  /** Only where there is a background: Workers know no such thing outside of a request. */
  #closing: AbortController | undefined
  #cursor: string | undefined
  #heardAt = Number.NEGATIVE_INFINITY
  #lastSucceeded = false
  #failures = 0
  #retryAt = Number.NEGATIVE_INFINITY
  #generation = 0
  #asking: Promise<void> | undefined
  #firstAnswer: { promise: Promise<void>; resolve: () => void; until: number } | undefined

  constructor(client: AuthAgentClient, platform: Platform) {
    this.#client = client
    this.#platform = platform
    this.#outage = new Outage(platform)
  }

  /** Another number means that what was asked or learnt before it may have ended since. */
  get generation(): number {
    return this.#generation
  }

  /** Milliseconds since something was heard; infinite before the first time. */
  get age(): number {
    return this.ageAt(this.#platform.elapsed())
  }

  /** The same at this moment of `elapsed`. */
  ageAt(moment: number): number {
    return moment - this.#heardAt
  }

  /** Whether what is not denied here is not denied at all, as of a moment ago. */
  get isLive(): boolean {
    return this.#lastSucceeded && this.age < LIVE_FOR && !this.#isClosed
  }

  isDenied(claims: Readonly<Record<string, unknown>>): boolean {
    return this.#denials.isDenied(claims)
  }

  /** Whether `follow` has nothing to do at this moment of `elapsed`. */
  isFollowed(moment: number): boolean {
    if (this.#isClosed) return false
    if (this.#platform.hasBackground) return this.#firstAnswer !== undefined
    return this.#lastSucceeded && this.ageAt(moment) <= ON_DEMAND_AGE
  }

  /** Begins, or asks where that is not possible in the background. Never rejects. */
  async follow(): Promise<void> {
    if (this.#isClosed) return
    if (!this.#platform.hasBackground) return this.#askOnDemand()
    if (this.#firstAnswer !== undefined) return
    this.#firstAnswer = createFirstAnswer(this.#platform.elapsed() + FIRST_ANSWER_LIMIT)
    this.#closing = new AbortController()
    void this.#run(this.#closing.signal)
  }

  /** Waits for the snapshot, for some seconds from the beginning at the most. */
  async waitForSnapshot(): Promise<void> {
    const first = this.#firstAnswer
    if (first === undefined || this.#heardAt > Number.NEGATIVE_INFINITY) return
    const left = first.until - this.#platform.elapsed()
    if (left <= 0) return
    const ended = new AbortController()
    await Promise.race([first.promise, pause(left, ended.signal)])
    ended.abort()
  }

  /** Ends what runs in the background. What was cached is worth nothing from then on. */
  close(): void {
    this.#isClosed = true
    this.#generation += 1
    this.#closing?.abort()
    this.#firstAnswer?.resolve()
  }

  async #run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const startedAt = this.#platform.elapsed()
      // After a failure silence would be no news yet, so that the first answer is to come at once.
      await this.#ask(this.#lastSucceeded ? WAIT : 0)
      const now = this.#platform.elapsed()
      const wait = Math.max(this.#retryAt - now, startedAt + SHORTEST_ROUND - now)
      if (wait > 0 && !signal.aborted) await pause(wait, signal)
    }
  }

  async #askOnDemand(): Promise<void> {
    const now = this.#platform.elapsed()
    if (this.isFollowed(now) || now < this.#retryAt) return
    if (!this.#platform.outlivesRequests) return this.#ask(0)
    this.#asking ??= this.#ask(0).finally(() => {
      this.#asking = undefined
    })
    return this.#asking
  }

  async #ask(wait: number): Promise<void> {
    if (this.age > CURSOR_AGE) this.#cursor = undefined
    const cursor = this.#cursor
    const query = new URLSearchParams({ ...(cursor !== undefined && { cursor }), wait: String(wait) })
    const limit = wait * 1000 + GIVE_UP_AFTER_WAIT
    let answer: JsonAnswer | undefined
    let failure: unknown
    try {
      answer = await this.#client.readRevocations(query, limit, this.#closing?.signal)
    } catch (error) {
      failure = error
    }
    if (this.#isClosed) return
    const isHeard = answer !== undefined && this.#hear(answer, cursor === undefined)
    if (isHeard) this.#outage.end('the list of revoked access can be read again')
    else this.#fail(answer, failure)
  }

  /** Takes an answer in; false where it is none. */
  #hear({ status, body }: JsonAnswer, needsSnapshot: boolean): boolean {
    const news = status === 200 ? parseFeedAnswer(body) : undefined
    if (news === undefined || (needsSnapshot && !news.snapshot)) return false
    if (this.#denials.learn(news.denials, news.snapshot)) this.#generation += 1
    // Our clock may be ahead, and be set back: then a token is good again, and its denial does not come again.
    this.#denials.forgetExpired(Math.min(this.#platform.now() / 1000, news.time))
    this.#cursor = news.cursor
    this.#heardAt = this.#platform.elapsed()
    this.#lastSucceeded = true
    this.#failures = 0
    this.#retryAt = Number.NEGATIVE_INFINITY
    this.#firstAnswer?.resolve()
    return true
  }

  #fail(answer: JsonAnswer | undefined, failure: unknown): void {
    this.#tell(answer, failure)
    this.#lastSucceeded = false
    this.#generation += 1
    const delay = Math.min(FIRST_RETRY * 2 ** this.#failures, LAST_RETRY)
    const wait = retryAfter(answer) ?? delay * (0.75 + this.#platform.random() / 2)
    this.#failures += 1
    this.#retryAt = this.#platform.elapsed() + wait
  }

  #tell(answer: JsonAnswer | undefined, failure: unknown): void {
    // The client tells of a key that was refused.
    if (answer?.status === 401) return
    const reason =
      answer === undefined
        ? reasonOf(failure)
        : `answered ${answer.status}, with something that is no such list`
    this.#outage.fail(
      `the list of revoked access at ${this.#client.authServer} cannot be read: it ${reason}. It is asked again and again; is authServer the address of your Auth-Agent, and does that run?`,
    )
  }
}

function createFirstAnswer(until: number) {
  let resolve = () => {}
  const promise = new Promise<void>((fulfil) => {
    resolve = fulfil
  })
  return { promise, resolve, until }
}

/** Milliseconds that a busy authorization server asked for (RFC 9110 §10.2.3), where it did. */
function retryAfter(answer: JsonAnswer | undefined): number | undefined {
  if (answer?.status !== 429 && answer?.status !== 503) return undefined
  const seconds = answer.headers.get('Retry-After')?.trim() ?? ''
  return /^\d{1,9}$/.test(seconds) ? Math.min(Number(seconds) * 1000, LONGEST_RETRY_AFTER) : undefined
}
