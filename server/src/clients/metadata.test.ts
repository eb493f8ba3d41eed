import { describe, expect, it } from 'vitest'
import { metadataDigest, normalForm, parseClientMetadata } from './metadata.ts'

const REDIRECT = { redirect_uris: ['https://client.example.com/callback'] }
const PUBLIC_KEY = { kty: 'EC', crv: 'P-256', x: 'x', y: 'y' }

describe('client metadata', () => {
  it('gets its defaults', () => {
    expect(parseClientMetadata(REDIRECT)).toEqual({
      ...REDIRECT,
      grant_types: ['authorization_code', 'refresh_token'],
      token_endpoint_auth_method: 'client_secret_basic',
      application_type: 'web',
      id_token_signed_response_alg: 'RS256',
    })
  })

  it('keeps what is known, and drops what is not (RFC 7591 section 2)', () => {
    const known = {
      ...REDIRECT,
      client_name: 'Editor',
      client_uri: 'https://client.example.com/',
      grant_types: ['authorization_code'],
      token_endpoint_auth_method: 'private_key_jwt',
      application_type: 'native',
      id_token_signed_response_alg: 'EdDSA',
      scope: 'files:read',
      post_logout_redirect_uris: ['https://client.example.com/'],
      jwks_uri: 'https://client.example.com/jwks.json',
    }
    expect(
      parseClientMetadata({ ...known, software_id: 'x', response_types: ['code'], __proto__: { a: 1 } }),
    ).toEqual(known)
  })

  it('trims a name', () => {
    expect(parseClientMetadata({ ...REDIRECT, client_name: '  Editor ' }).client_name).toBe('Editor')
  })

  it.each(['not a url', 'http://client.example.com', 'javascript:alert(1)', 'data:text/html,x'])(
    'drops a client_uri that is no https URL: %s',
    (client_uri) => {
      expect(parseClientMetadata({ ...REDIRECT, client_uri })).not.toHaveProperty('client_uri')
    },
  )

  it('drops grant and response types that this server does not have, while some are left', () => {
    const { grant_types } = parseClientMetadata({
      ...REDIRECT,
      grant_types: ['implicit', 'authorization_code', 'password'],
      response_types: ['code', 'token'],
    })
    expect(grant_types).toEqual(['authorization_code'])
  })

  it.each([
    [['https://client.example.com/'], 'web'],
    [['http://127.0.0.1/'], 'native'],
    [['com.example.app:/', 'http://localhost/'], 'native'],
    [['https://client.example.com/', 'http://127.0.0.1/'], 'web'],
  ])('of a client that redirects to %j is that of a %s client', (redirect_uris, type) => {
    expect(parseClientMetadata({ redirect_uris }).application_type).toBe(type)
  })

  it('needs no redirect URI for client credentials alone', () => {
    expect(parseClientMetadata({ grant_types: ['client_credentials'] })).toMatchObject({ redirect_uris: [] })
  })
})

describe('client metadata is refused', () => {
  it.each([
    ['that is nothing', undefined, 'The document'],
    ['that is null', null, 'The document'],
    ['that is a list', [], 'The document'],
    ['that is a text', 'x', 'The document'],
    ['whose name is no text', { ...REDIRECT, client_name: 1 }, 'client_name'],
    ['whose name is too long', { ...REDIRECT, client_name: 'a'.repeat(121) }, 'client_name'],
    ['whose redirect URIs are no list', { redirect_uris: 'https://client.example.com' }, 'redirect_uris'],
    ['whose redirect URI is no text', { redirect_uris: [1] }, 'redirect_uris.0'],
    [
      'with too many redirect URIs',
      { redirect_uris: Array(21).fill(REDIRECT.redirect_uris[0]) },
      'redirect_uris',
    ],
    [
      'with a redirect URI that is too long',
      { redirect_uris: [`https://a.example/${'a'.repeat(500)}`] },
      'redirect_uris.0',
    ],
    [
      'with an unknown way to authenticate',
      { ...REDIRECT, token_endpoint_auth_method: 'tls_client_auth' },
      'token_endpoint_auth_method',
    ],
    ['with an unknown type', { ...REDIRECT, application_type: 'desktop' }, 'application_type'],
    [
      'with id_tokens signed with none',
      { ...REDIRECT, id_token_signed_response_alg: 'none' },
      'id_token_signed_response_alg',
    ],
    [
      'with id_tokens signed with HS256',
      { ...REDIRECT, id_token_signed_response_alg: 'HS256' },
      'id_token_signed_response_alg',
    ],
    [
      'without the response type code',
      { ...REDIRECT, response_types: ['token'] },
      'response_types must include code',
    ],
    [
      'with no grant type of ours',
      { ...REDIRECT, grant_types: ['implicit'] },
      'grant_types must include one of',
    ],
    [
      'with refresh_token alone',
      { ...REDIRECT, grant_types: ['refresh_token'] },
      'grant_types must include one of',
    ],
    ['with no grant type', { ...REDIRECT, grant_types: [] }, 'grant_types must include one of'],
    ['with a key set that is no object', { ...REDIRECT, jwks: [] }, 'jwks'],
    ['with a key set that is empty', { ...REDIRECT, jwks: { keys: [] } }, 'jwks.keys'],
    ['with a key set too large', { ...REDIRECT, jwks: { keys: Array(21).fill(PUBLIC_KEY) } }, 'jwks.keys'],
    [
      'with a private key',
      { ...REDIRECT, jwks: { keys: [{ ...PUBLIC_KEY, d: 'd' }] } },
      'private or symmetric',
    ],
    [
      'with a symmetric key',
      { ...REDIRECT, jwks: { keys: [{ kty: 'oct', k: 'k' }] } },
      'private or symmetric',
    ],
    [
      'with a secret in a key',
      { ...REDIRECT, jwks: { keys: [{ ...PUBLIC_KEY, k: 'k' }] } },
      'private or symmetric',
    ],
    ['with a jwks_uri that is no https URL', { ...REDIRECT, jwks_uri: 'http://a.example/jwks' }, 'jwks_uri'],
    [
      'with jwks and jwks_uri',
      { ...REDIRECT, jwks: { keys: [PUBLIC_KEY] }, jwks_uri: 'https://a.example/jwks' },
      'exclude each other',
    ],
    [
      'with private_key_jwt and no key',
      { ...REDIRECT, token_endpoint_auth_method: 'private_key_jwt' },
      'needs jwks or jwks_uri',
    ],
  ])('%s', (_, input, why) => {
    expect(() => parseClientMetadata(input)).toThrow(why)
    expect(() => parseClientMetadata(input)).toThrow(/^invalid_client_metadata/)
  })

  it.each([
    ['with the code grant and no redirect URI', {}],
    ['with a redirect URI that nobody may have', { redirect_uris: ['javascript:alert(1)'] }],
    [
      'with such a URI among good ones',
      { redirect_uris: [...REDIRECT.redirect_uris, 'http://client.example.com/'] },
    ],
    ['with such a URI after logout', { ...REDIRECT, post_logout_redirect_uris: ['data:text/html,x'] }],
  ])('%s', (_, input) => {
    expect(() => parseClientMetadata(input)).toThrow(/^invalid_redirect_uri/)
  })

  it('with a way to authenticate that this kind of client does not have', () => {
    const rules = {
      defaultAuthMethod: 'none',
      authMethods: ['none'],
      grantTypes: ['authorization_code'],
    } as const
    expect(() =>
      parseClientMetadata({ ...REDIRECT, token_endpoint_auth_method: 'client_secret_post' }, rules),
    ).toThrow('token_endpoint_auth_method client_secret_post cannot be used here; use none.')
    expect(() => parseClientMetadata({ grant_types: ['client_credentials'] }, rules)).toThrow('grant_types')
  })
})

describe('the normal form', () => {
  const metadata = parseClientMetadata({
    ...REDIRECT,
    client_name: 'Editor',
    redirect_uris: ['https://a.example/', 'https://b.example/'],
    jwks: { keys: [PUBLIC_KEY] },
  })

  it('is the same whatever the order of members and of lists', () => {
    const { kty, ...rest } = PUBLIC_KEY
    const reordered = parseClientMetadata({
      jwks: { keys: [{ ...rest, kty }] },
      redirect_uris: ['https://b.example/', 'https://a.example/', 'https://b.example/'],
      client_name: 'Editor',
    })
    expect(normalForm(reordered)).toBe(normalForm(metadata))
    expect(metadataDigest(reordered)).toEqual(metadataDigest(metadata))
  })

  it('says the same as the metadata, with the lists inside of a key as they are', () => {
    const key = { ...PUBLIC_KEY, x5c: ['leaf', 'intermediate'] }
    const withChain = { ...metadata, jwks: { keys: [key] } }
    expect(JSON.parse(normalForm(withChain))).toEqual(withChain)
  })

  it.each([
    { client_name: 'editor' },
    { redirect_uris: ['https://a.example/'] },
    { scope: 'files:read' },
    { jwks: { keys: [{ ...PUBLIC_KEY, x: 'z' }] } },
  ])('differs where the metadata differs: %j', (change) => {
    expect(metadataDigest({ ...metadata, ...change })).not.toEqual(metadataDigest(metadata))
  })
})
