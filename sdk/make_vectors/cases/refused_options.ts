import { active, bearer, type Case, oneCase, options, post, step } from '../case.ts'
import { accepted } from '../expectation.ts'
import { type Members, resource, T } from '../tokens.ts'

/** Options that make no sense are refused when they are set. */
const refused: readonly (readonly [string, Members])[] = [
  ['no server_id', { server_id: undefined }],
  ['an empty server_id', { server_id: '' }],
  ['no api_key', { api_key: undefined }],
  ['an empty api_key', { api_key: '' }],
  ['an auth_server with a trailing slash', { auth_server: 'https://auth.example/' }],
  ['an auth_server without TLS', { auth_server: 'http://auth.example' }],
  [
    'an auth_server without TLS whose name begins like a loopback one',
    { auth_server: 'http://localhost.example' },
  ],
  ['an auth_server that is no URL', { auth_server: 'auth.example' }],
  ['an auth_server with a query', { auth_server: 'https://auth.example?x=1' }],
  ['a resource that is no URL', { resource: 'mcp' }],
  ['a resource with a fragment (RFC 8707 §2)', { resource: `${resource}#x` }],
  ['a validation of another name', { validation: 'none' }],
  ['a public path that does not begin with a slash', { public_paths: ['health'] }],
  ['a public path with a star in the middle', { public_paths: ['/a*/b'] }],
  ['a public path that leaves nothing protected', { public_paths: ['/*'] }],
  ['a required scope with a space', { required_scopes: ['files:read files:write'] }],
  ['a required scope with a quote', { required_scopes: ['files"read'] }],
  ['an empty required scope', { required_scopes: [''] }],
  ['a scope of a tool with a backslash', { tool_scopes: { read_file: ['files\\read'] } }],
  ['a negative max_staleness', { max_staleness: -1 }],
  ['a negative max_body_size', { max_body_size: -1 }],
  ['a max_body_size of nothing', { max_body_size: 0 }],
  ['a resource_name of spaces', { resource_name: ' ' }],
  ['an allowed origin with a path', { allowed_origins: ['https://app.example/'] }],
]

const loopback = (auth_server: string): Case =>
  oneCase(`options: ${auth_server} needs no TLS`, options({ auth_server }), [
    step(T, post([bearer('good')]), accepted(), { introspection: { good: active({ iss: auth_server }) } }),
  ])

export const optionCases: readonly Case[] = [
  ...refused.map(
    ([what, changes]): Case => ({
      name: `options: ${what} is refused`,
      options: options(changes),
      refused: true,
    }),
  ),
  loopback('http://localhost:8787'),
  loopback('http://127.0.0.1:8787'),
  loopback('http://[::1]:8787'),
  oneCase('options: an issuer may have a path', options({ auth_server: 'https://auth.example/tenant' }), [
    step(T, post([bearer('good')]), accepted(), {
      introspection: { good: active({ iss: 'https://auth.example/tenant' }) },
    }),
  ]),
]
