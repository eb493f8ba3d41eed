import { describe, expect, it } from 'vitest'
import { readClientCredentials } from './client_authentication.ts'

const JWT_BEARER = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'

function read(authorization: string | null, form: Record<string, string> = {}) {
  return readClientCredentials(authorization, { get: (name) => form[name] })
}

function basic(text: string): string {
  return `Basic ${Buffer.from(text).toString('base64')}`
}

function assertionAbout(claims: unknown): string {
  return `e30.${Buffer.from(JSON.stringify(claims)).toString('base64url')}.signature`
}

describe('a client names itself', () => {
  it('by its id alone', () => {
    expect(read(null, { client_id: 'a' })).toEqual({ method: 'none', clientId: 'a' })
  })

  it('by id and secret in the form', () => {
    expect(read(null, { client_id: 'a', client_secret: 's' })).toEqual({
      method: 'client_secret',
      clientId: 'a',
      clientSecret: 's',
    })
  })

  it.each([
    ['plain', 'a:s', 'a', 's'],
    ['with a colon in the secret', 'a:s:t', 'a', 's:t'],
    [
      'form-encoded (RFC 6749 section 2.3.1)',
      'https%3A%2F%2Fa.example%2Fc:s%2Bt+u%25',
      'https://a.example/c',
      's+t u%',
    ],
    ['in UTF-8', 'ä:ö', 'ä', 'ö'],
  ])('by HTTP Basic, %s', (_, text, clientId, clientSecret) => {
    expect(read(basic(text))).toEqual({ method: 'client_secret', clientId, clientSecret })
  })

  it('by HTTP Basic with an empty secret, which is none', () => {
    expect(read(basic('a:'))).toEqual({ method: 'none', clientId: 'a' })
  })

  it('by HTTP Basic and the same id in the form', () => {
    expect(read(basic('a:s'), { client_id: 'a' })).toMatchObject({ clientId: 'a' })
  })

  it('by an assertion, whose subject it is (RFC 7523 section 3)', () => {
    const assertion = assertionAbout({ sub: 'a' })
    const form = { client_assertion: assertion, client_assertion_type: JWT_BEARER }
    const expected = { method: 'private_key_jwt', clientId: 'a', assertion }
    expect(read(null, form)).toEqual(expected)
    expect(read(null, { ...form, client_id: 'a' })).toEqual(expected)
  })
})

describe('credentials are refused as a bad request', () => {
  const assertion = { client_assertion: assertionAbout({ sub: 'a' }), client_assertion_type: JWT_BEARER }

  it.each([
    ['a secret in header and form', basic('a:s'), { client_secret: 's' }, 'more than one way'],
    [
      'a secret and an assertion',
      null,
      { client_id: 'a', client_secret: 's', ...assertion },
      'more than one way',
    ],
    ['a header and an assertion', basic('a:s'), assertion, 'more than one way'],
    ['another id in the form than in the header', basic('a:s'), { client_id: 'b' }, 'differs from the one'],
    [
      'another id in the form than in the assertion',
      null,
      { client_id: 'b', ...assertion },
      'differs from the sub',
    ],
    [
      'an assertion without a type',
      null,
      { client_assertion: assertion.client_assertion },
      'client_assertion_type',
    ],
    [
      'an assertion of another type',
      null,
      { ...assertion, client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:saml2-bearer' },
      'client_assertion_type',
    ],
  ])('%s', (_, authorization, form, why) => {
    expect(() => read(authorization, form)).toThrow(why)
    expect(() => read(authorization, form)).toThrow(/^invalid_request/)
  })
})

describe('credentials are refused as those of no client', () => {
  it('nothing at all', () => {
    expect(() => read(null)).toThrow(/^invalid_client: No client_id was sent/)
  })

  it.each([
    ['another scheme', 'Bearer abc'],
    ['nothing after the scheme', 'Basic '],
    ['no base64', 'Basic !!!'],
    ['no colon', basic('a')],
    ['no id', basic(':s')],
    ['an encoding that is broken', basic('%zz:s')],
    ['a secret whose encoding is broken', basic('a:%zz')],
  ])('an Authorization header with %s, and the answer names the scheme', (_, authorization) => {
    expect(() => read(authorization)).toThrow(/^invalid_client: The Authorization header must be Basic/)
    expect(() => read(authorization)).toThrow(
      expect.objectContaining({ status: 401, headers: { 'WWW-Authenticate': 'Basic realm="oauth"' } }),
    )
  })

  it.each([
    ['is no JWT', 'abc'],
    ['has claims that are no JSON', 'e30.e.e'],
    ['has claims that are no object', assertionAbout(null)],
    ['has no sub', assertionAbout({ iss: 'a' })],
    ['has an empty sub', assertionAbout({ sub: '' })],
    ['has a sub that is no string', assertionAbout({ sub: ['a'] })],
  ])('an assertion that %s', (_, assertion) => {
    const form = { client_assertion: assertion, client_assertion_type: JWT_BEARER }
    expect(() => read(null, form)).toThrow(/^invalid_client: client_assertion is not a JWT with a sub/)
  })
})
