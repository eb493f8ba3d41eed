import {
  bearer,
  type Case,
  denial,
  type Expectation,
  feed,
  local,
  news,
  oneCase,
  post,
  type Reply,
  step,
} from '../case.ts'
import { accepted, invalidToken } from '../expectation.ts'
import { accessToken, type Members, resource, T } from '../tokens.ts'

/** Step 5 of local validation: what the feed denies. */
const asking = post([bearer(accessToken())])
const withoutGrant = post([bearer(accessToken({ grant_id: undefined }))])

const single = (name: string, denials: readonly Members[], expect: Expectation, what = asking): Case =>
  oneCase(`denials: ${name}`, local(), [
    step(T, what, { ...expect, asked: { revocations: 1, introspection: 0 } }, { revocations: feed(denials) }),
  ])

const subjects: readonly (readonly [string, string])[] = [
  ['token', 'token_1'],
  ['grant', 'grant_1'],
  ['user', 'user_1'],
  ['client', 'client_1'],
  ['server', resource],
]

const kinds: readonly Case[] = subjects.flatMap(([kind, subject]) => [
  single(`a ${kind} that is denied is refused`, [denial(kind, subject)], invalidToken()),
  single(`another ${kind} that is denied changes nothing`, [denial(kind, `${subject}x`)], accepted()),
  single(
    `a ${kind} denied with a cutoff after iat is refused`,
    [denial(kind, subject, { cutoff: T + 1 })],
    invalidToken(),
  ),
  single(
    `a ${kind} denied with a cutoff at iat is refused`,
    [denial(kind, subject, { cutoff: T })],
    invalidToken(),
  ),
  single(
    `a ${kind} denied with a cutoff before iat is let through`,
    [denial(kind, subject, { cutoff: T - 1 })],
    accepted(),
  ),
])

const several: readonly Case[] = [
  single(
    'a denial of one kind does not deny another kind of that name',
    [denial('user', 'token_1'), denial('client', 'user_1')],
    accepted(),
  ),
  single(
    'a kind that is not known is ignored',
    [denial('planet', 'user_1'), denial('organization', 'user_1')],
    accepted(),
  ),
  single(
    'a kind that is not known does not hide those after it',
    [denial('planet', 'x'), denial('token', 'token_1')],
    invalidToken(),
  ),
  single(
    'members that are not known are ignored',
    [denial('token', 'token_1', { reason: 'stolen' })],
    invalidToken(),
  ),
  single(
    'a token without grant_id is denied by no grant',
    [denial('grant', 'undefined'), denial('grant', 'None'), denial('grant', '')],
    accepted(),
    withoutGrant,
  ),
  single(
    'of two denials of one user the later cutoff counts',
    [denial('user', 'user_1', { cutoff: T }), denial('user', 'user_1', { cutoff: T - 50 })],
    invalidToken(),
  ),
  single(
    'of two denials of one user the one without a cutoff counts',
    [denial('user', 'user_1'), denial('user', 'user_1', { cutoff: T - 50 })],
    invalidToken(),
  ),
  single(
    'a denial that has expired counts no more',
    [denial('token', 'token_1', { expires_at: T - 1 })],
    accepted(),
  ),
]

const over = (
  name: string,
  ...steps: readonly (readonly [number, Expectation, Readonly<Record<string, Reply>>?])[]
): Case =>
  oneCase(
    `denials: ${name}`,
    local(),
    steps.map(([after, expect, revocations]) =>
      step(T + after, asking, expect, revocations && { revocations }),
    ),
  )

const denied = denial('token', 'token_1')
const other = denial('token', 'another')

const overTime: readonly Case[] = [
  over(
    'a token that was good is refused as soon as it is denied',
    [0, accepted()],
    [1, invalidToken(), { c1: news('c2', [denied]), c2: news('c2') }],
    [2, invalidToken()],
  ),
  over(
    'what is new is added to what is known',
    [0, invalidToken(), feed([denied])],
    [1, invalidToken(), { c1: news('c2', [other]) }],
    [2, invalidToken(), { c2: news('c3') }],
  ),
  over(
    'a denial may be repeated',
    [0, invalidToken(), feed([denied])],
    [1, invalidToken(), { c1: news('c2', [denied]) }],
  ),
  over(
    'a snapshot replaces what was known',
    [0, invalidToken(), feed([denied])],
    [1, accepted(), { c1: news('c2', [other], true) }],
  ),
  over(
    'a denial is forgotten when it expires',
    [0, invalidToken(), feed([denial('token', 'token_1', { expires_at: T + 3 })])],
    [2, invalidToken()],
    [5, accepted(), { c1: news('c1', [], false, T + 5) }],
  ),
  over(
    'a denial counts while the authorization server has not come to its end, whatever our clock says',
    [10, invalidToken(), feed([denial('token', 'token_1', { expires_at: T + 5 })])],
    [11, accepted(), { c1: news('c1', [], false, T + 6) }],
  ),
  over(
    'each question carries the cursor of the last answer',
    [0, accepted(), { '': news('c1', [], true) }],
    [1, accepted(), { c1: news('c2 +/=&?') }],
    [2, accepted(), { 'c2 +/=&?': news('c3') }],
    [3, invalidToken(), { c3: news('c4', [denied]) }],
  ),
  over(
    'an answer younger than half a second is not asked for again',
    [0, { ...accepted(), asked: { revocations: 1 } }],
    [0.4, { ...accepted(), asked: { revocations: 0 } }, { c1: news('c2', [denied]) }],
    [1, { ...invalidToken(), asked: { revocations: 1 } }],
  ),
]

export const denialCases: readonly Case[] = [...kinds, ...several, ...overTime]
