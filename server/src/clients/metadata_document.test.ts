import { describe, expect, it } from 'vitest'
import { checkMetadataDocumentId, isMetadataDocumentId, parseMetadataDocument } from './metadata_document.ts'

const URL = 'https://client.example.com/oauth/metadata.json'
const DOCUMENT = { client_id: URL, client_name: 'Editor', redirect_uris: ['http://127.0.0.1/callback'] }

const parse = (document: unknown, url = URL) =>
  parseMetadataDocument(Buffer.from(JSON.stringify(document)), url)

describe('a client_id', () => {
  it.each([
    [URL, true],
    ['http://localhost:3000/client.json', true],
    ['dcr_abc.def', false],
    ['cli_abc', false],
    ['HTTPS://client.example.com/x', false],
    ['ftp://client.example.com/x', false],
  ])('%s names a metadata document: %s', (clientId, expected) => {
    expect(isMetadataDocumentId(clientId)).toBe(expected)
  })
})

describe('the URL of a metadata document', () => {
  it.each([
    URL,
    'https://client.example.com/a',
    'https://client.example.com:8443/a?b=c',
    'http://localhost:3000/a',
  ])('may be %s', (url) => {
    expect(() => checkMetadataDocumentId(url)).not.toThrow()
  })

  it.each([
    ['https://', 'malformed'],
    ['https://client.example.com:99999/a', 'malformed'],
    [`https://client.example.com/${'a'.repeat(500)}`, 'longer than 500 characters'],
    ['https://client.example.com/a#', 'has a fragment'],
    ['https://client.example.com/a#b', 'has a fragment'],
    ['https://user@client.example.com/a', 'contains user information'],
    ['https://:password@client.example.com/a', 'contains user information'],
    ['https://client.example.com', 'has no path'],
    ['https://client.example.com/', 'has no path'],
    ['https://client.example.com/?a', 'has no path'],
    [
      'https://client.example.com/a/../b',
      'is not in its normal form; write it as https://client.example.com/b',
    ],
    ['https://client.example.com/a/%2e%2e/b', 'is not in its normal form'],
    ['https://client.example.com/./b', 'is not in its normal form'],
    ['https://CLIENT.example.com/b', 'is not in its normal form'],
    ['https://client.example.com:443/b', 'is not in its normal form'],
    ['https://client.example.com/a b', 'is not in its normal form'],
    ['https://client.example.com\\b', 'is not in its normal form'],
    ['https://0x7f.1/b', 'is not in its normal form'],
  ])('may not be %s, which %s', (url, why) => {
    expect(() => checkMetadataDocumentId(url)).toThrow(why)
    expect(() => checkMetadataDocumentId(url)).toThrow(/^invalid_client/)
  })
})

describe('a metadata document', () => {
  it('describes a public client unless it says otherwise', () => {
    expect(parse(DOCUMENT)).toEqual({
      client_name: 'Editor',
      redirect_uris: ['http://127.0.0.1/callback'],
      grant_types: ['authorization_code', 'refresh_token'],
      token_endpoint_auth_method: 'none',
      application_type: 'native',
      id_token_signed_response_alg: 'RS256',
    })
  })

  it('may describe one that authenticates by its keys, as that of ChatGPT does', () => {
    const jwks_uri = 'https://client.example.com/jwks.json'
    const document = { ...DOCUMENT, token_endpoint_auth_method: 'private_key_jwt', jwks_uri }
    expect(parse(document)).toMatchObject({ token_endpoint_auth_method: 'private_key_jwt', jwks_uri })
  })

  it.each([
    ['is no JSON', Buffer.from('<html>')],
    ['is empty', Buffer.from('')],
    ['is not UTF-8', Buffer.from([0x22, 0xff, 0x22])],
    ['spells a NUL', Buffer.from('{"client_name":"x\\u0000"}')],
    ['spells half a surrogate pair', Buffer.from('{"client_name":"\\ud800"}')],
  ])('is refused when it %s', (_, body) => {
    expect(() => parseMetadataDocument(body, URL)).toThrow('it is not JSON in UTF-8')
  })

  it.each([
    ['is a list', [], 'cannot be used'],
    ['is null', null, 'cannot be used'],
    ['has no client_id', { ...DOCUMENT, client_id: undefined }, 'client_id'],
    ['is about another client', { ...DOCUMENT, client_id: `${URL}2` }, 'its client_id is not its own URL'],
    [
      'spells its client_id in another way',
      { ...DOCUMENT, client_id: URL.toUpperCase() },
      'its client_id is not its own URL',
    ],
    ['holds a secret', { ...DOCUMENT, client_secret: 's' }, 'client_secret must not be in a public document'],
    [
      'says when a secret expires',
      { ...DOCUMENT, client_secret_expires_at: 0 },
      'client_secret_expires_at must not',
    ],
    [
      'has a secret to authenticate with',
      { ...DOCUMENT, token_endpoint_auth_method: 'client_secret_post' },
      'cannot be used here',
    ],
    ['has client credentials alone', { ...DOCUMENT, grant_types: ['client_credentials'] }, 'grant_types'],
    [
      'redirects where nobody may',
      { ...DOCUMENT, redirect_uris: ['javascript:alert(1)'] },
      'has the scheme javascript',
    ],
    ['has no redirect URI', { client_id: URL, client_name: 'Client' }, 'redirect_uris is missing'],
    [
      'has a private key',
      { ...DOCUMENT, jwks: { keys: [{ kty: 'EC', d: 'd' }] } },
      'private or symmetric key',
    ],
  ])('is refused when it %s', (_, document, why) => {
    expect(() => parse(document)).toThrow(why)
    expect(() => parse(document)).toThrow(/^invalid_client: The client id metadata document cannot be used/)
  })
})
