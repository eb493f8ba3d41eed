import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createManagementTest, type ManagementTest } from '../../../tests/support/management.ts'
import { createTestDatabase, type TestDatabase } from '../../../tests/support/postgres.ts'
import { DatabaseUnavailable } from '../storage/database.ts'

let test: TestDatabase
let api: ManagementTest
beforeAll(async () => {
  test = await createTestDatabase()
  api = await createManagementTest(test.database)
})
afterAll(() => test.drop())

describe('the description of the API', () => {
  type Operation = {
    summary: string
    tags: string[]
    requestBody?: { content: object }
    responses: Record<string, { description: string; content?: object }>
  }

  async function operations(): Promise<[string, Operation][]> {
    const { body } = await api.call('GET', '/openapi.json')
    return Object.entries(body.paths as Record<string, Record<string, Operation>>).flatMap(([path, item]) =>
      Object.entries(item).map(([method, operation]): [string, Operation] => [
        `${method} ${path}`,
        operation,
      ]),
    )
  }

  it('is OpenAPI 3.1, with its address and its credentials', async () => {
    const { body, headers } = await api.call('GET', '/openapi.json')
    expect(headers.get('Content-Type')).toMatch(/^application\/json/)
    expect(body.openapi).toBe('3.1.0')
    expect(body.servers).toEqual([{ url: 'https://as.example/api' }])
    expect(Object.keys(body.components.securitySchemes).toSorted()).toEqual([
      'accessToken',
      'adminToken',
      'csrfToken',
      'session',
    ])
    for (const requirement of body.security) {
      for (const scheme of Object.keys(requirement))
        expect(body.components.securitySchemes).toHaveProperty(scheme)
    }
  })

  it('names every endpoint', async () => {
    expect((await operations()).map(([name]) => name).toSorted()).toEqual([
      'delete /clients/{client_id}',
      'delete /invitations/{invitation_id}',
      'delete /members/{user_id}',
      'delete /servers/{server_id}',
      'delete /servers/{server_id}/keys/{key_id}',
      'get /clients',
      'get /clients/{client_id}',
      'get /invitations',
      'get /members',
      'get /organization',
      'get /servers',
      'get /servers/{server_id}',
      'get /servers/{server_id}/keys',
      'patch /clients/{client_id}',
      'patch /members/{user_id}',
      'patch /organization',
      'patch /servers/{server_id}',
      'post /clients',
      'post /clients/{client_id}/secret',
      'post /invitations',
      'post /servers',
      'post /servers/{server_id}/keys',
    ])
  })

  it('says of each what it is for, and which errors it answers', async () => {
    for (const [name, operation] of await operations()) {
      const expected = ['400', '401', '403', '503']
      if (name.includes('{')) expected.push('404')
      if (operation.requestBody !== undefined) expected.push('413')
      expect([name, Object.keys(operation.responses)]).toEqual([name, expect.arrayContaining(expected)])
      expect([name, operation.summary, operation.tags]).toEqual([
        name,
        expect.any(String),
        [expect.any(String)],
      ])
      const success = Object.entries(operation.responses).filter(([status]) => status.startsWith('2'))
      expect([name, success.length]).toEqual([name, 1])
    }
  })

  it('refers to nothing that is not there', async () => {
    const { body } = await api.call('GET', '/openapi.json')
    const references = JSON.stringify(body).matchAll(/"\$ref":"#\/components\/schemas\/(.*?)"/g)
    for (const [, name] of references) expect(body.components.schemas).toHaveProperty(name as string)
    for (const [name, schema] of Object.entries(
      body.components.schemas as Record<string, { example?: unknown }>,
    )) {
      if (!['NewServer', 'ServerChange', 'Error'].includes(name) && !/^New|Change$/.test(name)) {
        expect([name, schema.example]).toEqual([name, expect.anything()])
      }
    }
  })
})

describe('a member that is not known', () => {
  const SERVER = { server_url: 'https://misspelt.example/mcp', server_name: 'Files', scopes: ['read'] }
  it.each([
    ['POST', '/servers', { ...SERVER, acces: 'everyone' }, 'acces'],
    [
      'POST',
      '/servers',
      { ...SERVER, scopes: [{ name: 'read', desription: 'Read' }] },
      'scopes.0.desription',
    ],
    ['POST', '/servers', { ...SERVER, access: { emails: ['a@b.example'], domain: [] } }, 'access.domain'],
    ['PATCH', '/servers/srv_any', { acces: { emails: ['ada@example.com'] } }, 'acces'],
    ['POST', '/servers/srv_any/keys', { name: 'one', expires: 60 }, 'expires'],
    ['POST', '/clients', { redirect_uri: 'https://app.example/callback' }, 'redirect_uri'],
    [
      'POST',
      '/clients',
      { servers: [{ server_id: 'srv_any', scopes: ['a'], scope: 'a' }] },
      'servers.0.scope',
    ],
    ['PATCH', '/clients/cli_any', { redirect_uri: 'https://app.example/callback' }, 'redirect_uri'],
    ['PATCH', '/organization', { policy: 'registered' }, 'policy'],
    ['PATCH', '/organization', { client_policy: { domains: ['a.example'], all: true } }, 'client_policy.all'],
    ['PATCH', '/members/usr_any', { role: 'admin', owner: true }, 'owner'],
    ['POST', '/invitations', { email: 'ada@example.com', rol: 'admin' }, 'rol'],
  ])('%s %s %j is refused by its name', async (method, path, body, name) => {
    const answer = await api.asAdmin(method, path, body)
    expect([answer.status, answer.body.error]).toEqual([400, 'invalid_request'])
    expect(answer.body.error_description).toMatch(
      new RegExp(`^${name.replaceAll('.', '\\.')}: is no member here; there is [a-z_, ]+\\.$`),
    )
  })
})

describe('a value that does not do is refused in our words', () => {
  const email = 'must be an e-mail address such as ada@example.com'
  const limit = 'must be a whole number from 1 to 100'
  const seconds = 'must be a whole number of seconds from 1 to 315576000, or null'
  const LISTED = { server_url: 'https://listed.example/mcp', server_name: 'Files', scopes: ['read'] }
  it.each([
    ['POST', '/invitations', { email: 'ada' }, `email: ${email}.`],
    ['POST', '/invitations', { email: `${'a'.repeat(300)}@b.example` }, `email: ${email}.`],
    ['POST', '/servers', { ...LISTED, access: { emails: ['x'] } }, `access.emails.0: ${email}.`],
    ...['abc', '0', '101', '1.5'].map(
      (text) => ['GET', `/servers?limit=${text}`, undefined, `limit: ${limit}.`] as const,
    ),
    ...[0, -1, 1.5, '60', 1e12].map(
      (expires_in) =>
        ['POST', '/servers/srv_any/keys', { name: 'one', expires_in }, `expires_in: ${seconds}.`] as const,
    ),
  ] as const)('%s %s %j', async (method, path, body, sentence) => {
    const answer = await api.asAdmin(method, path, body)
    expect([answer.status, answer.body.error_description]).toEqual([400, sentence])
  })
})

describe('a failure', () => {
  it('of the database is 503, to be tried again', async () => {
    const broken = await createManagementTest(test.database)
    broken.context.storage.listServers = () => Promise.reject(new DatabaseUnavailable())
    const { status, headers, body } = await broken.asAdmin('GET', '/servers')
    expect([status, body.error]).toEqual([503, 'temporarily_unavailable'])
    expect(headers.get('Retry-After')).toMatch(/^\d+$/)
  })

  it('of ours says nothing of the inside', async () => {
    const broken = await createManagementTest(test.database)
    broken.context.storage.listServers = () => Promise.reject(new Error('secret detail'))
    const { status, body } = await broken.asAdmin('GET', '/servers')
    expect([status, body.error]).toEqual([500, 'server_error'])
    expect(JSON.stringify(body)).not.toContain('secret detail')
  })
})

it('answers no preflight of a browser elsewhere', async () => {
  const headers = { Origin: 'https://evil.example', 'Access-Control-Request-Method': 'POST' }
  const answer = await api.call('OPTIONS', '/servers', undefined, headers)
  expect(answer.status).toBe(401)
  expect([...answer.headers.keys()].filter((name) => name.startsWith('access-control'))).toEqual([])
})
