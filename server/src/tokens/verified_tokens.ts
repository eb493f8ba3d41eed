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
 * characters takes 1.7 KiB of memory once it was introspected, a longer one three bytes for each character; all of them 60 MiB at the most.
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
 * Access tokens whose signature was found good, by their whole text: who presents one again does not cost a
 * verification. Whatever can change about a token is not remembered, and so checked at each use: whether its key
 * still counts, time, audience, revocation.
 */
export class VerifiedTokens {
  readonly #tokens = new LRUCache<string, VerifiedToken>({ max: MAX_TOKENS, maxSize: MAX_CHARACTERS })

  get size(): number {
    return this.#tokens.size
  }

  find(token: string): VerifiedToken | undefined {
    return this.#tokens.get(token)
  }

  add(token: string, verified: VerifiedToken): void {
    this.#tokens.set(copyOf(token), verified, { size: token.length })
  }
}

/** What was cut out of a request keeps all of it in memory. */
function copyOf(token: string): string {
  return Buffer.from(token, 'latin1').toString('latin1')
}

function freeze<Value extends object>(value: Value): Value {
  for (const member of Object.values(value)) if (typeof member === 'object' && member !== null) freeze(member)
  return Object.freeze(value)
}
