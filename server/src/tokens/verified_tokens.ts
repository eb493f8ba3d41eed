import { timingSafeEqual } from 'node:crypto'
import { LRUCache } from 'lru-cache'
import type { ServerContext } from '../context.ts'
import type { AccessTokenClaims } from './access_token.ts'
import { Doorkeeper } from './doorkeeper.ts'

/** What does not change about a token whose signature was found good: who signed it, and what it says. */
export class VerifiedToken {
  readonly kid: string
  /** Frozen, since everybody who presents the token gets the same. */
  readonly claims: Readonly<AccessTokenClaims>
  #introspection: string | undefined

  constructor(kid: string, claims: AccessTokenClaims) {
    this.kid = kid
    this.claims = freeze(claims)
  }

  /** The body of the answer to whoever may introspect it while it is active (RFC 7662 §2.2), in JSON. */
  get introspection(): string {
    this.#introspection ??= JSON.stringify(describeActive(this.claims))
    return this.#introspection
  }
}

function describeActive(claims: Readonly<AccessTokenClaims>): object {
  return { active: true, ...claims, username: claims.email ?? claims.sub, token_type: 'Bearer' }
}

/** At the most as many tokens as this are remembered; the one used longest ago makes room for one that comes a second time. */
export const MAX_TOKENS = 20_000
/**
 * And at the most so many characters of tokens, 1,000 each on average: scopes and client ids can be long. A usual token of 600
 * characters takes 1.9 KiB of memory once it was introspected, a longer one three bytes for each character; all of them 55 MiB at the most.
 */
export const MAX_CHARACTERS = 1_000 * MAX_TOKENS

/** Each context's own. */
const caches = new WeakMap<ServerContext, VerifiedTokens>()

export function verifiedTokensOf(context: ServerContext): VerifiedTokens {
  const known = caches.get(context)
  if (known !== undefined) return known
  const tokens = new VerifiedTokens()
  caches.set(context, tokens)
  return tokens
}

/**
 * Access tokens whose signature was found good: who presents one again does not cost a verification. Whatever can change
 * about a token is not remembered, and so checked at each use: whether its key still counts, time, audience, revocation.
 */
export class VerifiedTokens {
  /** By a hash, never by its text: V8 would move each text that it looks up in a Map, known or not, to its old generation (docs/decisions/0022). */
  readonly #tokens = new LRUCache<number, RememberedToken>({ max: MAX_TOKENS, maxSize: MAX_CHARACTERS })
  readonly #doorkeeper = new Doorkeeper()

  get size(): number {
    return this.#tokens.size
  }

  find(token: string): VerifiedToken | undefined {
    const remembered = this.#tokens.get(hashOf(token))
    return remembered !== undefined && isText(remembered, token) ? remembered.verified : undefined
  }

  /** While there is room each is remembered; afterwards one that comes a second time, or tokens that are used once would drive out the others. */
  add(token: string, verified: VerifiedToken): void {
    const hash = hashOf(token)
    if (!this.#hasRoomFor(token) && !this.#doorkeeper.hasMet(hash)) return
    this.#tokens.set(hash, { text: copyOf(token), verified }, { size: token.length })
  }

  #hasRoomFor(token: string): boolean {
    return this.size < MAX_TOKENS && this.#tokens.calculatedSize + token.length <= MAX_CHARACTERS
  }
}

interface RememberedToken {
  /** The whole of it, as it came. */
  readonly text: Uint8Array
  readonly verified: VerifiedToken
}

/** A buffer of Node's own is a part of a larger one, which would be kept with it. */
function copyOf(token: string): Uint8Array {
  return Uint8Array.from(Buffer.from(token))
}

function isText({ text }: RememberedToken, token: string): boolean {
  const presented = Buffer.from(token)
  return presented.length === text.length && timingSafeEqual(presented, text)
}

/** Of its signature, which is as good as random. */
const HASHED_CHARACTERS = 12

/** FNV-1a of a token's end, in 30 bits, which V8 needs no object for. Two tokens with one hash take each other's place. */
function hashOf(token: string): number {
  let hash = 0x811c9dc5
  for (let index = Math.max(0, token.length - HASHED_CHARACTERS); index < token.length; index += 1)
    hash = Math.imul(hash ^ token.charCodeAt(index), 0x01000193)
  return hash >>> 2
}

function freeze<Value extends object>(value: Value): Value {
  for (const member of Object.values(value)) if (typeof member === 'object' && member !== null) freeze(member)
  return Object.freeze(value)
}
