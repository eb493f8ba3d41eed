import { AuthAgentError } from './errors.ts'
import { sha256 } from './sha256.ts'

const LIMIT = 100_000
/** Seconds between two looks through everything. */
const SWEEP_PAUSE = 1

/** Which proofs came already, as long as they could come again (RFC 9449 §11.1). In this process only. */
export class ReplayMemory {
  readonly #limit: number
  /** From a digest to the second up to which the proof could be replayed, oldest first. */
  readonly #seen = new Map<string, number>()
  #sweptAt = Number.NEGATIVE_INFINITY

  constructor(limit = LIMIT) {
    this.#limit = limit
  }

  /**
   * Remembers a proof. In seconds since the epoch.
   *
   * @throws AuthAgentError `invalid_dpop_proof` for one that came already, `temporarily_unavailable` when full
   */
  async add(proof: string, usableUntil: number, now: number): Promise<void> {
    const digest = await sha256(proof)
    // From here on nothing waits: of two that come at once, one is the first.
    if ((this.#seen.get(digest) ?? Number.NEGATIVE_INFINITY) >= now) {
      throw new AuthAgentError(
        'invalid_dpop_proof',
        'The DPoP proof was used before. Make a new one for each request.',
      )
    }
    this.#makeRoom(now)
    this.#seen.delete(digest)
    this.#seen.set(digest, usableUntil)
  }

  #makeRoom(now: number): void {
    for (const [digest, usableUntil] of this.#seen) {
      if (usableUntil >= now) break
      this.#seen.delete(digest)
    }
    if (this.#seen.size < this.#limit) return
    if (Math.abs(now - this.#sweptAt) >= SWEEP_PAUSE) this.#sweep(now)
    if (this.#seen.size < this.#limit) return
    throw new AuthAgentError(
      'temporarily_unavailable',
      'Too many DPoP proofs came. Try again in a few seconds.',
    )
  }

  #sweep(now: number): void {
    this.#sweptAt = now
    for (const [digest, usableUntil] of this.#seen) {
      if (usableUntil < now) this.#seen.delete(digest)
    }
  }
}
