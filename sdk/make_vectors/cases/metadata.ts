import {
  active,
  bearer,
  type Case,
  type Expectation,
  type Headers,
  ok,
  oneCase,
  options,
  request,
  resourceMetadata,
  step,
  unavailable,
} from '../case.ts'
import { accepted, missingToken, unavailableAnswer, who } from '../expectation.ts'
import { issuer, type Members, origin, resource, T } from '../tokens.ts'

/** RFC 9728 §3, and step 1 of the way of a request: the server's own URL. */
const root = '/.well-known/oauth-protected-resource'
const inserted = `${root}/mcp`

const document = (body: Members): Expectation => ({
  status: 200,
  reached: false,
  headers: {
    'content-type': 'application/json',
    'cache-control': 'public, max-age=300',
    'access-control-allow-origin': '*',
  },
  body: { authorization_servers: [issuer], bearer_methods_supported: ['header'], ...body },
})

const withoutBody = ({ body: _, ...rest }: Expectation): Expectation => rest

const get = (path: string, headers: Headers = []) => request('GET', path, headers)

const single = (name: string, path: string, expect: Expectation, more: Members = {}): Case =>
  oneCase(name, options(more), [step(T, get(path), expect)])

const allowedHeaders =
  'Authorization, Content-Type, Accept, DPoP, Last-Event-ID, MCP-Protocol-Version, Mcp-Method, Mcp-Name, Mcp-Session-Id'

const known: readonly Case[] = [
  single('the metadata is at the root well-known path', root, document({ resource })),
  single('the metadata is at the path-inserted well-known path', inserted, document({ resource })),
  single('a query does not hide the metadata', `${inserted}?x=1`, document({ resource })),
  single('another path below the well-known path is no metadata', `${root}/other`, missingToken()),
  single(
    'a resource with a trailing slash keeps it in the metadata and its path',
    `${inserted}/`,
    document({ resource: `${resource}/` }),
    { resource: `${resource}/` },
  ),
  single(
    'a resource with a trailing slash keeps it in resource_metadata',
    '/mcp/',
    missingToken('', `${origin}${inserted}/`),
    { resource: `${resource}/` },
  ),
  single('a resource without a path has its metadata at the root', root, document({ resource: origin }), {
    resource: origin,
  }),
  single(
    'a resource without a path has the root path in resource_metadata',
    '/mcp',
    missingToken('', `${origin}${root}`),
    { resource: origin },
  ),
  single(
    'the slash that ends the host is not in resource_metadata (RFC 9728 §3.1)',
    '/mcp',
    missingToken('', `${origin}${root}`),
    { resource: `${origin}/` },
  ),
  single(
    'the path-inserted well-known path is compared as it is written in the resource',
    `${root}/a/b%20c`,
    document({ resource: `${origin}/a/b%20c` }),
    { resource: `${origin}/a/b%20c` },
  ),
  single(
    'the resource is said byte for byte',
    root,
    document({ resource: 'https://mcp.example:8443/a/b%20c' }),
    {
      resource: 'https://mcp.example:8443/a/b%20c',
    },
  ),
  single(
    'resource_metadata has the port and the path of the resource',
    '/a/b',
    missingToken('', `https://mcp.example:8443${root}/a/b`),
    { resource: 'https://mcp.example:8443/a/b' },
  ),
  single(
    'scopes_supported and resource_name are said as they are set',
    root,
    document({ resource, scopes_supported: ['x', 'y'], resource_name: 'My files' }),
    { scopes_supported: ['x', 'y'], resource_name: 'My files', required_scopes: ['z'] },
  ),
  single(
    'without scopes_supported the metadata says the scopes that the options name',
    root,
    document({ resource, scopes_supported: ['mcp:use', 'files:read', 'files:write'] }),
    {
      required_scopes: ['mcp:use'],
      tool_scopes: { read_file: ['files:read'], write_file: ['files:write', 'files:read'] },
    },
  ),
  single(
    'the metadata does not need a credential, and is not refused for a token in the query',
    `${root}?access_token=x`,
    document({ resource }),
  ),
]

const methods: readonly Case[] = [
  oneCase('HEAD of the metadata is answered as GET, without the body', options(), [
    step(T, request('HEAD', inserted), { ...withoutBody(document({})), body_text: '' }),
  ]),
  oneCase('OPTIONS of the metadata is a preflight that any origin passes', options({ allowed_origins: [] }), [
    step(
      T,
      request('OPTIONS', inserted, [
        ['origin', 'https://inspector.example'],
        ['access-control-request-method', 'GET'],
        ['access-control-request-headers', 'mcp-protocol-version'],
      ]),
      {
        status: 204,
        reached: false,
        headers: {
          'access-control-allow-origin': '*',
          'access-control-allow-headers': allowedHeaders,
        },
        body_text: '',
      },
    ),
  ]),
  ...['POST', 'DELETE', 'PUT'].map((method) =>
    oneCase(`${method} of the metadata is 405, with what is allowed`, options(), [
      step(T, request(method, inserted), {
        status: 405,
        reached: false,
        headers: { allow: 'GET, HEAD, OPTIONS' },
      }),
    ]),
  ),
  oneCase(
    'the metadata is for every origin, whatever allowed_origins says',
    options({ allowed_origins: [] }),
    [step(T, get(root, [['origin', 'https://elsewhere.example']]), document({ resource }))],
  ),
]

const registered = options({ resource: undefined })

const fetched: readonly Case[] = [
  oneCase('without resource the registered metadata is fetched once and told on', registered, [
    step(T, get(root), {
      ...document({ resource, scopes_supported: ['files:read', 'files:write'], resource_name: 'Files' }),
      asked: { resource_metadata: 1 },
    }),
    step(T + 1, get(inserted), { ...document({ resource }), asked: { resource_metadata: 0 } }),
    step(T + 100, get('/mcp'), { ...missingToken(), asked: { resource_metadata: 0 } }),
  ]),
  oneCase(
    'the registered resource is told with this server as its own, even if the registration says nothing more',
    registered,
    [step(T, get(root), document({ resource }), { resource_metadata: { status: 200, body: { resource } } })],
  ),
  oneCase('options win over what is registered', options({ resource: undefined, resource_name: 'Mine' }), [
    step(
      T,
      get(root),
      document({ resource, resource_name: 'Mine', scopes_supported: ['files:read', 'files:write'] }),
    ),
  ]),
  oneCase('the registered resource is what aud must equal', registered, [
    step(
      T,
      request('GET', '/x', [bearer('ours')]),
      accepted(who({ audience: 'https://elsewhere.example/x' })),
      {
        resource_metadata: ok({ resource: 'https://elsewhere.example/x' }),
        introspection: { ours: active({ aud: 'https://elsewhere.example/x' }), other: active() },
      },
    ),
    step(T, request('GET', '/x', [bearer('other')]), {
      status: 401,
      reached: false,
      headers: {
        'www-authenticate':
          'Bearer error="invalid_token", error_description="*", resource_metadata="https://elsewhere.example/.well-known/oauth-protected-resource/x"',
      },
      body: { error: 'invalid_token' },
    }),
  ]),
  oneCase('with resource set nothing is fetched', options(), [
    step(
      T,
      get('/mcp'),
      { ...missingToken(), asked: { resource_metadata: 0 } },
      { resource_metadata: 'unreachable' },
    ),
  ]),
  oneCase('until the registered URL is known the answer is 503, and it is asked for again', registered, [
    step(
      T,
      get('/mcp'),
      { ...unavailableAnswer, asked: { resource_metadata: 1 } },
      { resource_metadata: 'unreachable' },
    ),
    step(T + 0.5, get('/mcp'), { ...unavailableAnswer, asked: { resource_metadata: 0 } }),
    step(T + 2, get('/mcp'), { ...unavailableAnswer, asked: { resource_metadata: 1 } }),
    step(
      T + 4,
      get('/mcp'),
      { ...missingToken(), asked: { resource_metadata: 1 } },
      {
        resource_metadata: resourceMetadata(),
      },
    ),
  ]),
  ...[
    ['the metadata', get(root)],
    [
      'a preflight',
      request('OPTIONS', '/mcp', [
        ['origin', 'https://app.example'],
        ['access-control-request-method', 'POST'],
      ]),
    ],
  ].map(([what, asks]) =>
    oneCase(`while the registered URL is not known, ${String(what)} is answered 503`, registered, [
      step(T, asks as ReturnType<typeof get>, unavailableAnswer, { resource_metadata: 'unreachable' }),
    ]),
  ),
  oneCase(
    'while the registered URL is not known, public paths are served',
    options({ resource: undefined, public_paths: ['/health'] }),
    [step(T, get('/health'), accepted(null), { resource_metadata: 'unreachable' })],
  ),
  ...(
    [
      ['a failure', unavailable],
      ['an unknown server', { status: 404, body: { error: 'not_found' } }],
      ['no JSON', { status: 200, headers: { 'content-type': 'text/html' }, body: '<html>' }],
      ['a list', { status: 200, body: [] }],
      ['no resource', { status: 200, body: { resource_name: 'Files' } }],
      ['a resource that is no URL', { status: 200, body: { resource: 'files' } }],
    ] as const
  ).map(([what, resource_metadata]) =>
    oneCase(`registered metadata that is ${what} is 503`, registered, [
      step(T, get('/mcp'), unavailableAnswer, { resource_metadata }),
    ]),
  ),
  oneCase("the server's own URL is never taken from Host or forwarding headers", options(), [
    step(
      T,
      get('/mcp', [
        ['host', 'evil.example'],
        ['x-forwarded-host', 'evil.example'],
        ['forwarded', 'host=evil.example'],
      ]),
      missingToken(),
    ),
  ]),
]

export const metadataCases: readonly Case[] = [...known, ...methods, ...fetched]
