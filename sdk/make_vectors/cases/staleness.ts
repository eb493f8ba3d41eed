import {
  type AuthorizationServer,
  active,
  bearer,
  type Case,
  denial,
  type Expectation,
  feed,
  healthy,
  inactive,
  local,
  news,
  ok,
  oneCase,
  post,
  type Reply,
  step,
  unavailable,
} from '../case.ts'
import { accepted, invalidToken, unavailableAnswer } from '../expectation.ts'
import { accessToken, T } from '../tokens.ts'

/** Local validation without news of revocations: on for `max_staleness`, then by introspection, then not at all. */
const token = accessToken()
const asking = post([bearer(token)])
const says = (reply: Reply): AuthorizationServer => ({ introspection: { [token]: reply } })
const counted = (expect: Expectation, introspection: number): Expectation => ({
  ...expect,
  asked: { introspection },
})
const silent: AuthorizationServer = { revocations: 'unreachable' }

const failures: readonly (readonly [string, Reply])[] = [
  ['is refused', { status: 401, body: { error: 'invalid_token' } }],
  ['fails', unavailable],
  ['is no JSON', { status: 200, headers: { 'content-type': 'text/html' }, body: '<html>' }],
  ['has no denials', ok({ cursor: 'c1', snapshot: true, time: T })],
  ['has denials that are no list', ok({ cursor: 'c1', snapshot: true, time: T, denials: {} })],
  ['has no time', ok({ cursor: 'c1', snapshot: true, denials: [] })],
  ['has no cursor', ok({ snapshot: true, time: T, denials: [] })],
  ['is a list', ok([])],
  ['is null', { status: 200, headers: { 'content-type': 'application/json' }, body: 'null' }],
]

const cold: readonly Case[] = [
  oneCase('a cold start without the feed introspects each request', local(), [
    step(T, asking, counted(accepted(), 1), { ...silent, ...says(active()) }),
    step(T + 3, asking, counted(accepted(), 1)),
    step(T + 6, asking, counted(invalidToken(), 1), says(inactive)),
    step(T + 9, asking, counted(unavailableAnswer, 1), says('unreachable')),
    step(T + 12, asking, counted(accepted(), 0), { revocations: feed() }),
  ]),
  oneCase('a cold start without the authorization server is 503, and recovers by itself', local(), [
    step(T, asking, unavailableAnswer, { ...silent, introspection: 'unreachable', jwks: 'unreachable' }),
    step(T + 61, asking, accepted(), { revocations: feed(), jwks: healthy.jwks ?? 'unreachable' }),
  ]),
  ...failures.map(([what, reply]) =>
    oneCase(`a feed that ${what} is no news: the token is introspected`, local(), [
      step(T, asking, counted(accepted(), 1), { revocations: reply, ...says(active()) }),
    ]),
  ),
  oneCase('without the feed a bad signature is refused without introspection', local(), [
    step(T, post([bearer(accessToken({}, { kid: 'es' }, 'stranger'))]), counted(invalidToken(), 0), silent),
  ]),
  oneCase('what is introspected must be for this resource too', local(), [
    step(T, asking, counted(invalidToken(), 1), {
      ...silent,
      ...says(active({ aud: 'https://other.example' })),
    }),
  ]),
]

const warm: readonly Case[] = [
  oneCase('without news local validation goes on for 30 seconds, then introspects', local(), [
    step(T, asking, counted(accepted(), 0), says(active())),
    step(T + 10, asking, counted(accepted(), 0), silent),
    step(T + 30, asking, counted(accepted(), 0)),
    step(T + 33, asking, counted(accepted(), 1)),
    step(T + 36, asking, counted(invalidToken(), 1), says(inactive)),
    step(T + 39, asking, counted(unavailableAnswer, 1), says(unavailable)),
  ]),
  oneCase('what was denied stays refused while there is no news', local(), [
    step(T, asking, counted(invalidToken(), 0), { revocations: feed([denial('token', 'token_1')]) }),
    step(T + 20, asking, counted(invalidToken(), 0), silent),
  ]),
  oneCase('max_staleness may be shorter', local({ max_staleness: 5 }), [
    step(T, asking, counted(accepted(), 0), says(active())),
    step(T + 4, asking, counted(accepted(), 0), silent),
    step(T + 7, asking, counted(accepted(), 1)),
  ]),
  oneCase('after a failure the feed goes on from its cursor', local(), [
    step(T, asking, accepted()),
    step(T + 5, asking, accepted(), silent),
    step(T + 10, asking, invalidToken(), { revocations: { c1: news('c2', [denial('token', 'token_1')]) } }),
  ]),
  oneCase('after 30 seconds without news the feed begins anew, without a cursor', local(), [
    step(T, asking, accepted()),
    step(T + 10, asking, accepted(), silent),
    step(T + 45, asking, counted(invalidToken(), 0), {
      revocations: { '': news('d1', [denial('token', 'token_1')], true) },
    }),
  ]),
  oneCase('a feed that says when to come back is not asked before', local(), [
    step(T, asking, { ...accepted(), asked: { revocations: 1 } }),
    step(
      T + 1,
      asking,
      { ...accepted(), asked: { revocations: 1 } },
      {
        revocations: { status: 503, headers: { 'retry-after': '6' }, body: {} },
      },
    ),
    step(T + 5, asking, { ...accepted(), asked: { revocations: 0 } }, { revocations: feed() }),
    step(T + 8, asking, { ...accepted(), asked: { revocations: 1 } }),
  ]),
  oneCase('a feed is asked again after 10 seconds, whatever it says', local(), [
    step(T, asking, { ...accepted(), asked: { revocations: 1 } }),
    step(
      T + 1,
      asking,
      { ...accepted(), asked: { revocations: 1 } },
      {
        revocations: { status: 429, headers: { 'retry-after': '3600' }, body: {} },
      },
    ),
    step(T + 12, asking, { ...accepted(), asked: { revocations: 1 } }, { revocations: feed() }),
  ]),
]

export const stalenessCases: readonly Case[] = [...cold, ...warm]
