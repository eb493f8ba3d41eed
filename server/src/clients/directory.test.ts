import { beforeEach, describe, expect, it } from 'vitest'
import { createPurposeKeys } from '../../../tests/support/purpose_keys.ts'
import type { PurposeKeys } from '../keys/purpose_keys.ts'
import type { ClientStorage, RegisteredClientRow } from '../storage/clients.ts'
import { clientDigest } from './client.ts'
import { type ClientDirectory, createClientDirectory } from './directory.ts'
import { registerDynamicClient } from './dynamic.ts'
import { PublicFetchError } from './public_fetch.ts'

const CLIENT_URL = 'https://client.example.com/metadata.json'
const JWKS_URL = 'https://client.example.com/jwks.json'
const KEY = { kty: 'EC', crv: 'P-256', x: 'x', y: 'y', kid: 'one' }

let now: number
let keys: PurposeKeys
let documents: Map<string, unknown>
let fetched: number
let rows: RegisteredClientRow[]
let directory: ClientDirectory

beforeEach(async () => {
  now = 1_000_000
  keys = await createPurposeKeys()
  documents = new Map<string, unknown>([[CLIENT_URL, documentOf({})]])
  fetched = 0
  rows = []
  directory = createClientDirectory({
    storage: {
      findRegisteredClient: async (digest: Buffer) => rows.find((row) => row.digest.equals(digest)),
    } as ClientStorage,
    purposeKeys: keys,
    now: () => now,
    async fetchPublicUrl(url) {
      fetched += 1
      const document = documents.get(url.href)
      if (document instanceof Error) throw document
      if (document === undefined) throw new PublicFetchError('status', 'it answered 404.')
      return {
        body: Buffer.from(JSON.stringify(document)),
        contentType: 'application/json',
        cacheControl: '',
      }
    },
  })
})

function documentOf(more: object): object {
  return { client_id: CLIENT_URL, client_name: 'Editor', redirect_uris: ['http://127.0.0.1/'], ...more }
}

async function find(clientId: string) {
  const client = await directory.find(clientId)
  if (client === undefined) throw new Error(`${clientId} is not known.`)
  return client
}

describe('a client is found', () => {
  it('by its metadata document, whose host vouches for it', async () => {
    expect(await find(CLIENT_URL)).toMatchObject({
      clientId: CLIENT_URL,
      digest: clientDigest(CLIENT_URL),
      source: 'metadata_document',
      verifiedDomain: 'client.example.com',
      organizationId: 'org_root',
      metadata: { client_name: 'Editor' },
    })
  })

  it('by what its id carries, and nobody vouches for it', async () => {
    const { clientId } = registerDynamicClient(keys, documentOf({}))
    const client = await find(clientId)
    expect(client).toMatchObject({ source: 'dynamic', metadata: { client_name: 'Editor' } })
    expect(client).not.toHaveProperty('verifiedDomain')
    expect(fetched).toBe(0)
  })

  it('by its row', async () => {
    rows.push({
      client_id: 'cli_ledger',
      digest: clientDigest('cli_ledger'),
      source: 'registered',
      organization_id: 'org_other',
      metadata: { client_name: 'Ledger' },
      secret_digest: Buffer.from('digest'),
    } as RegisteredClientRow)
    expect(await find('cli_ledger')).toMatchObject({
      source: 'registered',
      organizationId: 'org_other',
      secretDigest: Buffer.from('digest'),
    })
  })

  it.each(['cli_unknown', 'dcr_unknown', 'dcr_e30.AAAA', ''])('or is not known: %s', async (clientId) => {
    expect(await directory.find(clientId)).toBeUndefined()
  })
})

describe('a metadata document', () => {
  it.each([
    ['is not there', new PublicFetchError('status', 'it answered 404.'), 'it answered 404'],
    ['is too large', new PublicFetchError('too_large', 'it is too large.'), 'it is too large'],
    [
      'is at an address that nobody may name',
      new PublicFetchError('address_not_allowed', 'no.'),
      'could not be used',
    ],
    ['fails in another way', new TypeError('inside'), 'it is not a document of the expected form'],
    [
      'is about somebody else',
      documentOf({ client_id: 'https://other.example/x' }),
      'its client_id is not its own URL',
    ],
  ])('that %s makes its client invalid', async (_, document, why) => {
    documents.set(CLIENT_URL, document)
    await expect(directory.find(CLIENT_URL)).rejects.toMatchObject({
      code: 'invalid_client',
      status: 401,
      description: expect.stringContaining(why),
    })
  })

  it.each(['unreachable', 'timeout'] as const)('whose host is %s may be had later', async (code) => {
    documents.set(CLIENT_URL, new PublicFetchError(code, 'it cannot be reached.'))
    await expect(directory.find(CLIENT_URL)).rejects.toMatchObject({
      code: 'temporarily_unavailable',
      status: 503,
      headers: { 'Retry-After': '30' },
    })
  })

  it('is not fetched at all where its URL cannot be one', async () => {
    await expect(directory.find('https://client.example.com/#x')).rejects.toMatchObject({
      code: 'invalid_client',
    })
    expect(fetched).toBe(0)
  })
})

describe('the keys of a client', () => {
  const withUri = documentOf({ token_endpoint_auth_method: 'private_key_jwt', jwks_uri: JWKS_URL })
  const withKeys = (kid: string) =>
    documentOf({ token_endpoint_auth_method: 'private_key_jwt', jwks: { keys: [{ ...KEY, kid }] } })

  it('are those of its metadata, those at its jwks_uri, or none', async () => {
    expect(await directory.keysOf(await find(CLIENT_URL))).toEqual({ keys: [] })
    now += 300_001
    documents.set(CLIENT_URL, withKeys('one'))
    expect(await directory.keysOf(await find(CLIENT_URL))).toEqual({ keys: [KEY] })
    now += 300_001
    documents.set(CLIENT_URL, withUri).set(JWKS_URL, { keys: [KEY], more: 1 })
    expect(await directory.keysOf(await find(CLIENT_URL))).toEqual({ keys: [KEY] })
  })

  it.each([{}, { keys: {} }, { keys: [{ kid: 'no kty' }] }, { keys: Array(101).fill(KEY) }])(
    'make the client invalid where they are no key set: %j',
    async (keySet) => {
      documents.set(CLIENT_URL, withUri).set(JWKS_URL, keySet)
      await expect(directory.keysOf(await find(CLIENT_URL))).rejects.toMatchObject({ code: 'invalid_client' })
    },
  )

  it('are renewed from the jwks_uri, once a minute', async () => {
    documents.set(CLIENT_URL, withUri).set(JWKS_URL, { keys: [KEY] })
    const client = await find(CLIENT_URL)
    await directory.keysOf(client)
    documents.set(JWKS_URL, { keys: [{ ...KEY, kid: 'two' }] })
    expect(await directory.renewedKeysOf(client)).toBeUndefined()
    now += 60_001
    expect(await directory.renewedKeysOf(client)).toMatchObject({ keys: [{ kid: 'two' }] })
    expect(await directory.keysOf(client)).toMatchObject({ keys: [{ kid: 'two' }] })
    expect(await directory.renewedKeysOf(client)).toBeUndefined()
  })

  it('are renewed with the document that they are in', async () => {
    documents.set(CLIENT_URL, withKeys('one'))
    const client = await find(CLIENT_URL)
    documents.set(CLIENT_URL, withKeys('two'))
    now += 60_001
    expect(await directory.renewedKeysOf(client)).toMatchObject({ keys: [{ kid: 'two' }] })
    expect(await directory.keysOf(await find(CLIENT_URL))).toMatchObject({ keys: [{ kid: 'two' }] })
  })

  it('cannot be renewed where they were registered with it', async () => {
    const { clientId } = registerDynamicClient(keys, withKeys('one'))
    expect(await directory.renewedKeysOf(await find(clientId))).toBeUndefined()
    expect(fetched).toBe(0)
  })

  it('may be had later where their host is away', async () => {
    documents.set(CLIENT_URL, withUri).set(JWKS_URL, new PublicFetchError('timeout', 'it took too long.'))
    const client = await find(CLIENT_URL)
    for (const ask of [directory.keysOf, directory.renewedKeysOf]) {
      await expect(ask(client)).rejects.toMatchObject({ code: 'temporarily_unavailable' })
      now += 60_001
    }
  })
})
