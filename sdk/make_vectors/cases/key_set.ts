import {
  type AuthorizationServer,
  bearer,
  type Case,
  type Expectation,
  esKey,
  jwks,
  local,
  ok,
  oneCase,
  post,
  type Reply,
  step,
  unavailable,
} from '../case.ts'
import { accepted, invalidToken, unavailableAnswer } from '../expectation.ts'
import { publicJwk } from '../keys.ts'
import { accessToken, claims, signed, T } from '../tokens.ts'

/** When keys are fetched, how long they are kept, and what happens where they cannot be fetched. */
const token = accessToken({ exp: T + 500_000 })
const nextToken = accessToken({ exp: T + 500_000 }, {}, 'next')
const unknownToken = accessToken({}, { kid: 'unknown' }, 'stranger')
const asking = post([bearer(token)])
const asked = (expect: Expectation, count: number): Expectation => ({ ...expect, asked: { jwks: count } })

const kept = (name: string, cacheControl: string | undefined, seconds: number): Case =>
  oneCase(name, local(), [
    step(T, asking, asked(accepted(), 1), {
      jwks: jwks([esKey('es')], cacheControl === undefined ? {} : { 'cache-control': cacheControl }),
    }),
    step(T + seconds - 1, asking, asked(accepted(), 0)),
    step(T + seconds + 1, asking, asked(accepted(), 1)),
    step(T + seconds + 2, asking, asked(accepted(), 0)),
  ])

const age: readonly Case[] = [
  kept('keys are kept for max-age', 'public, max-age=120', 120),
  kept('keys without Cache-Control are kept for 300 seconds', undefined, 300),
  kept('keys with a max-age that is no number are kept for 300 seconds', 'max-age=soon', 300),
  kept('keys are kept for a minute at the least', 'max-age=5', 60),
  kept('keys with a max-age of 0 are kept for a minute', 'max-age=0', 60),
  kept('keys are kept for a day at the most', 'max-age=31536000', 86_400),
  kept('the name of max-age may be in upper case (RFC 9111 §5.2)', 'Max-Age=120', 120),
]

const fails = (jwksReply: Reply): AuthorizationServer => ({ jwks: jwksReply })

const unreadable: readonly (readonly [string, Reply])[] = [
  ['cannot be reached', 'unreachable'],
  ['is a failure', unavailable],
  ['is no JSON', { status: 200, headers: { 'content-type': 'text/html' }, body: '<html>' }],
  ['is null', { status: 200, headers: { 'content-type': 'application/json' }, body: 'null' }],
  ['has no list of keys', ok({ keys: 'none' })],
  ['has no keys', jwks([])],
]

const failures: readonly Case[] = [
  ...unreadable.map(([what, reply]) =>
    oneCase(`a key set that ${what} is 503, and is asked for again`, local(), [
      step(T, asking, asked(unavailableAnswer, 1), fails(reply)),
      step(T + 61, asking, asked(accepted(), 1), { jwks: jwks([esKey('es')]) }),
    ]),
  ),
  oneCase('without keys a token of a wrong form is still 401', local(), [
    step(T, post([bearer('opaque')]), invalidToken(), fails('unreachable')),
    step(T + 5, post([bearer(accessToken({}, { typ: 'JWT' }))]), invalidToken()),
  ]),
  oneCase('old keys serve while new ones cannot be fetched', local(), [
    step(T, asking, asked(accepted(), 1)),
    step(T + 301, asking, asked(accepted(), 1), fails('unreachable')),
    step(T + 302, asking, accepted()),
    step(T + 1000, asking, accepted()),
  ]),
]

const rollover: readonly Case[] = [
  oneCase('a new key is fetched when the first token with it comes', local(), [
    step(T, asking, asked(accepted(), 1)),
    step(T + 10, post([bearer(nextToken)]), asked(accepted(), 1), {
      jwks: jwks([esKey('es'), esKey('next')]),
    }),
    step(T + 11, asking, asked(accepted(), 0)),
  ]),
  oneCase('an unknown kid on a cold start is invalid', local(), [
    step(T, post([bearer(unknownToken)]), invalidToken()),
  ]),
  oneCase('an unknown kid fetches the keys again, at most once a minute', local(), [
    step(T, asking, asked(accepted(), 1), { jwks: jwks([esKey('es')], { 'cache-control': 'max-age=3600' }) }),
    step(T + 61, post([bearer(unknownToken)]), asked(invalidToken(), 1)),
    step(T + 62, post([bearer(unknownToken)]), asked(invalidToken(), 0)),
    step(
      T + 120,
      post([bearer(accessToken({}, { kid: 'unknown_2' }, 'stranger'))]),
      asked(invalidToken(), 0),
    ),
    step(T + 122, post([bearer(unknownToken)]), asked(invalidToken(), 1)),
    step(T + 123, asking, asked(accepted(), 0)),
  ]),
  oneCase('where an unknown kid cannot be looked up the answer is 503', local(), [
    step(T, asking, asked(accepted(), 1), { jwks: jwks([esKey('es')], { 'cache-control': 'max-age=3600' }) }),
    step(T + 61, post([bearer(nextToken)]), asked(unavailableAnswer, 1), fails('unreachable')),
    step(T + 62, post([bearer(nextToken)]), asked(unavailableAnswer, 0)),
    step(T + 63, asking, accepted()),
    step(T + 123, post([bearer(nextToken)]), asked(accepted(), 1), {
      jwks: jwks([esKey('es'), esKey('next')]),
    }),
  ]),
  oneCase('a key that was taken back is not trusted, even for a token seen before', local(), [
    step(T, asking, accepted(), { jwks: jwks([esKey('es')], { 'cache-control': 'max-age=60' }) }),
    step(T + 61, asking, asked(accepted(), 1), {
      jwks: jwks([esKey('next')], { 'cache-control': 'max-age=60' }),
    }),
    step(T + 62, asking, invalidToken()),
    step(T + 63, post([bearer(nextToken)]), accepted()),
  ]),
  oneCase('a key that was replaced under its kid is not trusted, even for a token seen before', local(), [
    step(T, asking, accepted(), { jwks: jwks([esKey('es')], { 'cache-control': 'max-age=60' }) }),
    step(T + 61, asking, asked(accepted(), 1), {
      jwks: jwks([{ ...publicJwk('next'), kid: 'es', alg: 'ES256' }], { 'cache-control': 'max-age=60' }),
    }),
    step(T + 62, asking, invalidToken()),
    step(
      T + 63,
      post([bearer(signed({ typ: 'at+jwt', alg: 'ES256', kid: 'es' }, claims, 'next'))]),
      accepted(),
    ),
  ]),
]

export const keySetCases: readonly Case[] = [...age, ...failures, ...rollover]
