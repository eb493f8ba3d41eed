import { describe, expect, it } from 'vitest'
import {
  SUPABASE_ISSUER as ISSUER,
  SUPABASE_DISCOVERY as SUPABASE,
} from '../../../tests/support/supabase_auth.ts'
import { parseUpstreamMetadata } from './upstream_metadata.ts'

const parse = (document: unknown, issuer = ISSUER) =>
  parseUpstreamMetadata(Buffer.from(JSON.stringify(document)), issuer)

describe('the discovery document of an upstream provider', () => {
  it('is read as Supabase Auth writes it, as far as it is needed', () => {
    expect(parse(SUPABASE)).toEqual({
      issuer: ISSUER,
      authorization_endpoint: `${ISSUER}/oauth/authorize`,
      token_endpoint: `${ISSUER}/oauth/token`,
      jwks_uri: `${ISSUER}/.well-known/jwks.json`,
      userinfo_endpoint: `${ISSUER}/oauth/userinfo`,
      id_token_signing_alg_values_supported: ['RS256', 'HS256', 'ES256'],
      token_endpoint_auth_methods_supported: ['client_secret_basic', 'client_secret_post', 'none'],
    })
  })

  it.each([
    ['of another issuer', { ...SUPABASE, issuer: 'https://evil.example' }],
    ['of an issuer that differs by a slash', { ...SUPABASE, issuer: `${ISSUER}/` }],
    ['without keys', { ...SUPABASE, jwks_uri: undefined }],
    ['without a token endpoint', { ...SUPABASE, token_endpoint: undefined }],
    [
      'whose authorization endpoint is a script',
      { ...SUPABASE, authorization_endpoint: 'javascript:alert(1)' },
    ],
    [
      'whose authorization endpoint is in the clear',
      { ...SUPABASE, authorization_endpoint: 'http://login.example/' },
    ],
    ['that is a list', [SUPABASE]],
  ])('is refused where it is one %s', (_, document) => {
    expect(() => parse(document)).toThrow()
  })
})
