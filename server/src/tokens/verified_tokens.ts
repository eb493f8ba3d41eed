import { hash } from 'node:crypto'
import { LRUCache } from 'lru-cache'
import type { ServerContext } from '../context.ts'
import type { AccessTokenClaims } from './access_token.ts'

/** What does not change about a token: who signed it, and what it says. */
export interface VerifiedToken {
  readonly kid: string
  readonly claims: Readonly<AccessTokenClaims>
}

/** At the most as many tokens as this are remembered; the one used longest ago makes room. */
export const MAX_TOKENS = 20_000
/**
 * And at the most so many characters of tokens, 1,000 each on average: scopes and client ids can be long. A usual token
 * of 600 characters takes 0.7 KiB of memory, a longer one less than it has characters; all of them 17 MiB at the most.
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
 * Access tokens whose signature was found good, by the digest of their whole text: who presents one again does not cost a
 * verification. Whatever can change about a token is not remembered, and so checked at each use: whether its key
 * still counts, time, audience, revocation.
 */
export class VerifiedTokens {
  readonly #tokens = new LRUCache<string, VerifiedToken>({ max: MAX_TOKENS, maxSize: MAX_CHARACTERS })

  get size(): number {
    return this.#tokens.size
  }

  find(token: string): VerifiedToken | undefined {
    return this.#tokens.get(digestOf(token))
  }

  /** The claims are frozen, since everybody who presents the token gets the same. */
  add(token: string, { kid, claims }: VerifiedToken): void {
    this.#tokens.set(digestOf(token), { kid, claims: freeze(claims) }, { size: token.length })
  }
}

function digestOf(token: string): string {
  return hash('sha256', token, 'base64url')
}

function freeze<Value extends object>(value: Value): Value {
  for (const member of Object.values(value)) if (typeof member === 'object' && member !== null) freeze(member)
  return Object.freeze(value)
}
