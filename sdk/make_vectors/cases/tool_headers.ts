import {
  active,
  bearer,
  type Case,
  type Expectation,
  type Headers,
  oneCase,
  options,
  post,
  step,
} from '../case.ts'
import { accepted, rpcError } from '../expectation.ts'
import { type Members, T } from '../tokens.ts'
import { call } from './tool_scopes.ts'

/** The headers `Mcp-Method` and `Mcp-Name` of MCP 2026-07-28, which must say what the body says. */
const table = { '*': [] }
const server = { introspection: { good: active() } }

const single = (
  name: string,
  headers: Headers,
  body: unknown,
  expect: Expectation,
  more: Members = { tool_scopes: table },
): Case =>
  oneCase(`Mcp headers: ${name}`, options(more), [
    step(T, post([bearer('good'), ...headers], body), expect, server),
  ])

const same = (name: string, headers: Headers, body: unknown): Case => single(name, headers, body, accepted())
const differs = (name: string, headers: Headers, body: unknown, id: unknown = 7): Case =>
  single(name, headers, body, rpcError(-32020, id))

const method = (value: string): readonly [string, string] => ['Mcp-Method', value]
const named = (value: string): readonly [string, string] => ['Mcp-Name', value]
const base64 = (text: string): string => `=?base64?${Buffer.from(text).toString('base64')}?=`

const calling = call('read_file', 7)
const ping = { jsonrpc: '2.0', id: 7, method: 'ping' }
const reading = { jsonrpc: '2.0', id: 7, method: 'resources/read', params: { uri: 'file:///a b' } }

export const toolHeaderCases: readonly Case[] = [
  same('equal ones are let through', [method('tools/call'), named('read_file')], calling),
  same('one of them is enough', [method('tools/call')], calling),
  same('a method without a name is let through', [method('ping')], ping),
  same('the name of a resource is its uri', [method('resources/read'), named('file:///a b')], reading),
  same('a name may be in base64', [method('tools/call'), named(base64('read_file'))], calling),
  same(
    'a name beyond ASCII is in base64',
    [named(base64('les\u00e9 \u{1f600}'))],
    call('les\u00e9 \u{1f600}', 7),
  ),
  differs('another method is refused', [method('tools/list')], calling),
  differs('a method in another case is refused', [method('Tools/Call')], calling),
  differs('another name is refused', [method('tools/call'), named('write_file')], calling),
  differs('a name in another case is refused', [named('Read_File')], calling),
  differs('another name in base64 is refused', [named(base64('write_file'))], calling),
  differs('base64 that cannot be decoded is refused', [named('=?base64?cmVh!?=')], calling),
  differs('base64 of something that is not UTF-8 is refused', [named('=?base64?/////w==?=')], calling),
  differs('an empty name is refused', [named('')], calling),
  differs('a name where the body has none is refused', [named('read_file')], ping),
  differs('another uri is refused', [named('file:///b')], reading),
  differs(
    'of a resource the uri counts, whatever name there is',
    [method('resources/read'), named('read_file')],
    { ...reading, params: { ...reading.params, name: 'read_file' } },
  ),
  differs('a method where the body has none is refused', [method('ping')], {
    jsonrpc: '2.0',
    id: 7,
    result: {},
  }),
  differs(
    'the id of the body is in the answer, a string as well',
    [method('ping')],
    call('read_file', 'seven'),
    'seven',
  ),
  differs(
    'for a notification the id of the answer is null',
    [method('ping')],
    { jsonrpc: '2.0', method: 'notifications/initialized' },
    null,
  ),
  differs('two names are refused, even equal ones', [named('read_file'), named('read_file')], calling),
  differs('two methods are refused, even equal ones', [method('tools/call'), method('tools/call')], calling),
  differs('a method with a batch is refused', [method('tools/call')], [calling], null),
  differs('a name with a batch is refused', [named('read_file')], [calling], null),
  single(
    'without a table they are not checked',
    [method('ping'), named('write_file')],
    calling,
    accepted(),
    {},
  ),
]
