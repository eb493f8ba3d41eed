import * as oidc from 'openid-client'
import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type CallbackServer, startCallbackServer } from '../support/callback_server.ts'
import { launchChromium } from '../support/chromium.ts'
import { MCP_URL, type RegisteredServer, registerServer } from '../support/flow.ts'
import { startListeningServer } from '../support/listening_server.ts'
import { signInAndAllow } from '../support/person.ts'
import { createAssertionKey, registerClientByApi } from '../support/registered_client.ts'
import { OWNER, type TestServer } from '../support/server.ts'

describe('openid-client 6', () => {
  let server: TestServer
  let mcp: RegisteredServer
  let callback: CallbackServer
  let browser: Browser

  beforeAll(async () => {
    server = await startListeningServer()
    mcp = await registerServer(server)
    callback = await startCallbackServer()
    browser = await launchChromium()
  })
  afterAll(async () => {
    await browser.close()
    await callback.close()
    await server.close()
  })

  it.each([
    ['none', 'RS256', {}],
    ['client_secret_basic', 'ES256', { id_token_signed_response_alg: 'ES256' }],
    ['client_secret_post', 'EdDSA', { id_token_signed_response_alg: 'EdDSA' }],
    ['private_key_jwt', 'RS256', {}],
  ])(
    'code flow, refresh, introspection and revocation as %s, id_token by %s',
    async (method, alg, signed) => {
      const config = await register({ token_endpoint_auth_method: method, ...signed })
      const parameters = {
        scope: 'openid email offline_access files:read',
        resource: MCP_URL,
        max_age: '600',
      }
      const { tokens, nonce } = await authorize(config, parameters, { maxAge: 600 })
      expect(headerOf(tokens.id_token)).toMatchObject({ alg, kid: expect.any(String) })
      expect(tokens.claims()).toMatchObject({
        nonce,
        email: OWNER.email,
        aud: config.clientMetadata().client_id,
      })
      expect(await introspect(tokens.access_token)).toMatchObject({
        active: true,
        scope: 'openid email files:read',
      })

      const { refresh_token = '' } = tokens
      const refreshed = await oidc.refreshTokenGrant(config, refresh_token, { resource: MCP_URL })
      expect(refreshed.claims()?.sub).toBe(tokens.claims()?.sub)
      expect(await introspect(refreshed.access_token)).toMatchObject({ active: true, aud: MCP_URL })

      await oidc.tokenRevocation(config, refreshed.refresh_token ?? '')
      expect(await introspect(refreshed.access_token)).toEqual({ active: false })
      await expect(oidc.refreshTokenGrant(config, refreshed.refresh_token ?? '')).rejects.toMatchObject({
        error: 'invalid_grant',
      })
    },
  )

  it('userinfo, by a token for the issuer', async () => {
    const config = await register({ token_endpoint_auth_method: 'none' })
    const { tokens } = await authorize(config, { scope: 'openid email' })
    const sub = tokens.claims()?.sub ?? ''
    const expected = { sub, email: OWNER.email, email_verified: true }
    expect(await oidc.fetchUserInfo(config, tokens.access_token, sub)).toEqual(expected)
  })

  it('an answer by form_post', async () => {
    const config = await register({ token_endpoint_auth_method: 'none' })
    const { url, checks } = await prepare(config, { scope: 'openid', response_mode: 'form_post' })
    const page = await browser.newPage()
    await signInAndAllow(page, url)
    const answer = await callback.nextRequest()
    expect(answer.method).toBe('POST')
    expect(new URL(answer.url).search).toBe('')
    const tokens = await oidc.authorizationCodeGrant(config, toQuery(answer.url, await answer.text()), checks)
    expect(tokens.claims()?.iss).toBe(server.issuer)
    await page.context().close()
  })

  it('client credentials of a registered client', async () => {
    const config = await register({
      grant_types: ['client_credentials'],
      token_endpoint_auth_method: 'client_secret_basic',
      redirect_uris: [],
      servers: [{ server_id: mcp.server_id, scopes: ['files:read'] }],
    })
    const tokens = await oidc.clientCredentialsGrant(config, { resource: MCP_URL, scope: 'files:read' })
    const { client_id } = config.clientMetadata()
    const expected = { active: true, client_id, sub: client_id, scope: 'files:read' }
    expect(await introspect(tokens.access_token)).toMatchObject(expected)
  })

  it.each(['none', 'client_secret_post', 'client_secret_basic'])(
    'dynamic registration as %s',
    async (method) => {
      const metadata = { redirect_uris: [callback.url], token_endpoint_auth_method: method }
      const authentication = method === 'client_secret_basic' ? oidc.ClientSecretBasic() : undefined
      const url = new URL(server.issuer)
      const config = await oidc.dynamicClientRegistration(url, metadata, authentication, insecure)
      oidc.enableNonRepudiationChecks(config)
      const { tokens } = await authorize(config, { scope: 'openid' })
      expect(tokens.claims()?.aud).toBe(config.clientMetadata().client_id)
    },
  )

  it('sign-out that begins at the client', async () => {
    const config = await register({
      token_endpoint_auth_method: 'none',
      post_logout_redirect_uris: [callback.url],
    })
    const page = await browser.newPage()
    const { url, checks } = await prepare(config, { scope: 'openid' })
    await signInAndAllow(page, url)
    const tokens = await oidc.authorizationCodeGrant(config, await callback.next(), checks)
    const endSession = oidc.buildEndSessionUrl(config, {
      id_token_hint: tokens.id_token ?? '',
      post_logout_redirect_uri: callback.url,
      state: 'bye',
    })
    await page.goto(endSession.href)
    expect((await callback.next()).search).toBe('?state=bye')
    await page.goto(`${server.issuer}/account`)
    expect(new URL(page.url()).pathname).toBe('/sign-in')
    await page.context().close()
  })

  // The one thing that is allowed beyond the defaults: http, since this is loopback.
  const insecure = { execute: [oidc.allowInsecureRequests] }

  async function register(metadata: Record<string, unknown>): Promise<oidc.Configuration> {
    const { key, jwks } = await createAssertionKey()
    const method = metadata['token_endpoint_auth_method']
    const client = await registerClientByApi(server, {
      redirect_uris: [callback.url],
      ...(method === 'private_key_jwt' && { jwks }),
      ...metadata,
    })
    const authentication = {
      none: oidc.None(),
      client_secret_basic: oidc.ClientSecretBasic(client.client_secret),
      client_secret_post: oidc.ClientSecretPost(client.client_secret),
      private_key_jwt: oidc.PrivateKeyJwt({ key, kid: 'a-key' }),
    }[String(method)]
    const { id_token_signed_response_alg = 'RS256' } = metadata
    const url = new URL(server.issuer)
    const config = await oidc.discovery(
      url,
      client.client_id,
      { id_token_signed_response_alg: String(id_token_signed_response_alg) },
      authentication,
      insecure,
    )
    // By default the library trusts TLS and leaves the signature of id_tokens unchecked.
    oidc.enableNonRepudiationChecks(config)
    return config
  }

  async function prepare(config: oidc.Configuration, parameters: Record<string, string>) {
    const pkceCodeVerifier = oidc.randomPKCECodeVerifier()
    const expectedState = oidc.randomState()
    const expectedNonce = oidc.randomNonce()
    const url = oidc.buildAuthorizationUrl(config, {
      redirect_uri: callback.url,
      code_challenge: await oidc.calculatePKCECodeChallenge(pkceCodeVerifier),
      code_challenge_method: 'S256',
      state: expectedState,
      nonce: expectedNonce,
      ...parameters,
    })
    return { url, checks: { pkceCodeVerifier, expectedState, expectedNonce, idTokenExpected: true } }
  }

  async function authorize(
    config: oidc.Configuration,
    parameters: Record<string, string>,
    more: oidc.AuthorizationCodeGrantChecks = {},
  ) {
    const { url, checks } = await prepare(config, parameters)
    const page = await browser.newPage()
    await signInAndAllow(page, url)
    const tokens = await oidc.authorizationCodeGrant(config, await callback.next(), { ...checks, ...more })
    await page.context().close()
    return { tokens, nonce: checks.expectedNonce }
  }

  /** As the MCP server, which authenticates with its id and its API key. */
  async function introspect(token: string): Promise<oidc.IntrospectionResponse> {
    const url = new URL(server.issuer)
    const authentication = oidc.ClientSecretBasic(mcp.key)
    const config = await oidc.discovery(url, mcp.server_id, undefined, authentication, insecure)
    return oidc.tokenIntrospection(config, token)
  }
})

function headerOf(jwt = ''): unknown {
  return JSON.parse(Buffer.from(jwt.split('.')[0] ?? '', 'base64url').toString())
}

function toQuery(url: string, form: string): URL {
  const withQuery = new URL(url)
  withQuery.search = form
  return withQuery
}
