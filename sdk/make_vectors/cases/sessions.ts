import {
  type Answer,
  active,
  bearer,
  type Case,
  type Expectation,
  ok,
  oneCase,
  options,
  post,
  type Request,
  request,
  step,
} from '../case.ts'
import { accepted, sessionNotFound, who } from '../expectation.ts'
import { T } from '../tokens.ts'

/** The session that the application opens, `s1`, is of no use to anybody else (MCP, security best practices). */
const opening: Answer = ok({ ok: true }, { 'Mcp-Session-Id': 's1' })
const server = {
  introspection: {
    ada: active(),
    newer: active({ jti: 'token_2', scope: 'files:read' }),
    bob: active({ sub: 'user_2', jti: 'token_3' }),
    other_client: active({ client_id: 'client_2', jti: 'token_4' }),
  },
}
const bob = accepted(who({ subject: 'user_2' }))

const within = (session: string): readonly [string, string] => ['mcp-session-id', session]
const ping = (token: string, ...sessions: readonly string[]): Request =>
  post([bearer(token), ...sessions.map(within)])

/** Ada opens a session; what comes then. */
const opened = (name: string, ...then: readonly (readonly [Request, Expectation])[]): Case =>
  oneCase(
    `sessions: ${name}`,
    options(),
    [[ping('ada'), accepted()] as const, ...then].map(([what, expect], index) =>
      step(T + index, what, expect, index === 0 ? server : undefined),
    ),
    opening,
  )

export const sessionCases: readonly Case[] = [
  opened('who opened one goes on', [ping('ada', 's1'), accepted()]),
  opened('a newer token of the same person goes on', [
    ping('newer', 's1'),
    accepted(who({ scopes: ['files:read'] })),
  ]),
  ...(['POST', 'GET', 'DELETE'] as const).map((method) =>
    opened(`a ${method} of another person finds no session`, [
      request(method, '/mcp', [bearer('bob'), within('s1')]),
      sessionNotFound,
    ]),
  ),
  opened('another client of the same person finds no session', [ping('other_client', 's1'), sessionNotFound]),
  opened('the path does not matter', [
    request('POST', '/other', [bearer('bob'), within('s1')], '{}'),
    sessionNotFound,
  ]),
  opened('one that was opened elsewhere is left to the application', [ping('bob', 's2'), bob]),
  opened(
    'what the application answers within a session opens none',
    [ping('bob', 's2'), bob],
    [ping('ada', 's1'), accepted()],
  ),
  opened(
    'the last who opened one has it',
    [ping('bob'), bob],
    [ping('ada', 's1'), sessionNotFound],
    [ping('bob', 's1'), bob],
  ),
]
