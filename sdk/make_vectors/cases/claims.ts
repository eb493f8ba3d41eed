import { bearer, type Case, type Expectation, local, oneCase, post, step } from '../case.ts'
import { accepted, invalidToken, who } from '../expectation.ts'
import { accessToken, issuer, type Members, resource, T } from '../tokens.ts'

/** Step 4 of local validation (RFC 9068 §4, RFC 7519 §4.1). */
const single = (name: string, changes: Members, expect: Expectation): Case =>
  oneCase(`local: ${name}`, local(), [step(T, post([bearer(accessToken(changes))]), expect)])

const refusals: readonly (readonly [string, Members])[] = [
  ['another issuer', { iss: 'https://other.example' }],
  ['the issuer with a trailing slash', { iss: `${issuer}/` }],
  ['the issuer in a list', { iss: [issuer] }],
  ['no issuer', { iss: undefined }],
  ['another audience', { aud: 'https://other.example/mcp' }],
  ['the resource with a trailing slash as audience', { aud: `${resource}/` }],
  ['the resource in upper case as audience', { aud: 'https://MCP.example/mcp' }],
  ['an audience that begins with the resource', { aud: `${resource}/admin` }],
  ['a list of audiences without the resource', { aud: ['https://other.example', `${resource}/`] }],
  ['an empty list of audiences', { aud: [] }],
  ['no audience', { aud: undefined }],
  ['an audience that is an object', { aud: { [resource]: true } }],
  ['an exp that is now', { exp: T }],
  ['an exp in the past', { exp: T - 1 }],
  ['no exp', { exp: undefined }],
  ['an exp that is a string', { exp: String(T + 60) }],
  ['an exp that is null', { exp: null }],
  ['an iat 61 seconds ahead', { iat: T + 61 }],
  ['no iat', { iat: undefined }],
  ['an iat that is a string', { iat: String(T) }],
  ['an iat that is true', { iat: true }],
  ['an nbf 61 seconds ahead', { nbf: T + 61 }],
  ['an nbf that is a string', { nbf: String(T) }],
  ...['sub', 'client_id', 'jti'].flatMap((name): (readonly [string, Members])[] => [
    [`no ${name}`, { [name]: undefined }],
    [`an empty ${name}`, { [name]: '' }],
    [`a ${name} that is a number`, { [name]: 1 }],
  ]),
  ['a scope that is a list', { scope: ['files:read'] }],
]

const acceptances: readonly (readonly [string, Members, Expectation])[] = [
  ['a list of audiences that holds the resource', { aud: ['https://other.example', resource] }, accepted()],
  ['an exp one second ahead', { exp: T + 1 }, accepted()],
  ['an exp with a fraction', { exp: T + 0.5 }, accepted()],
  ['an iat 60 seconds ahead', { iat: T + 60 }, accepted()],
  ['an iat long ago', { iat: T - 86_400 }, accepted()],
  ['an nbf 60 seconds ahead', { nbf: T + 60 }, accepted()],
  ['an nbf that has passed', { nbf: T - 60 }, accepted()],
  ['no scope', { scope: undefined }, accepted(who({ scopes: [] }))],
  ['an empty scope', { scope: '' }, accepted(who({ scopes: [] }))],
  ['no e-mail address', { email: undefined }, accepted(who({ user_email: null }))],
  ['no grant_id', { grant_id: undefined }, accepted()],
  ['claims of unknown names', { act: { sub: 'agent' }, custom: [1] }, accepted()],
]

const short = accessToken({ exp: T + 5 })

export const claimCases: readonly Case[] = [
  ...refusals.map(([what, changes]) => single(`a token with ${what} is refused`, changes, invalidToken())),
  ...acceptances.map(([what, changes, expect]) =>
    single(`a token with ${what} is accepted`, changes, expect),
  ),
  oneCase('local: a token that was accepted is refused when it expires', local(), [
    step(T, post([bearer(short)]), accepted()),
    step(T + 4, post([bearer(short)]), accepted()),
    step(T + 5, post([bearer(short)]), invalidToken()),
  ]),
]
