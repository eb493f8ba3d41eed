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
  request,
  step,
} from '../case.ts'
import { type Members, T } from '../tokens.ts'

/** `filter_tools`: what `tools/list` shows of the tools. */
const filtering = {
  filter_tools: true,
  tool_scopes: { 'read_*': ['files:read'], write_file: ['files:write'], ping_tool: [] },
}
const tool = (name: string): Members => ({
  name,
  inputSchema: { type: 'object' },
  description: `What ${name} does`,
})
const names = (...of: string[]): Members[] => of.map(tool)
const all = names('read_file', 'write_file', 'ping_tool', 'delete_file')
const answer = (tools: readonly Members[], more: Members = {}): Members => ({
  jsonrpc: '2.0',
  id: 1,
  result: { tools, nextCursor: 'page2', ...more },
})
const listing = { jsonrpc: '2.0', id: 1, method: 'tools/list' }

const asks = (body: unknown = listing, headers: readonly (readonly [string, string])[] = []) =>
  post([bearer('good'), ...headers], body)
const shows = (body: Members): Expectation => ({ status: 200, reached: true, body })

const single = (
  name: string,
  scope: string,
  application: Answer,
  expect: Expectation,
  more: Members = {},
  body: unknown = listing,
): Case =>
  oneCase(
    `filter_tools: ${name}`,
    options({ ...filtering, ...more }),
    [
      step(T, asks(body, [['accept-encoding', 'gzip']]), expect, {
        introspection: { good: active({ scope }) },
      }),
    ],
    application,
  )

const json: readonly Case[] = [
  single(
    'a tool is shown where the token has its scopes',
    'files:read',
    ok(answer(all)),
    shows(answer(names('read_file', 'ping_tool'))),
  ),
  single(
    'a tool that is not in the table is shown to nobody',
    'files:read files:write',
    ok(answer(all)),
    shows(answer(names('read_file', 'write_file', 'ping_tool'))),
  ),
  single(
    'where nothing is allowed the list is empty',
    '',
    ok(answer(names('write_file'))),
    shows(answer([])),
  ),
  single(
    'the hierarchy of scopes counts',
    'files:write',
    ok(answer(all)),
    shows(answer(names('read_file', 'write_file', 'ping_tool'))),
    {
      scope_hierarchy: { 'files:write': ['files:read'] },
    },
  ),
  single(
    'Content-Type may have parameters',
    '',
    { status: 200, headers: { 'content-type': 'application/json; charset=utf-8' }, body: answer(all) },
    shows(answer(names('ping_tool'))),
  ),
  single(
    'the answer to a batch is filtered too',
    '',
    ok([{ jsonrpc: '2.0', id: 2, result: {} }, answer(all)]),
    { status: 200, reached: true, body: [{ jsonrpc: '2.0', id: 2, result: {} }, answer(names('ping_tool'))] },
    {},
    [{ jsonrpc: '2.0', id: 2, method: 'ping' }, listing],
  ),
  single(
    'what has no name is in no table',
    '',
    ok(answer([{ name: 5 }, {}, ...names('ping_tool')])),
    shows(answer(names('ping_tool'))),
    { tool_scopes: { ping_tool: [] } },
  ),
  single(
    'an error goes through',
    '',
    ok({ jsonrpc: '2.0', id: 1, error: { code: -32601, message: 'no' } }),
    shows({ jsonrpc: '2.0', id: 1, error: { code: -32601, message: 'no' } }),
  ),
  single(
    'the answer to another request goes through',
    '',
    ok(answer(all)),
    { ...shows({}), body_text: JSON.stringify(answer(all)) },
    {},
    { jsonrpc: '2.0', id: 1, method: 'ping' },
  ),
  single(
    'without it the list goes through',
    '',
    ok(answer(all)),
    { ...shows({}), body_text: JSON.stringify(answer(all)) },
    { filter_tools: false },
  ),
  single('the application is not asked for a compressed list', '', ok(answer(all)), {
    ...shows(answer(names('ping_tool'))),
    received: { headers: { 'accept-encoding': null } },
  }),
  single(
    'an answer of another kind goes through',
    '',
    { status: 200, headers: { 'content-type': 'text/plain' }, body: 'no tools' },
    { status: 200, reached: true, body_text: 'no tools' },
  ),
]

const progress: Members = {
  jsonrpc: '2.0',
  method: 'notifications/message',
  params: { level: 'info', data: 'looking' },
}
const stream = (...blocks: readonly string[]): Answer => ({
  status: 200,
  headers: { 'content-type': 'text/event-stream' },
  body: blocks.map((block) => `${block}\n\n`).join(''),
})
const event = (data: Members, id: string): string =>
  `event: message\nid: ${id}\ndata: ${JSON.stringify(data)}`
const seen = (...events: readonly Members[]): Expectation => ({
  status: 200,
  reached: true,
  headers: { 'content-type': 'text/event-stream' },
  events,
})

const shown = { event: 'message', id: '2', data: answer(names('ping_tool')) }

const events: readonly Case[] = [
  single(
    'a list in Server-Sent Events is filtered, and other events go through',
    '',
    stream(event(progress, '1'), event(answer(all), '2')),
    seen({ event: 'message', id: '1', data: progress }, shown),
  ),
  single(
    'an event of several lines is one message',
    '',
    stream(
      `event: message\nid: 2\n${JSON.stringify(answer(all), null, 1)
        .split('\n')
        .map((line) => `data: ${line}`)
        .join('\n')}`,
    ),
    seen(shown),
  ),
  single(
    'lines may end in CR LF',
    '',
    { ...stream(), body: `event: message\r\nid: 2\r\ndata: ${JSON.stringify(answer(all))}\r\n\r\n` },
    seen(shown),
  ),
  single('comments do no harm', '', stream(': hello', `: again\n${event(answer(all), '2')}`), seen(shown)),
  single(
    'data may follow the colon without a space',
    '',
    stream(`event:message\nid:2\ndata:${JSON.stringify(answer(all))}`),
    seen(shown),
  ),
]

/** A stream that a GET opens brings lists too: those of HTTP+SSE (2024-11-05), and what is sent again to `Last-Event-ID`. */
const opening = (name: string, application: Answer, expect: Expectation): Case =>
  oneCase(
    `filter_tools: ${name}`,
    options(filtering),
    [
      step(T, request('GET', '/mcp', [bearer('good'), ['accept-encoding', 'gzip']]), expect, {
        introspection: { good: active({ scope: '' }) },
      }),
    ],
    application,
  )
const gets: readonly Case[] = [
  opening(
    'a list in the stream of a GET is filtered',
    stream(event(progress, '1'), event(answer(all), '2')),
    {
      ...seen({ event: 'message', id: '1', data: progress }, shown),
      received: { headers: { 'accept-encoding': null } },
    },
  ),
  opening('another answer to a GET goes through', ok(answer(all)), {
    ...shows({}),
    body_text: JSON.stringify(answer(all)),
  }),
]

export const filterToolCases: readonly Case[] = [...json, ...events, ...gets]
