import {
  active,
  bearer,
  type Case,
  type Expectation,
  type Headers,
  inactive,
  oneCase,
  options,
  post,
  request,
  step,
} from '../case.ts'
import {
  accepted,
  ada,
  also,
  dpopChallenge,
  invalidRequest,
  invalidToken,
  missingToken,
} from '../expectation.ts'
import { type Members, T } from '../tokens.ts'

/** RFC 6750 §2 and §3: where the token is, and how a request without a good one is answered. */
const server = { introspection: { good: active(), bad: inactive, 'a~b+c/d-e._==': active() } }

const single = (name: string, headers: Headers, expect: Expectation, more: Members = {}): Case =>
  oneCase(name, options(more), [step(T, post(headers), expect, server)])

const authorization = (value: string): Headers => [['authorization', value]]
const unasked = { asked: { introspection: 0 } }
const good = accepted(ada)

const schemes: readonly Case[] = [
  single('a good token lets the request through', [bearer('good')], good),
  single('the scheme may be in lower case', authorization('bearer good'), good),
  single('the scheme may be in upper case', authorization('BEARER good'), good),
  single('more than one space may follow the scheme (RFC 9110 §11.4)', authorization('Bearer   good'), good),
  single('every character of b64token is taken', authorization('Bearer a~b+c/d-e._=='), good),
  single('a request without a credential is told where the metadata is, and no error', [], missingToken()),
  single('another scheme is no credential', authorization('Basic dXNlcjpwYXNz'), missingToken()),
  single('a scheme that begins like Bearer is another scheme', authorization('Bearergood'), missingToken()),
  single('a token without a scheme is no credential', authorization('good'), missingToken()),
  single('an inactive token is invalid', [bearer('bad')], invalidToken()),
]

const malformed: readonly Case[] = [
  ...(
    [
      ['a Bearer scheme without a token', 'Bearer'],
      ['two tokens in one header', 'Bearer good bad'],
      ['a token with a comma', 'Bearer good,bad'],
      ['a token with an equals sign in the middle', 'Bearer go=od'],
      ['a token of nothing but padding', 'Bearer =='],
      ['a quoted token', 'Bearer "good"'],
      ['a parameter in the place of the token', 'Bearer token="good"'],
      ['a token with a percent sign', 'Bearer go%6fd'],
      ['a token with a character beyond ASCII', 'Bearer go\u00f6d'],
    ] as const
  ).map(([what, value]) =>
    single(`${what} is an invalid request`, authorization(value), also(invalidRequest, unasked)),
  ),
  single('a DPoP scheme without a token is an invalid request', authorization('DPoP'), {
    status: 400,
    reached: false,
    body: { error: 'invalid_request' },
  }),
  ...(
    [
      ['two Bearer headers', 'Bearer good', 'Bearer good'],
      ['a Bearer and a DPoP header', 'Bearer good', 'DPoP good'],
      ['a Bearer and a Basic header', 'Bearer good', 'Basic dXNlcjpwYXNz'],
    ] as const
  ).map(([what, first, second]) =>
    single(
      `${what} are an invalid request`,
      [
        ['authorization', first],
        ['authorization', second],
      ],
      also(invalidRequest, unasked),
    ),
  ),
]

const query = (name: string, path: string, headers: Headers, expect: Expectation): Case =>
  oneCase(name, options(), [step(T, request('GET', path, headers), expect, server)])

const queries: readonly Case[] = [
  query(
    'a token in the query is an invalid request',
    '/mcp?access_token=good',
    [],
    also(invalidRequest, unasked),
  ),
  query(
    'a token in the query is an invalid request even beside a good header',
    '/mcp?x=1&access_token=good',
    [bearer('good')],
    also(invalidRequest, unasked),
  ),
  query(
    'an empty token in the query is an invalid request',
    '/mcp?access_token=',
    [bearer('good')],
    invalidRequest,
  ),
  query(
    'a token name without a value in the query is an invalid request',
    '/mcp?access_token',
    [bearer('good')],
    invalidRequest,
  ),
  query(
    'an encoded name hides no token in the query',
    '/mcp?access%5Ftoken=good',
    [bearer('good')],
    invalidRequest,
  ),
  query(
    'a token in the query comes before another scheme',
    '/mcp?access_token=good',
    authorization('Basic eA=='),
    invalidRequest,
  ),
  query(
    'another name that ends in access_token is no token',
    '/mcp?my_access_token=x',
    [bearer('good')],
    good,
  ),
]

const long = 'a'.repeat(16_384)

const lengths: readonly Case[] = [
  oneCase('a token of 16384 characters is looked up', options(), [
    step(T, post([bearer(long)]), { ...good, asked: { introspection: 1 } }, { introspection: active() }),
  ]),
  oneCase('a token of 16385 characters is invalid, and not looked up', options(), [
    step(T, post([bearer(`${long}a`)]), { ...invalidToken(), ...unasked }, { introspection: active() }),
  ]),
]

const challenges: readonly Case[] = [
  single(
    'the challenge for a missing token names the required scopes in their order',
    [],
    missingToken('files:write files:read'),
    {
      required_scopes: ['files:write', 'files:read'],
    },
  ),
  single(
    'the challenge for an invalid token names the required scopes',
    [bearer('bad')],
    invalidToken('files:read'),
    {
      required_scopes: ['files:read'],
    },
  ),
  single('the challenge for an invalid request names no scopes', authorization('Bearer'), invalidRequest, {
    required_scopes: ['files:read'],
  }),
  single(
    'an invalid token that came as DPoP is challenged as DPoP',
    authorization('DPoP bad'),
    dpopChallenge('invalid_token', 'files:read'),
    { required_scopes: ['files:read'] },
  ),
  single('the DPoP scheme may be in any case', authorization('dpop bad'), dpopChallenge('invalid_token')),
  oneCase('the challenge is the same for GET and DELETE', options(), [
    step(T, request('GET', '/mcp'), missingToken()),
    step(T, request('DELETE', '/mcp'), missingToken()),
    step(T, request('GET', '/anything/else'), missingToken()),
  ]),
]

export const credentialCases: readonly Case[] = [
  ...schemes,
  ...malformed,
  ...queries,
  ...lengths,
  ...challenges,
]
