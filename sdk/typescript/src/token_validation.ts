import type { Claims, VerifiedClaims } from './auth.ts'
import type { Credential } from './credential.ts'
import { checkProof } from './dpop_proof.ts'
import { AuthAgentError, WrongAudienceError } from './errors.ts'
import type { Introspection } from './introspection.ts'
import { isObject } from './json_request.ts'
import type { LocalValidation } from './local_validation.ts'
import type { Platform } from './platform.ts'
import type { ReplayMemory } from './replay_memory.ts'
import { sha256 } from './sha256.ts'
import { showText } from './shown_text.ts'
import type { Expected } from './token_claims.ts'

/** What the proof of a DPoP-bound token must be about, besides the token. */
export interface ProofRequest {
  /** Every DPoP header of the request, joined by commas. */
  proof: string | undefined
  method: string
  /** As it came, without the query. */
  path: string
}

/** Within which a revocation gets around; nobody is promised less. In milliseconds. */
const SOON = 1_000
/** Between two warnings of tokens for other servers. In milliseconds. */
const WARNING_PAUSE = 60_000
/** How much of an audience is shown. */
const SHOWN_AUDIENCE = 200

/** Finds out what a token is worth, by introspection or here, and whether who sends it may. */
export class TokenValidation {
  readonly #how: Introspection | LocalValidation
  readonly #replays: ReplayMemory
  readonly #platform: Platform
  #warnedAt = Number.NEGATIVE_INFINITY

  constructor(how: Introspection | LocalValidation, replays: ReplayMemory, platform: Platform) {
    this.#how = how
    this.#replays = replays
    this.#platform = platform
  }

  /** The moment, for `confirm`. */
  now(): number {
    return this.#platform.elapsed()
  }

  /**
   * Verifies a token again, without its proof, where that was more than a second ago.
   *
   * @throws AuthAgentError `invalid_token`, `temporarily_unavailable`
   */
  async confirm(token: string, since: number, expected: Expected): Promise<void> {
    if (this.#platform.elapsed() - since > SOON) await this.#verifyToken(token, expected)
  }

  /** The claims of a Bearer token that is known to be good; undefined where anything is to be asked, or refused. */
  recall(token: string): VerifiedClaims | undefined {
    const claims = this.#how.recall(token)
    return claims?.['cnf'] === undefined ? claims : undefined
  }

  /** @throws AuthAgentError `invalid_token`, `invalid_dpop_proof`, `temporarily_unavailable` */
  async verify(credential: Credential, request: ProofRequest, expected: Expected): Promise<VerifiedClaims> {
    const { scheme, token } = credential
    const claims = await this.#verifyToken(token, expected)
    const jkt = findThumbprint(claims)
    if (jkt === undefined && scheme === 'DPoP') {
      refuse('The access token is bound to no key. Send it as Bearer.')
    }
    if (jkt !== undefined && scheme === 'Bearer') {
      refuse('The access token is bound to a key. Send it as DPoP, with a proof.')
    }
    if (jkt === undefined) return claims
    const target = new URL(expected.resource).origin + request.path
    const [now, tokenDigest] = [this.#platform.now() / 1000, await sha256(token)]
    await checkProof(request.proof, { method: request.method, target, tokenDigest, jkt, now }, this.#replays)
    return claims
  }

  async #verifyToken(token: string, expected: Expected): Promise<VerifiedClaims> {
    try {
      return await this.#how.verify(token, expected)
    } catch (error) {
      if (error instanceof WrongAudienceError) this.#warnOfAudience(error)
      throw error
    }
  }

  /** Mostly this server's URL was registered, or set, other than clients spell it. */
  #warnOfAudience({ audience, resource }: WrongAudienceError): void {
    const now = this.#platform.elapsed()
    if (now - this.#warnedAt < WARNING_PAUSE) return
    this.#warnedAt = now
    const named = typeof audience === 'string' ? audience : (JSON.stringify(audience) ?? '')
    this.#platform.warn(
      `an access token was refused, since its aud is ${showText(named, SHOWN_AUDIENCE)} and this server is ${resource}: register, or set as resource, the URL that clients call, byte for byte`,
    )
  }
}

/** RFC 9449 §6.1. A token that is bound by other means (RFC 7800 §3.1) is refused, since nobody here checks those. */
function findThumbprint(claims: Claims): string | undefined {
  const { cnf } = claims
  if (cnf === undefined) return undefined
  const members = isObject(cnf) ? Object.keys(cnf) : []
  const jkt = isObject(cnf) && members.length === 1 ? cnf['jkt'] : undefined
  return typeof jkt === 'string' ? jkt : refuse('The access token is bound in a way that is not known here.')
}

function refuse(description: string): never {
  throw new AuthAgentError('invalid_token', description)
}
