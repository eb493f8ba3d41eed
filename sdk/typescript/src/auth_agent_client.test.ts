import { describe, expect, test } from 'vitest'
import { AuthAgentClient } from './auth_agent_client.ts'
import { createTestPlatform } from './testing/platform.ts'

interface Sent {
  url: string
  method: string | undefined
  authorization: string | null
  body: Record<string, string>
}

/** A client whose server answers so, and what it was sent. */
function connect(respond: () => Response | Promise<Response>, authServer = 'https://auth.example/tenant') {
  const sent: Sent[] = []
  const platform = createTestPlatform(async (url, { method, headers, body }) => {
    const authorization = new Headers(headers).get('Authorization')
    sent.push({
      url,
      method,
      authorization,
      body: Object.fromEntries(new URLSearchParams(String(body ?? ''))),
    })
    return respond()
  })
  const options = { apiKey: 'sk_test', serverId: 'srv_test', authServer }
  return { client: new AuthAgentClient(options, platform), sent }
}

const answer =
  (body: unknown, status = 200) =>
  () =>
    Response.json(body, { status })

test('introspectToken asks with the API key', async () => {
  const { client, sent } = connect(answer({ active: true, sub: 'user_1' }))
  expect(await client.introspectToken('abc')).toEqual({ active: true, sub: 'user_1' })
  const authorization = 'Bearer sk_test'
  expect(sent).toEqual([
    { url: 'https://auth.example/tenant/introspect', method: 'POST', authorization, body: { token: 'abc' } },
  ])
})

test('what is not active to the letter is not active', async () => {
  for (const active of ['true', 1, null, undefined]) {
    expect((await connect(answer({ active })).client.introspectToken('abc')).active).toBe(false)
  }
})

describe('where it cannot be told, the code is temporarily_unavailable', () => {
  const failures: Record<string, () => Response | Promise<Response>> = {
    'no answer': () => Promise.reject(new TypeError('fetch failed')),
    'a failure': answer({ active: true }, 500),
    'a refused key': answer({ active: true }, 401),
    'another success': answer({ active: true }, 201),
    'a redirect': () => new Response(null, { status: 302, headers: { Location: 'https://mallory.example' } }),
    'no JSON': () => new Response('active'),
    'a list': answer([{ active: true }]),
  }
  test.each(Object.entries(failures))('%s', async (_, respond) => {
    const asked = connect(respond).client.introspectToken('abc')
    await expect(asked).rejects.toMatchObject({ name: 'AuthAgentError', code: 'temporarily_unavailable' })
    await expect(asked).rejects.not.toThrow('sk_test')
  })
})

test('revokeToken passes on the code of a refusal', async () => {
  const { client, sent } = connect(() => new Response(null, { status: 200 }))
  await client.revokeToken('abc')
  expect(sent[0]).toMatchObject({ url: 'https://auth.example/tenant/revoke', body: { token: 'abc' } })
  const refused = connect(
    answer({ error: 'invalid_client', error_description: 'This API key was revoked.' }, 401),
  )
  await expect(refused.client.revokeToken('abc')).rejects.toMatchObject({
    code: 'invalid_client',
    message: 'This API key was revoked.',
  })
})

test('getServerMetadata puts the well-known path in, and believes only the issuer that it asked', async () => {
  const { client, sent } = connect(answer({ issuer: 'https://auth.example/tenant' }))
  expect(await client.getServerMetadata()).toEqual({ issuer: 'https://auth.example/tenant' })
  expect(sent[0]?.url).toBe('https://auth.example/.well-known/oauth-authorization-server/tenant')
  expect(sent[0]?.authorization).toBeNull()
  for (const issuer of ['https://auth.example/tenant/', 'https://mallory.example', undefined]) {
    await expect(connect(answer({ issuer })).client.getServerMetadata()).rejects.toMatchObject({
      code: 'invalid_issuer',
    })
  }
})

test('exchangeToken is RFC 8693', async () => {
  const issued = {
    access_token: 'new',
    issued_token_type: 'urn:ietf:params:oauth:token-type:access_token',
    token_type: 'Bearer',
  }
  const { client, sent } = connect(answer(issued))
  const exchange = {
    subjectToken: 'abc',
    actorToken: 'me',
    resource: 'https://other.example',
    scopes: ['a', 'b'],
  }
  expect(await client.exchangeToken(exchange)).toEqual(issued)
  expect(sent[0]).toEqual({
    url: 'https://auth.example/tenant/token',
    method: 'POST',
    authorization: `Basic ${btoa('srv_test:sk_test')}`,
    body: {
      grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
      subject_token: 'abc',
      subject_token_type: 'urn:ietf:params:oauth:token-type:access_token',
      actor_token: 'me',
      actor_token_type: 'urn:ietf:params:oauth:token-type:access_token',
      resource: 'https://other.example',
      scope: 'a b',
    },
  })
  const refused = connect(answer({ error: 'invalid_target' }, 400))
  await expect(refused.client.exchangeToken(exchange)).rejects.toMatchObject({ code: 'invalid_target' })
  const withoutId = new AuthAgentClient({ apiKey: 'sk_test' })
  await expect(withoutId.exchangeToken(exchange)).rejects.toThrow(TypeError)
})
