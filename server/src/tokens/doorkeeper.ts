/** A power of two; 128 KiB. */
const BITS = 1 << 20
/** When so many were met, all are forgotten: else each would be taken for one that came before. Of a hundred that are new, five are at the most. */
const MAX_MET = 50_000
/**
 * Whether something came before, by a hash of it, in a fixed amount of memory: the doorkeeper of TinyLFU (Einziger, Friedman and Manes, 2017), a Bloom filter with one hash.
 * It may take what is new for what it has met, and forgets all of them at times; so it decides what is worth remembering, and nothing else.
 */
export class Doorkeeper {
  readonly #met = new Uint8Array(BITS / 8)
  #count = 0

  /** Whether what has this hash, a whole number that is not negative, was met before. From now on it was. */
  hasMet(hash: number): boolean {
    const bit = hash % BITS
    const index = bit >> 3
    const mask = 1 << (bit & 7)
    const byte = this.#met[index] ?? 0
    if ((byte & mask) !== 0) return true
    if (this.#count === MAX_MET) this.#forgetAll()
    this.#met[index] = (this.#met[index] ?? 0) | mask
    this.#count += 1
    return false
  }

  #forgetAll(): void {
    this.#met.fill(0)
    this.#count = 0
  }
}
