import { bearer, type Case, type Headers, oneCase, options, request, step } from '../case.ts'
import { accepted, also, missingToken } from '../expectation.ts'
import { T } from '../tokens.ts'

const list = options({ public_paths: ['/health', '/public/*', '/open*'] })

const open = (name: string, path: string, headers: Headers = [], method = 'GET'): Case =>
  oneCase(name, list, [step(T, request(method, path, headers), accepted(null))])

const closed = (name: string, path: string): Case =>
  oneCase(name, list, [step(T, request('GET', path), missingToken())])

/** Paths that a proxy, a framework or a file system may read as another one. */
const tricks: readonly (readonly [string, string])[] = [
  ['two dots', '/public/../mcp'],
  ['two dots in another place', '/public/a/../../mcp'],
  ['two encoded dots', '/public/%2e%2e/mcp'],
  ['two dots encoded in upper case', '/public/%2E%2E/mcp'],
  ['one encoded dot of two', '/public/.%2e/mcp'],
  ['an encoded dot in a name', '/public/a%2ehtml'],
  ['an encoded slash', '/public/..%2fmcp'],
  ['an encoded slash in upper case', '/public/a%2Fb'],
  ['an encoded backslash', '/public/..%5cmcp'],
  ['two dots encoded twice', '/public/%252e%252e/mcp'],
  ['a slash encoded three times', '/public/a%25252fb'],
  ['a backslash', '/public/..\\mcp'],
  ['an empty segment', '/public//mcp'],
  ['an empty segment at the start', '//public/a'],
  ['an encoded slash behind a prefix without one', '/open%2f..%2fmcp'],
  ['two dots behind a prefix without a slash', '/open/../mcp'],
]

export const publicPathCases: readonly Case[] = [
  open('a public path needs no token', '/health'),
  open('a public path may have a query', '/health?deep=1'),
  open('what begins with a public prefix needs no token', '/public/a/b.css'),
  open('a public prefix matches itself', '/public/'),
  open('a public prefix need not end in a slash', '/openapi.json'),
  open('any method of a public path needs no token', '/public/form', [], 'POST'),
  open('a token in the query of a public path is left to the application', '/health?access_token=x'),
  oneCase('a token on a public path is not checked, and nobody is told to the application', list, [
    step(T, request('GET', '/health', [bearer('good')]), { ...accepted(null), asked: { introspection: 0 } }),
  ]),
  oneCase('a preflight of a public path is left to the application', list, [
    step(
      T,
      request('OPTIONS', '/public/a', [
        ['origin', 'https://app.example'],
        ['access-control-request-method', 'GET'],
      ]),
      also(accepted(null), { headers: { 'access-control-allow-origin': null } }),
    ),
  ]),
  closed('a path below an exact public path is not public', '/health/deep'),
  closed('a public path with a slash more is not public', '/health/'),
  closed('a public path in another case is not public', '/Health'),
  closed('a prefix without its slash is not public', '/public'),
  closed('an encoded question mark does not end the path', '/health%3fx'),
  ...tricks.map(([what, path]) => closed(`a path with ${what} is not public`, path)),
]
