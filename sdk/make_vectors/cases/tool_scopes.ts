import {
  active,
  bearer,
  type Case,
  type Expectation,
  inactive,
  oneCase,
  options,
  post,
  request,
  step,
} from '../case.ts'
import {
  accepted,
  insufficientScope,
  invalidToken,
  rpcError,
  tooLarge,
  toolNotAllowed,
  unsupported,
  who,
} from '../expectation.ts'
import { type Members, T } from '../tokens.ts'

/** The `tool_scopes` table: which tools a body calls, and what they need. */
const table = { 'read_*': ['files:read'], write_file: ['files:write', 'files:read'], ping_tool: [] }

export const call = (name: unknown, id: unknown = 1): Members => ({
  jsonrpc: '2.0',
  id,
  method: 'tools/call',
  params: { name, arguments: {} },
})
const message = (method: string): Members => ({ jsonrpc: '2.0', id: 1, method })

const holds = (scope: string): Expectation => accepted(who({ scopes: scope === '' ? [] : scope.split(' ') }))
const good = bearer('good')
const server = (scope: string) => ({ introspection: { good: active({ scope }) } })

/** `POST /mcp` of a body by a token with these scopes; where it is let through, the application gets it unchanged. */
function single(name: string, scope: string, body: unknown, expect?: Expectation, more: Members = {}): Case {
  const what = post([good], body)
  const through: Expectation = { ...holds(scope), received: { body: what.body ?? '' } }
  return oneCase(`tools: ${name}`, options({ tool_scopes: table, ...more }), [
    step(T, what, expect ?? through, server(scope)),
  ])
}

const simple: readonly Case[] = [
  single('a call with the scopes of the tool is let through', 'files:read', call('read_file')),
  single(
    'a call without them names all that the tool needs',
    'files:read',
    call('write_file'),
    insufficientScope('files:write files:read'),
  ),
  single(
    'what is required of every request comes first, each scope once',
    'mcp',
    call('write_file'),
    insufficientScope('files:read mcp files:write'),
    { required_scopes: ['files:read', 'mcp'] },
  ),
  single(
    'a request without the required scopes is told those of the tool too',
    '',
    call('read_file'),
    insufficientScope('mcp files:read'),
    { required_scopes: ['mcp'] },
  ),
  single('a tool that needs no scope is let through', '', call('ping_tool')),
  single(
    'a tool that is not in the table is not allowed',
    'files:read files:write',
    call('delete_file'),
    toolNotAllowed,
  ),
  single('an empty table allows no tool', 'files:read', call('read_file'), toolNotAllowed, {
    tool_scopes: {},
  }),
  single('without a table every tool is let through', '', call('delete_file'), undefined, {
    tool_scopes: undefined,
  }),
  single(
    'the name of a tool is compared in its case',
    'files:write files:read',
    call('Write_file'),
    toolNotAllowed,
  ),
  ...['constructor', '__proto__', 'toString', 'hasOwnProperty'].map((name) =>
    single(`the name ${name} is in no table by itself`, 'files:read files:write', call(name), toolNotAllowed),
  ),
  single('an empty name is not in the table', 'files:read', call(''), toolNotAllowed),
  single(
    'the hierarchy of scopes counts for tools',
    'admin',
    call('write_file'),
    accepted(who({ scopes: ['admin', 'files:write', 'files:read'] })),
    {
      scope_hierarchy: { admin: ['files:write'], 'files:write': ['files:read'] },
    },
  ),
  oneCase('tools: a bad token is refused before the body is looked at', options({ tool_scopes: table }), [
    step(T, post([bearer('bad')], 'hello'), invalidToken(), { introspection: { bad: inactive } }),
  ]),
]

/** What a pattern or name of the table wins: `need` is the one scope that is then asked for. */
const wins = (name: string, tool: string, tool_scopes: Members, need: string): Case =>
  single(`patterns: ${name}`, 'none', call(tool), insufficientScope(need), { tool_scopes })
const misses = (name: string, tool: string, pattern: string): Case =>
  single(`patterns: ${name}`, 'none', call(tool), toolNotAllowed, { tool_scopes: { [pattern]: [] } })

const patterns: readonly Case[] = [
  wins(
    'an exact name wins over a pattern',
    'read_secret',
    { 'read_secret*': ['a'], read_secret: ['b'] },
    'b',
  ),
  wins('an exact name that comes last wins over a longer pattern', 'x', { '*x*': ['a'], x: ['b'] }, 'b'),
  wins(
    'the pattern with the most literal characters wins',
    'read_secret_file',
    { '*': ['a'], 'read_*': ['b'], '*_secret_file': ['c'] },
    'c',
  ),
  wins('stars are no literal characters', 'abc', { 'a***c': ['a'], 'ab*c': ['b'] }, 'b'),
  wins('among equals the first that was declared wins', 'ab', { '*b': ['first'], 'a*': ['second'] }, 'first'),
  wins('a star alone stands for every tool', 'whatever', { '*': ['all'] }, 'all'),
  wins('a star may stand for nothing', 'read_', { 'read_*': ['a'] }, 'a'),
  wins('a star may stand in the middle', 'read_a_file', { 'read_*_file': ['a'] }, 'a'),
  wins('a star stands for line ends and slashes too', 'read_a\n/b', { 'read_*b': ['a'] }, 'a'),
  wins('a star stands for characters beyond ASCII', 'read_\u{1f600}\u00fc', { 'read_*\u00fc': ['a'] }, 'a'),
  wins('several stars match as far as they must', 'aXbYbZc', { 'a*b*c': ['a'] }, 'a'),
  misses('what comes before a star must begin the name', 'unread_file', 'read_*'),
  misses('what comes after a star must end the name', 'read_files', '*_file'),
  misses('what stands between stars must be there in order', 'acb', 'a*b*c'),
  misses('what comes before and after a star does not overlap', 'aba', 'ab*ba'),
  misses('a dot is a dot', 'readXfile', 'read.f*'),
  misses('other signs of regular expressions stand for themselves', 'aab', 'a+b*'),
  misses('a question mark is no wildcard', 'ab', 'a?*'),
  misses('brackets are no set', 'ab', '[a]*'),
  misses(
    'a name that a pattern of many stars almost matches is refused without delay',
    'a'.repeat(4000),
    '*a*a*a*a*a*a*b',
  ),
]

const bodies: readonly Case[] = [
  ...['initialize', 'tools/list', 'resources/read', 'notifications/initialized'].map((method) =>
    single(`the method ${method} calls no tool`, '', message(method)),
  ),
  single('a notification without an id calls no tool', '', {
    jsonrpc: '2.0',
    method: 'notifications/cancelled',
    params: { requestId: 1 },
  }),
  single(
    'a tools/call without an id is a call',
    '',
    { jsonrpc: '2.0', method: 'tools/call', params: { name: 'read_file' } },
    insufficientScope('files:read'),
  ),
  single('an answer to the server calls no tool', '', {
    jsonrpc: '2.0',
    id: 1,
    result: { method: 'tools/call' },
  }),
  single(
    'a batch needs what all its calls need, in their order',
    'files:read',
    [call('read_file'), message('ping'), call('write_file', 2)],
    insufficientScope('files:read files:write'),
  ),
  single('a batch with what all its calls need is let through', 'files:read files:write', [
    call('write_file'),
    call('read_file', 2),
  ]),
  single(
    'a batch with a tool that is not in the table is not allowed',
    'files:read',
    [call('read_file'), call('delete_file', 2)],
    toolNotAllowed,
  ),
  single(
    'a tool that is not in the table counts before missing scopes',
    '',
    [call('read_file'), call('delete_file', 2)],
    toolNotAllowed,
  ),
  single('an empty batch calls no tool', '', '[]'),
  single(
    'spaces and members of other names are passed on unchanged',
    'files:read',
    ' {"x": 1.0, "method": "tools\\/call",\n "params": {"name": "read_\\u0066ile"}, "y": "\u00fc"}\n',
  ),
  single(
    'of two members of one name the last counts',
    '',
    '{"jsonrpc":"2.0","id":1,"method":"ping","method":"tools/call","params":{"name":"read_file"}}',
    insufficientScope('files:read'),
  ),
]

const invalid: readonly Case[] = [
  ...(
    [
      ['empty', ''],
      ['no JSON', 'hello'],
      ['cut off', '{"jsonrpc": "2.0", "method": "ping"'],
      ['two values', '{"method": "ping"} {"method": "ping"}'],
      ['null', 'null'],
      ['a string', '"tools/call"'],
      ['a number', '1'],
      ['a list that holds a number', '[{"method": "ping"}, 1]'],
      ['a list in a list', '[[{"method": "ping"}]]'],
      ['JSON but for NaN', '{"method": "ping", "id": NaN}'],
      ['JSON but for Infinity', '{"method": "ping", "id": -Infinity}'],
      ['JSON but for a comment', '{"method": "ping"} // ping'],
      ['a list nested 20000 deep', '['.repeat(20_000)],
      ['a form', 'method=tools%2Fcall'],
    ] as const
  ).map(([what, body]) =>
    single(`a body that is ${what} is a parse error`, 'files:read', body, rpcError(-32700, null)),
  ),
  ...(
    [
      ['UTF-8', Buffer.from('{"method": "ping", "x": "\xff"}', 'latin1')],
      ['UTF-8 but UTF-16', Buffer.from(`\ufeff${JSON.stringify(message('ping'))}`, 'utf16le')],
    ] as const
  ).map(([what, bytes]) =>
    oneCase(`tools: a body that is not ${what} is a parse error`, options({ tool_scopes: table }), [
      step(
        T,
        { ...request('POST', '/mcp', [good]), body_base64: bytes.toString('base64') },
        rpcError(-32700, null),
        server('files:read'),
      ),
    ]),
  ),
  ...(
    [
      ['no name', { arguments: {} }],
      ['a name that is a number', { name: 1 }],
      ['a name that is null', { name: null }],
      ['a name that is a list', { name: ['read_file'] }],
      ['parameters in a list', ['read_file']],
      ['no parameters', undefined],
      ['null as parameters', null],
    ] as const
  ).map(([what, params]) =>
    single(
      `a call with ${what} has invalid parameters`,
      'files:read',
      { jsonrpc: '2.0', id: 'seven', method: 'tools/call', params },
      rpcError(-32602, 'seven'),
    ),
  ),
  single(
    'a call without a name in a batch has invalid parameters',
    'files:read',
    [call('read_file'), call(1, 2)],
    rpcError(-32602),
  ),
]

const raw = (
  name: string,
  more: Members,
  headers: readonly (readonly [string, string])[],
  body: string,
  expect: Expectation,
  method = 'POST',
): Case =>
  oneCase(`tools: ${name}`, options({ tool_scopes: table, ...more }), [
    step(T, request(method, '/mcp', [good, ...headers], body), expect, server('files:read')),
  ])
const ping = JSON.stringify(message('ping'))
const through: Expectation = { ...holds('files:read'), received: { body: ping } }

const transport: readonly Case[] = [
  raw('a body of max_body_size bytes is read', { max_body_size: ping.length }, [], ping, through),
  raw('a body of one byte more is too large', { max_body_size: ping.length - 1 }, [], ping, tooLarge),
  raw(
    'the size is counted in bytes, not in characters',
    { max_body_size: ping.length + 5 },
    [],
    ping.replace('ping', 'ping\u00fc\u00fc\u00fc'),
    tooLarge,
  ),
  raw(
    'without a table a body may be of any size',
    { max_body_size: 5, tool_scopes: undefined },
    [],
    ping,
    through,
  ),
  ...['gzip', 'br', 'deflate, gzip', 'identity, gzip'].map((encoding) =>
    raw(
      `a body with Content-Encoding ${encoding} is refused`,
      {},
      [['content-encoding', encoding]],
      ping,
      unsupported,
    ),
  ),
  ...['identity', 'Identity'].map((encoding) =>
    raw(
      `a body with Content-Encoding ${encoding} is read`,
      {},
      [['content-encoding', encoding]],
      ping,
      through,
    ),
  ),
  ...['utf-16', 'utf-7', 'iso-8859-1', 'us-ascii', '"utf-16le"'].map((charset) =>
    raw(
      `a body with the charset ${charset} is refused, which the application might read as another message`,
      {},
      [['content-type', `application/json; charset=${charset}`]],
      ping,
      unsupported,
    ),
  ),
  ...['utf-8', 'UTF-8', '"utf-8"'].map((charset) =>
    raw(
      `a body with the charset ${charset} is read`,
      {},
      [['content-type', `application/json; charset=${charset}`]],
      ping,
      through,
    ),
  ),
  raw(
    'without a table a compressed body is left to the application',
    { tool_scopes: undefined },
    [['content-encoding', 'gzip']],
    ping,
    through,
  ),
  raw(
    'a body of any Content-Type is read',
    {},
    [['content-type', 'text/plain']],
    JSON.stringify(call('write_file')),
    insufficientScope('files:write files:read'),
  ),
  raw(
    'the body of another method is not read',
    {},
    [],
    'hello',
    { ...holds('files:read'), received: { body: 'hello' } },
    'PUT',
  ),
  oneCase('tools: a GET needs no tool', options({ tool_scopes: table }), [
    step(T, request('GET', '/mcp', [good]), holds(''), server('')),
  ]),
  oneCase('tools: any path of a POST is checked', options({ tool_scopes: table }), [
    step(
      T,
      request('POST', '/other/path', [good], JSON.stringify(call('read_file'))),
      insufficientScope('files:read'),
      server(''),
    ),
  ]),
  oneCase(
    'tools: on a public path the table does not count',
    options({ tool_scopes: table, public_paths: ['/hook'] }),
    [step(T, request('POST', '/hook', [], 'hello'), { ...accepted(null), received: { body: 'hello' } })],
  ),
]

export const toolScopeCases: readonly Case[] = [...simple, ...patterns, ...bodies, ...invalid, ...transport]
