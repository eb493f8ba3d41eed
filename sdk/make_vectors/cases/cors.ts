import {
  type Answer,
  active,
  bearer,
  type Case,
  type Expectation,
  type Headers,
  inactive,
  ok,
  oneCase,
  options,
  post,
  request,
  step,
} from '../case.ts'
import {
  accepted,
  also,
  insufficientScope,
  invalidRequest,
  invalidToken,
  missingToken,
  rpcError,
  tooLarge,
  unavailableAnswer,
} from '../expectation.ts'
import { T } from '../tokens.ts'

/** The Fetch standard's CORS protocol: preflights, and the headers that let a script read an answer. */
const app = 'https://app.example'
const listed = options({ allowed_origins: ['https://other.example', app] })
const nobody = options({ allowed_origins: [] })
const base =
  'Authorization, Content-Type, Accept, DPoP, Last-Event-ID, MCP-Protocol-Version, Mcp-Method, Mcp-Name, Mcp-Session-Id'
const exposed = 'WWW-Authenticate, Mcp-Session-Id, MCP-Protocol-Version, Retry-After'

const preflight = (origin: string, more: Headers = [], path = '/mcp') =>
  request('OPTIONS', path, [['origin', origin], ['access-control-request-method', 'POST'], ...more])

const asksFor = (names: string): Headers => [['access-control-request-headers', names]]

const allowed = (origin: string, headers = base): Expectation => ({
  status: 204,
  reached: false,
  headers: {
    'access-control-allow-origin': origin,
    'access-control-allow-methods': 'GET, POST, DELETE, OPTIONS',
    'access-control-allow-headers': headers,
    'access-control-max-age': '86400',
    'www-authenticate': null,
  },
  body_text: '',
})

const preflights: readonly Case[] = [
  oneCase('a preflight from any origin is answered, without a token', options(), [
    step(T, preflight(app), allowed('*')),
  ]),
  oneCase('a preflight that asks for known headers is told no more', options(), [
    step(T, preflight(app, asksFor('authorization,content-type, mcp-protocol-version')), allowed('*')),
  ]),
  oneCase('a preflight that asks for other headers is told them, as they were asked for', options(), [
    step(
      T,
      preflight(app, asksFor('authorization, x-trace,X-Other')),
      allowed('*', `${base}, x-trace, X-Other`),
    ),
  ]),
  oneCase('what is no token of RFC 9110 is not repeated in a preflight', options(), [
    step(T, preflight(app, asksFor('x-a, b@d, x c, "q", , x-d')), allowed('*', `${base}, x-a, x-d`)),
  ]),
  oneCase('a preflight from an origin of the list is told that origin', listed, [
    step(T, preflight(app), also(allowed(app), { headers: { vary: 'Origin' } })),
  ]),
  ...[
    ['another origin', 'https://evil.example'],
    ['an origin that begins like one of the list', `${app}.evil.example`],
    ['another port', `${app}:8443`],
    ['another scheme', 'http://app.example'],
    ['the origin null', 'null'],
  ].map(([what, origin]) =>
    oneCase(`a preflight from ${what} is refused where there is a list`, listed, [
      step(T, preflight(String(origin)), {
        status: 403,
        reached: false,
        headers: { 'access-control-allow-origin': null },
      }),
    ]),
  ),
  oneCase('with an empty list a preflight goes through to the application', nobody, [
    step(T, preflight(app), also(accepted(null), { headers: { 'access-control-allow-origin': null } })),
  ]),
  oneCase('OPTIONS without Access-Control-Request-Method is no preflight', options(), [
    step(T, request('OPTIONS', '/mcp', [['origin', app]]), missingToken()),
  ]),
  oneCase('OPTIONS without Origin is no preflight', options(), [
    step(T, request('OPTIONS', '/mcp', [['access-control-request-method', 'POST']]), missingToken()),
  ]),
]

const from = (origin: string, token?: string) =>
  post([['origin', origin], ...(token === undefined ? [] : [bearer(token)])])

const readable = (expect: Expectation): Expectation =>
  also(expect, { headers: { 'access-control-allow-origin': '*', 'access-control-expose-headers': exposed } })
const readableBy = (expect: Expectation): Expectation =>
  also(expect, {
    headers: { 'access-control-allow-origin': app, 'access-control-expose-headers': exposed, vary: 'Origin' },
  })
const unreadable = (expect: Expectation): Expectation =>
  also(expect, { headers: { 'access-control-allow-origin': null, 'access-control-expose-headers': null } })

const server = { introspection: { good: active(), bad: inactive, broken: 'unreachable' as const } }
const answersWith = (headers: Readonly<Record<string, string>>): Answer => ok({ ok: true }, headers)

const answers: readonly Case[] = [
  oneCase('a script of any origin may read every answer', options({ required_scopes: ['files:read'] }), [
    step(T, from(app), readable(missingToken('files:read')), server),
    step(T, from(app, 'bad'), readable(invalidToken('files:read'))),
    step(T, from(app, 'broken'), readable(unavailableAnswer)),
    step(T, from(app, 'good'), readable(accepted())),
  ]),
  oneCase(
    'a script may read what was wrong with its body, or the place of its token',
    options({ tool_scopes: { read_file: [] }, max_body_size: 20 }),
    [
      step(T, post([['origin', app], bearer('good')], 'hello'), readable(rpcError(-32700, null)), server),
      step(T, post([['origin', app], bearer('good')], 'hello'.repeat(5)), readable(tooLarge)),
      step(T, request('POST', '/mcp?access_token=good', [['origin', app]], ''), readable(invalidRequest)),
    ],
  ),
  oneCase('a script may read that a scope is missing', options({ required_scopes: ['more'] }), [
    step(T, from(app, 'good'), readable(insufficientScope('more')), server),
  ]),
  oneCase('a script of an origin of the list may read answers, and caches are told', listed, [
    step(T, from(app), readableBy(missingToken()), server),
    step(T, from(app, 'good'), readableBy(accepted())),
  ]),
  oneCase('a script of another origin may not read answers', listed, [
    step(T, from('https://evil.example'), unreadable(missingToken()), server),
    step(T, from('https://evil.example', 'good'), unreadable(accepted())),
  ]),
  oneCase('with an empty list no script may read answers', nobody, [
    step(T, from(app), unreadable(missingToken()), server),
    step(T, from(app, 'good'), unreadable(accepted())),
  ]),
  oneCase('without an Origin there are no CORS headers', options(), [
    step(T, post([]), unreadable(missingToken()), server),
    step(T, post([bearer('good')]), unreadable(accepted())),
  ]),
  oneCase(
    "the application's own CORS headers are kept",
    options(),
    [
      step(
        T,
        from(app, 'good'),
        also(accepted(), {
          headers: {
            'access-control-allow-origin': 'https://its.example',
            'access-control-expose-headers': 'X-Its',
          },
        }),
        server,
      ),
    ],
    answersWith({
      'access-control-allow-origin': 'https://its.example',
      'access-control-expose-headers': 'X-Its',
    }),
  ),
  oneCase(
    "the application's Vary is added to, not replaced",
    listed,
    [
      step(
        T,
        from(app, 'good'),
        also(accepted(), { headers: { 'access-control-allow-origin': app, vary: 'Accept, Origin' } }),
        server,
      ),
    ],
    answersWith({ vary: 'Accept' }),
  ),
  oneCase('answers of public paths are left as they are', options({ public_paths: ['/health'] }), [
    step(T, request('GET', '/health', [['origin', app]]), unreadable(accepted(null))),
  ]),
  oneCase(
    "the application's status, headers and body are its own",
    options(),
    [
      step(
        T,
        from(app, 'good'),
        {
          status: 418,
          reached: true,
          headers: { 'content-type': 'text/plain', 'x-tea': 'green', 'mcp-session-id': 's1' },
          body_text: 'short and stout',
        },
        server,
      ),
    ],
    {
      status: 418,
      headers: { 'content-type': 'text/plain', 'x-tea': 'green', 'mcp-session-id': 's1' },
      body: 'short and stout',
    },
  ),
]

export const corsCases: readonly Case[] = [...preflights, ...answers]
