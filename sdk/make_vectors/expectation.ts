import type { Expectation, Who } from './case.ts'
import { origin, resource } from './tokens.ts'

/** Where the metadata of `https://mcp.example/mcp` is (RFC 9728 §3.1). */
export const metadataUrl = `${origin}/.well-known/oauth-protected-resource/mcp`
export const algs = 'ES256 EdDSA RS256 PS256'

export const ada: Who = {
  subject: 'user_1',
  user_email: 'ada@example.com',
  client_id: 'client_1',
  scopes: ['files:read', 'files:write'],
  audience: resource,
}

export const who = (changes: Partial<Who> = {}): Who => ({ ...ada, ...changes })

/** The application saw the request, and who asks. */
export const accepted = (auth: Who | null = ada, more: Partial<Expectation> = {}): Expectation => ({
  status: 200,
  reached: true,
  auth,
  ...more,
})

const parameter = ([name, value]: readonly [string, string]): string => `${name}="${value}"`

/** RFC 9110 §11.6.1. A description is compared as `*`, see test_vectors.md. */
const challenge = (scheme: string, parameters: readonly (readonly [string, string])[]): string =>
  `${scheme} ${parameters.map(parameter).join(', ')}`

const scopeParameter = (scope: string): readonly (readonly [string, string])[] =>
  scope === '' ? [] : [['scope', scope]]

const answer = (status: number, error: string, headers: Expectation['headers'] = {}): Expectation => ({
  status,
  reached: false,
  headers: { 'content-type': 'application/json', 'cache-control': 'no-store', ...headers },
  body: { error },
})

/** More is expected of an answer: headers are added to those that are expected anyway. */
export const also = (expectation: Expectation, more: Partial<Expectation>): Expectation => ({
  ...expectation,
  ...more,
  headers: { ...expectation.headers, ...more.headers },
})

export const missingToken = (scope = '', url = metadataUrl): Expectation =>
  answer(401, 'missing_token', {
    'www-authenticate': challenge('Bearer', [['resource_metadata', url], ...scopeParameter(scope)]),
  })

export const invalidToken = (scope = ''): Expectation =>
  answer(401, 'invalid_token', {
    'www-authenticate': challenge('Bearer', [
      ['error', 'invalid_token'],
      ['error_description', '*'],
      ['resource_metadata', metadataUrl],
      ...scopeParameter(scope),
    ]),
  })

/** `invalid_token` for a token that was sent as DPoP, and `invalid_dpop_proof` (RFC 9449 §7.1). */
export const dpopChallenge = (error: 'invalid_token' | 'invalid_dpop_proof', scope = ''): Expectation =>
  answer(401, error, {
    'www-authenticate': challenge('DPoP', [
      ['error', error],
      ['error_description', '*'],
      ['algs', algs],
      ['resource_metadata', metadataUrl],
      ...scopeParameter(scope),
    ]),
  })

export const invalidRequest: Expectation = answer(400, 'invalid_request', {
  'www-authenticate': challenge('Bearer', [
    ['error', 'invalid_request'],
    ['error_description', '*'],
    ['resource_metadata', metadataUrl],
  ]),
})

export const insufficientScope = (scope: string): Expectation =>
  answer(403, 'insufficient_scope', {
    'www-authenticate': challenge('Bearer', [
      ['error', 'insufficient_scope'],
      ['scope', scope],
      ['resource_metadata', metadataUrl],
      ['error_description', '*'],
    ]),
  })

/** The same for a token that came as DPoP (RFC 9449 §7.1). */
export const dpopInsufficientScope = (scope: string): Expectation =>
  answer(403, 'insufficient_scope', {
    'www-authenticate': challenge('DPoP', [
      ['error', 'insufficient_scope'],
      ['scope', scope],
      ['resource_metadata', metadataUrl],
      ['error_description', '*'],
      ['algs', algs],
    ]),
  })

export const toolNotAllowed: Expectation = answer(403, 'tool_not_allowed', { 'www-authenticate': null })
export const tooLarge: Expectation = answer(413, 'request_too_large', { 'www-authenticate': null })
export const unsupported: Expectation = answer(415, 'unsupported_media_type', { 'www-authenticate': null })
export const unavailableAnswer: Expectation = answer(503, 'temporarily_unavailable', {
  'www-authenticate': null,
  'retry-after': '5',
})

/** A JSON-RPC error of HTTP status 400. */
export const rpcError = (code: number, id?: unknown): Expectation => ({
  status: 400,
  reached: false,
  headers: { 'content-type': 'application/json', 'www-authenticate': null },
  body: { jsonrpc: '2.0', error: { code }, ...(id === undefined ? {} : { id }) },
})

/** What the SDKs of MCP answer where there is no such session. */
export const sessionNotFound: Expectation = {
  status: 404,
  reached: false,
  headers: { 'content-type': 'application/json', 'www-authenticate': null },
  body: { jsonrpc: '2.0', id: null, error: { code: -32_001 } },
}
