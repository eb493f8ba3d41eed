import type { VerifiedClaims } from './auth.ts'
import type { AuthAgentClient, IntrospectionAnswer } from './auth_agent_client.ts'
import { BoundedMap } from './bounded_map.ts'
import { readUnverified } from './compact_jws.ts'
import type { DenialFeed } from './denial_feed.ts'
import { AuthAgentError, reasonOf, UnavailableError, WrongAudienceError } from './errors.ts'
import { freezeDeeply } from './freeze.ts'
import { Outage } from './outage.ts'
import type { Platform } from './platform.ts'
import { sha256, sha256AtOnce } from './sha256.ts'
import { checkClaims, checkExpiry, type Expected, isFor } from './token_claims.ts'

const CACHED_ANSWERS = 10_000
/** Milliseconds. */
const FRESH_FOR = 10_000

interface CachedAnswer {
  claims: VerifiedClaims
  askedAt: number
}

interface Question {
  generation: number
  answer: Promise<VerifiedClaims>
}

/** Asks the authorization server what tokens are worth (RFC 7662), each once at a time. */
export class Introspection {
  readonly #client: AuthAgentClient
  readonly #feed: DenialFeed
  readonly #platform: Platform
  readonly #outage: Outage
  readonly #answers = new BoundedMap<string, CachedAnswer>(CACHED_ANSWERS)
  readonly #questions = new Map<string, Question>()
  /** Of the feed, when the answers were given. */
  #generation = 0

  constructor(client: AuthAgentClient, feed: DenialFeed, platform: Platform) {
    this.#client = client
    this.#feed = feed
    this.#platform = platform
    this.#outage = new Outage(platform)
  }

  /**
   * The claims of a token that is active now, or was a moment ago and has not been denied since.
   *
   * @throws AuthAgentError `invalid_token`, `temporarily_unavailable`
   */
  async verify(token: string, expected: Expected): Promise<VerifiedClaims> {
    await this.#feed.follow()
    const digest = await sha256(token)
    const cached = this.#findCached(digest)
    if (cached !== undefined) {
      checkExpiry(cached.exp, this.#platform.now() / 1000)
      return cached
    }
    return this.#askShared(token, digest, expected)
  }

  /** The claims of a token that `verify` would answer from its cache. */
  recall(token: string): VerifiedClaims | undefined {
    if (!this.#feed.isFollowed(this.#platform.elapsed())) return undefined
    const digest = sha256AtOnce(token)
    const cached = digest === undefined ? undefined : this.#findCached(digest)
    return cached === undefined || cached.exp <= this.#platform.now() / 1000 ? undefined : cached
  }

  /** Asks, whatever is cached. A question that was asked before a denial is not shared after it. */
  async ask(token: string, expected: Expected): Promise<VerifiedClaims> {
    return this.#askShared(token, await sha256(token), expected)
  }

  async #askShared(token: string, digest: string, expected: Expected): Promise<VerifiedClaims> {
    const { generation } = this.#feed
    const asked = this.#questions.get(digest)
    if (asked?.generation === generation && this.#platform.outlivesRequests) return asked.answer
    const answer = this.#ask(token, digest, expected, generation)
    const question = { generation, answer }
    this.#questions.set(digest, question)
    try {
      return await answer
    } finally {
      if (this.#questions.get(digest) === question) this.#questions.delete(digest)
    }
  }

  async #ask(token: string, digest: string, expected: Expected, generation: number): Promise<VerifiedClaims> {
    const askedAt = this.#platform.elapsed()
    const { active, ...answer } = await this.#introspect(token)
    if (!active) throw inactive(token, expected)
    const claims = freezeDeeply(checkClaims(answer, expected, this.#platform.now() / 1000))
    // Another node of the authorization server may have answered, that had not heard of it.
    if (this.#feed.isDenied(claims)) {
      throw new AuthAgentError('invalid_token', 'The access token was revoked. Authorize again.')
    }
    if (this.#feed.isLive && this.#feed.generation === generation) {
      this.#forgetOutdated()
      this.#answers.set(digest, { claims, askedAt })
    }
    return claims
  }

  async #introspect(token: string): Promise<IntrospectionAnswer> {
    try {
      const answer = await this.#client.introspectToken(token)
      this.#outage.end('access tokens can be checked again')
      return answer
    } catch (error) {
      // The client tells of a key that was refused.
      if (!(error instanceof UnavailableError && error.status === 401)) {
        this.#outage.fail(
          `access tokens cannot be checked, so that requests are answered 503: ${this.#client.authServer} ${reasonOf(error)}`,
        )
      }
      throw error
    }
  }

  #findCached(digest: string): VerifiedClaims | undefined {
    this.#forgetOutdated()
    const cached = this.#feed.isLive ? this.#answers.get(digest) : undefined
    if (cached === undefined) return undefined
    return this.#platform.elapsed() - cached.askedAt < FRESH_FOR ? cached.claims : undefined
  }

  /** A denial, or a feed that failed, ends the worth of what was answered before. */
  #forgetOutdated(): void {
    if (this.#generation === this.#feed.generation) return
    this.#generation = this.#feed.generation
    this.#answers.clear()
  }
}

/** A token for another server is not active here (RFC 7662 §2.2). What it says itself only explains the refusal. */
function inactive(token: string, { resource }: Expected): AuthAgentError {
  const audience = readUnverified(token)?.['aud']
  if (audience !== undefined && !isFor(audience, resource)) return new WrongAudienceError(audience, resource)
  const description = `The access token has expired, was revoked, or is not for this server, ${resource}.`
  return new AuthAgentError('invalid_token', description)
}
