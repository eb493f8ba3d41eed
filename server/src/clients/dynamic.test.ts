import { beforeAll, describe, expect, it } from 'vitest'
import { createPurposeKeys } from '../../../tests/support/purpose_keys.ts'
import type { PurposeKeys } from '../keys/purpose_keys.ts'
import { isDynamicClientSecret, openDynamicClientId, registerDynamicClient } from './dynamic.ts'

const PUBLIC = {
  client_name: 'Editor',
  redirect_uris: ['http://127.0.0.1/callback'],
  token_endpoint_auth_method: 'none',
}
const CONFIDENTIAL = { ...PUBLIC, token_endpoint_auth_method: 'client_secret_post' }

let keys: PurposeKeys

beforeAll(async () => {
  keys = await createPurposeKeys()
})

const register = (input: unknown) => registerDynamicClient(keys, input)
const open = (clientId: string) => openDynamicClientId(keys, clientId)

describe('a dynamic registration', () => {
  it('seals the metadata into the id, and the id gives it back', () => {
    const { clientId, metadata } = register(PUBLIC)
    expect(clientId).toMatch(/^dcr_[\w-]+\.[\w-]{43}$/)
    expect(open(clientId)).toEqual(metadata)
    expect(metadata).toMatchObject(PUBLIC)
  })

  it('of the same public client is the same client, 42 times (mcphub#1174)', () => {
    const { token_endpoint_auth_method, ...rest } = PUBLIC
    const ids = Array.from({ length: 42 }, (_, index) =>
      index % 2 === 0
        ? register(PUBLIC)
        : register({ token_endpoint_auth_method, software_version: index, ...rest }),
    )
    expect(new Set(ids.map(({ clientId }) => clientId)).size).toBe(1)
  })

  it('of a public client has no secret', () => {
    expect(register(PUBLIC).clientSecret).toBeUndefined()
  })

  it.each(['client_secret_basic', 'client_secret_post', undefined])(
    'of a confidential client is another each time, with a secret of its own: %s',
    (method) => {
      const input = { ...PUBLIC, token_endpoint_auth_method: method }
      const [one, two] = [register(input), register(input)]
      expect(one.clientId).not.toBe(two.clientId)
      expect(one.clientSecret).toMatch(/^[\w-]{43}$/)
      expect(one.clientSecret).not.toBe(two.clientSecret)
      expect(open(one.clientId)).toEqual(one.metadata)
    },
  )

  it('with private_key_jwt needs no secret', () => {
    const jwks_uri = 'https://client.example.com/jwks.json'
    expect(
      register({ ...PUBLIC, token_endpoint_auth_method: 'private_key_jwt', jwks_uri }).clientSecret,
    ).toBeUndefined()
  })

  it.each([
    [
      'is refused for client credentials: it has nothing of its own',
      { ...PUBLIC, grant_types: ['client_credentials'] },
      'grant_types',
    ],
    [
      'is refused for another way to authenticate',
      { ...PUBLIC, token_endpoint_auth_method: 'self_signed' },
      'token_endpoint_auth_method',
    ],
    ['is refused without metadata', undefined, 'The document'],
    [
      'is refused where the id would be longer than 1 KiB',
      {
        ...PUBLIC,
        redirect_uris: Array.from(
          { length: 20 },
          (_, index) => `https://client.example.com/callback/${index}`,
        ),
      },
      'The metadata is too long: it must fit a client_id of 1024 bytes',
    ],
  ])('%s', (_, input, why) => {
    expect(() => register(input)).toThrow(why)
    expect(() => register(input)).toThrow(/^invalid_client_metadata/)
  })
})

describe('an id that claims to be a dynamic client', () => {
  it.each([
    ['is something else', () => 'client'],
    ['has no mac', (id: string) => id.split('.')[0] ?? ''],
    ['has another payload', (id: string) => id.replace('dcr_e', 'dcr_f')],
    ['has another mac', (id: string) => id.replace(/\.[\w-]{43}$/, `.${'A'.repeat(43)}`)],
    ['is longer than any that we made', (id: string) => `dcr_${'A'.repeat(1_000)}${id.slice(4)}`],
    ['has something before it', (id: string) => ` ${id}`],
    ['has something after it', (id: string) => `${id}\n`],
    ['has a payload that is padded', (id: string) => id.replace('.', '=.')],
  ])('is unknown when it %s', (_, change) => {
    expect(open(change(register(PUBLIC).clientId))).toBeUndefined()
  })

  it('is unknown when another server made it', async () => {
    const { clientId } = registerDynamicClient(await createPurposeKeys(), PUBLIC)
    expect(open(clientId)).toBeUndefined()
  })

  it('is not parsed before its mac is checked', () => {
    const payload = Buffer.from('this is no JSON').toString('base64url')
    expect(open(`dcr_${payload}.${'A'.repeat(43)}`)).toBeUndefined()
  })

  it('is not one whose mac was made for something else', () => {
    const payload = Buffer.from('{"metadata":{}}').toString('base64url')
    for (const purpose of ['refresh_token', 'digest', 'client_secret', 'browser'] as const) {
      expect(open(`dcr_${payload}.${keys.mac(purpose, payload).toString('base64url')}`)).toBeUndefined()
    }
  })
})

describe('the secret of a dynamic client', () => {
  it('is known without being stored', () => {
    const { clientId, clientSecret = '' } = register(CONFIDENTIAL)
    expect(isDynamicClientSecret(keys, clientId, clientSecret)).toBe(true)
  })

  it.each([
    ['is empty', () => ''],
    ['is cut short', (secret: string) => secret.slice(0, -1)],
    ['is another one’s', () => registerDynamicClient(keys, CONFIDENTIAL).clientSecret ?? ''],
  ])('is wrong when it %s', (_, change) => {
    const { clientId, clientSecret = '' } = register(CONFIDENTIAL)
    expect(isDynamicClientSecret(keys, clientId, change(clientSecret))).toBe(false)
  })
})
