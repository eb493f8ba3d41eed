import { timingSafeEqual } from 'node:crypto'
import { LRUCache } from 'lru-cache'
import type { ServerContext } from '../context.ts'
import type { AccessTokenClaims } from './access_token.ts'

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

/** At the most as many tokens as this are remembered; the one used longest ago makes room. */
export const MAX_TOKENS = 20_000
/**
 * And at the most so many characters of tokens, 1,000 each on average: scopes and client ids can be long. A usual token of 600
 * characters takes 1.7 KiB of memory once it was introspected, a longer one three bytes for each character; all of them 55 MiB at the most.
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

  get size(): number {
    return this.#tokens.size
  }

  find(token: string): VerifiedToken | undefined {
    const remembered = this.#tokens.get(hashOf(token))
    return remembered !== undefined && isText(remembered, token) ? remembered.verified : undefined
  }

  add(token: string, verified: VerifiedToken): void {
    this.#tokens.set(hashOf(token), { text: copyOf(token), verified }, { size: token.length })
  }
}

interface RememberedToken {
  /** The whole of it, as it came. */
  readonly text: string
  readonly verified: VerifiedToken
}

/** What was cut out of a request keeps all of it in memory. */
function copyOf(token: string): string {
  return Buffer.from(token, 'latin1').toString('latin1')
}

/** In constant time; by its length first, so that a text which is long without need costs nothing. */
function isText({ text }: RememberedToken, token: string): boolean {
  if (token.length !== text.length) return false
  const presented = Buffer.from(token)
  // A character beyond ASCII takes more bytes than one, and a verified token has none.
  return presented.length === text.length && timingSafeEqual(presented, Buffer.from(text))
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
