/** The name under which all reach it. */
export const HOST = 'hydra.example'

/** The sets of keys that sign ID tokens and access tokens. */
export const KEY_SETS = ['hydra.openid.id-token', 'hydra.jwt.access-token']

/** Has ES256 sign, where by itself RS256 does, which is much slower. */
export async function replaceKeys(adminPort: number): Promise<void> {
  for (const set of KEY_SETS) {
    await ask(adminPort, 'DELETE', `/admin/keys/${set}`)
    await ask(adminPort, 'POST', `/admin/keys/${set}`, { alg: 'ES256', kid: `${set}-es256`, use: 'sig' })
  }
}

export interface Client {
  id: string
  secret: string
}

/** For machines; its tokens are of the one kind or of the other. */
export async function createMachine(adminPort: number, strategy: 'jwt' | 'opaque'): Promise<Client> {
  const secret = 'the-secret-of-a-machine-for-one-benchmark'
  const id = await createClient(adminPort, {
    client_secret: secret,
    grant_types: ['client_credentials'],
    token_endpoint_auth_method: 'client_secret_basic',
    access_token_strategy: strategy,
  })
  return { id, secret }
}

export const REDIRECT_URI = 'https://app.example/callback'
export const SCOPE = 'offline_access files:read files:write'

/** What people authorize: it has no secret, as clients of MCP have none. */
export async function createApp(adminPort: number): Promise<string> {
  return createClient(adminPort, {
    grant_types: ['authorization_code', 'refresh_token'],
    response_types: ['code'],
    redirect_uris: [REDIRECT_URI],
    scope: SCOPE,
    token_endpoint_auth_method: 'none',
    access_token_strategy: 'jwt',
  })
}

async function createClient(adminPort: number, client: object): Promise<string> {
  const { client_id } = await ask(adminPort, 'POST', '/admin/clients', client)
  if (typeof client_id !== 'string') throw new Error('Hydra made no client.')
  return client_id
}

async function ask(
  port: number,
  method: string,
  path: string,
  body?: object,
): Promise<{ client_id?: unknown }> {
  const response = await fetch(`http://127.0.0.1:${port}${path}`, {
    method,
    headers: { 'Content-Type': 'application/json' },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  })
  const text = await response.text()
  if (!response.ok) throw new Error(`Hydra answers ${path} with ${response.status}: ${text}`)
  return text === '' ? {} : JSON.parse(text)
}
