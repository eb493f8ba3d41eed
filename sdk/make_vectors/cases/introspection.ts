import {
  active,
  bearer,
  type Case,
  denial,
  type Expectation,
  feed,
  inactive,
  news,
  ok,
  oneCase,
  options,
  post,
  type Reply,
  step,
} from '../case.ts'
import { accepted, invalidToken, unavailableAnswer, who } from '../expectation.ts'
import { claims, issuer, type Members, resource, T } from '../tokens.ts'

/** RFC 7662, and what the SDKs ask beyond `active`. */
const asking = post([bearer('opaque')])
const answers = (reply: Reply) => ({ introspection: { opaque: reply } })
const counted = (expect: Expectation, introspection: number): Expectation => ({
  ...expect,
  asked: { introspection },
})

const single = (name: string, reply: Reply, expect: Expectation): Case =>
  oneCase(name, options(), [step(T, asking, expect, answers(reply))])

const refusedClaims: readonly (readonly [string, Members])[] = [
  ['for another audience', { aud: 'https://other.example/mcp' }],
  ['for the resource with a trailing slash', { aud: `${resource}/` }],
  ['for a list without the resource', { aud: ['https://other.example/mcp'] }],
  ['without an audience', { aud: undefined }],
  ['of another issuer', { iss: 'https://other.example' }],
  ['of the issuer with a trailing slash', { iss: `${issuer}/` }],
  ['without an issuer', { iss: undefined }],
  ['that expires now', { exp: T }],
  ['that has expired', { exp: T - 1 }],
  ['without exp', { exp: undefined }],
  ['whose exp is a string', { exp: String(T + 60) }],
]

const checks: readonly Case[] = [
  single('introspection: the application sees who asks', active(), accepted()),
  single(
    'introspection: without an e-mail address there is none',
    active({ email: undefined }),
    accepted(who({ user_email: null })),
  ),
  single(
    'introspection: a list of audiences may hold the resource',
    active({ aud: ['https://other.example', resource] }),
    accepted(),
  ),
  single(
    'introspection: a token without scopes has none',
    active({ scope: undefined }),
    accepted(who({ scopes: [] })),
  ),
  single('introspection: inactive is invalid', inactive, invalidToken()),
  ...refusedClaims.map(([what, changes]) =>
    single(`introspection: an active token ${what} is invalid`, active(changes), invalidToken()),
  ),
  single(
    'introspection: active must be true, not a string',
    ok({ ...claims, active: 'true' }),
    invalidToken(),
  ),
]

const failures: readonly Case[] = (
  [
    ['no answer', 'unreachable'],
    ['500', { status: 500, body: 'broken' }],
    ['401', { status: 401, body: { error: 'invalid_client' } }],
    ['429', { status: 429, headers: { 'retry-after': '1' }, body: { error: 'slow_down' } }],
    ['200 and no JSON', { status: 200, headers: { 'content-type': 'text/html' }, body: '<html>' }],
    ['200 and a list', ok([])],
    ['200 and null', { status: 200, headers: { 'content-type': 'application/json' }, body: 'null' }],
    ['201 and an active token', { ...active(), status: 201 }],
    ['a redirect', { status: 302, headers: { location: 'https://elsewhere.example/' } }],
  ] as const
).map(([what, reply]) => single(`introspection: ${what} is 503`, reply, unavailableAnswer))

const other = denial('token', 'another_token')
const userDenial = denial('user', 'another_user', { cutoff: T - 100 })

const cache: readonly Case[] = [
  ...[denial('token', 'token_1'), denial('user', 'user_1', { cutoff: T })].map((known) =>
    oneCase(
      `a known denial of a ${known['kind']} counts, whatever a node that has not heard of it says`,
      options(),
      [step(T, asking, invalidToken(), { ...answers(active()), revocations: feed([known]) })],
    ),
  ),
  oneCase('an active answer is kept for 10 seconds while the feed is live', options(), [
    step(T, asking, counted(accepted(), 1), answers(active())),
    step(T + 1, asking, counted(accepted(), 0)),
    step(T + 9, asking, counted(accepted(), 0)),
    step(T + 11, asking, counted(accepted(), 1)),
  ]),
  oneCase('an active answer is kept for its token alone', options(), [
    step(T, asking, counted(accepted(), 1), { introspection: { opaque: active(), other: inactive } }),
    step(T + 1, post([bearer('other')]), counted(invalidToken(), 1)),
    step(T + 2, asking, counted(accepted(), 0)),
  ]),
  oneCase('without the feed no answer is kept', options(), [
    step(T, asking, counted(accepted(), 1), { ...answers(active()), revocations: 'unreachable' }),
    step(T + 3, asking, counted(accepted(), 1)),
  ]),
  oneCase('a feed that fails empties the cache, and one that is back fills it again', options(), [
    step(T, asking, counted(accepted(), 1), answers(active())),
    step(T + 3, asking, counted(accepted(), 1), { revocations: 'unreachable' }),
    step(T + 6, asking, counted(accepted(), 1), { revocations: feed() }),
    step(T + 7, asking, counted(accepted(), 0)),
  ]),
  oneCase('a denial that was not known empties the cache', options(), [
    step(T, asking, counted(accepted(), 1), answers(active())),
    step(T + 1, asking, counted(invalidToken(), 1), {
      ...answers(inactive),
      revocations: { c1: news('c2', [denial('token', 'token_1')]) },
    }),
  ]),
  oneCase('a denial of another token empties the cache too, and what is asked after it is kept', options(), [
    step(T, asking, counted(accepted(), 1), answers(active())),
    step(T + 1, asking, counted(accepted(), 1), { revocations: { c1: news('c2', [other]), c2: news('c2') } }),
    step(T + 2, asking, counted(accepted(), 0)),
  ]),
  oneCase('a denial that is repeated does not empty the cache', options(), [
    step(T, asking, counted(accepted(), 1), { ...answers(active()), revocations: feed([other]) }),
    step(T + 1, asking, counted(accepted(), 0), { revocations: { c1: news('c2', [other]) } }),
  ]),
  oneCase('a denial with a later cutoff is a new one', options(), [
    step(T, asking, counted(accepted(), 1), { ...answers(active()), revocations: feed([userDenial]) }),
    step(T + 1, asking, counted(accepted(), 1), {
      revocations: { c1: news('c2', [{ ...userDenial, cutoff: T }]) },
    }),
  ]),
  oneCase('an answer is never kept past exp', options(), [
    step(T, asking, counted(accepted(), 1), answers(active({ exp: T + 5 }))),
    step(T + 4, asking, counted(accepted(), 0)),
    step(T + 5, asking, invalidToken()),
  ]),
  oneCase('a negative answer is not kept', options(), [
    step(T, asking, counted(invalidToken(), 1), answers(inactive)),
    step(T + 1, asking, counted(accepted(), 1), answers(active())),
  ]),
  oneCase('a failure is not kept', options(), [
    step(T, asking, counted(unavailableAnswer, 1), answers('unreachable')),
    step(T + 1, asking, counted(accepted(), 1), answers(active())),
  ]),
]

export const introspectionCases: readonly Case[] = [...checks, ...failures, ...cache]
