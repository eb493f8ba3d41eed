import * as oauth from 'oauth4webapi'
import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type CallbackServer, startCallbackServer } from '../support/callback_server.ts'
import { launchChromium } from '../support/chromium.ts'
import { MCP_URL, type RegisteredServer, registerServer } from '../support/flow.ts'
import { startListeningServer } from '../support/listening_server.ts'
import { signInAndAllow } from '../support/person.ts'
import { createAssertionKey, registerClientByApi } from '../support/registered_client.ts'
import { OWNER, type TestServer } from '../support/server.ts'

/** A client, and how it authenticates. */
interface Authenticated {
  client: oauth.Client
  authentication: oauth.ClientAuth
}

// The one thing that is allowed beyond the defaults: http, since this is loopback.
const insecure = { [oauth.allowInsecureRequests]: true }

describe('oauth4webapi 3', () => {
  let server: TestServer
  let mcp: RegisteredServer
  let callback: CallbackServer
  let browser: Browser
  let as: oauth.AuthorizationServer

  beforeAll(async () => {
    server = await startListeningServer()
    mcp = await registerServer(server)
    callback = await startCallbackServer()
    browser = await launchChromium()
    as = await discover('oauth2')
  })
  afterAll(async () => {
    await browser.close()
    await callback.close()
    await server.close()
  })

  it('finds the same by both ways of discovery', async () => {
    expect(await discover('oidc')).toEqual(as)
  })

  it('finds the metadata of the management API, a protected resource (RFC 9728)', async () => {
    const resource = new URL(`${server.issuer}/api`)
    const response = await oauth.resourceDiscoveryRequest(resource, insecure)
    const metadata = await oauth.processResourceDiscoveryResponse(resource, response)
    expect(metadata.authorization_servers).toEqual([server.issuer])
  })

  it.each([
    ['none', 'RS256', {}],
    ['client_secret_basic', 'EdDSA', { id_token_signed_response_alg: 'EdDSA' }],
    ['client_secret_post', 'ES256', { id_token_signed_response_alg: 'ES256' }],
    ['private_key_jwt', 'RS256', {}],
  ])(
    'code flow, refresh, introspection and revocation as %s, id_token by %s',
    async (method, alg, signed) => {
      const registered = await register({ token_endpoint_auth_method: method, ...signed })
      const { client, authentication } = registered
      const tokens = await authorize(registered, {
        scope: 'openid offline_access files:write',
        resource: MCP_URL,
      })
      const claims = oauth.getValidatedIdTokenClaims(tokens)
      expect(headerOf(tokens.id_token)).toMatchObject({ alg })
      expect(await introspect(tokens.access_token)).toMatchObject({ active: true, sub: claims?.sub })
      // RFC 9068 §4, as an MCP server without introspection does it.
      const request = new Request(MCP_URL, { headers: { Authorization: `Bearer ${tokens.access_token}` } })
      expect(await oauth.validateJwtAccessToken(as, request, MCP_URL, insecure)).toMatchObject({
        scope: 'openid files:write',
        client_id: client.client_id,
        auth_time: claims?.auth_time,
      })

      const refresh = await oauth.refreshTokenGrantRequest(
        as,
        client,
        authentication,
        tokens.refresh_token ?? '',
        insecure,
      )
      const refreshed = await oauth.processRefreshTokenResponse(as, client, refresh)
      expect(oauth.getValidatedIdTokenClaims(refreshed)?.sub).toBe(claims?.sub)

      const revocation = await oauth.revocationRequest(
        as,
        client,
        authentication,
        refreshed.access_token,
        insecure,
      )
      await oauth.processRevocationResponse(revocation)
      expect(await introspect(refreshed.access_token)).toEqual({ active: false })
    },
  )

  it('userinfo, by a token for the issuer', async () => {
    const registered = await register({ token_endpoint_auth_method: 'none' })
    const tokens = await authorize(registered, { scope: 'openid email' })
    const sub = oauth.getValidatedIdTokenClaims(tokens)?.sub ?? ''
    const response = await oauth.userInfoRequest(as, registered.client, tokens.access_token, insecure)
    const userinfo = await oauth.processUserInfoResponse(as, registered.client, sub, response)
    expect(userinfo).toEqual({ sub, email: OWNER.email, email_verified: true })
  })

  it('userinfo refuses a token for an MCP server by a challenge', async () => {
    const registered = await register({ token_endpoint_auth_method: 'none' })
    const tokens = await authorize(registered, { scope: 'openid files:read', resource: MCP_URL })
    const request = oauth.userInfoRequest(as, registered.client, tokens.access_token, insecure)
    await expect(
      request.then((response) =>
        oauth.processUserInfoResponse(as, registered.client, oauth.skipSubjectCheck, response),
      ),
    ).rejects.toThrow(oauth.WWWAuthenticateChallengeError)
  })

  it('client credentials of a registered client, by its key', async () => {
    const { client, authentication } = await register({
      grant_types: ['client_credentials'],
      token_endpoint_auth_method: 'private_key_jwt',
      redirect_uris: [],
      servers: [{ server_id: mcp.server_id, scopes: ['files:read', 'files:write'] }],
    })
    const parameters = { resource: MCP_URL, scope: 'files:write' }
    const response = await oauth.clientCredentialsGrantRequest(
      as,
      client,
      authentication,
      parameters,
      insecure,
    )
    const tokens = await oauth.processClientCredentialsResponse(as, client, response)
    expect(tokens.refresh_token).toBeUndefined()
    expect(await introspect(tokens.access_token)).toMatchObject({ active: true, scope: 'files:write' })
  })

  it.each(['none', 'client_secret_basic'])('dynamic registration as %s', async (method) => {
    const metadata = { redirect_uris: [callback.url], token_endpoint_auth_method: method }
    const response = await oauth.dynamicClientRegistrationRequest(as, metadata, insecure)
    const client = await oauth.processDynamicClientRegistrationResponse(response)
    const authentication =
      method === 'none' ? oauth.None() : oauth.ClientSecretBasic(String(client.client_secret))
    const tokens = await authorize({ client, authentication }, { scope: 'openid' })
    expect(oauth.getValidatedIdTokenClaims(tokens)?.aud).toBe(client.client_id)
  })

  it('a refusal comes back with state and iss', async () => {
    const { client } = await register({ token_endpoint_auth_method: 'none' })
    const page = await browser.newPage()
    const state = oauth.generateRandomState()
    await page.goto(authorizationUrl(client, { scope: 'openid', state, prompt: 'none', code_challenge: 'x' }))
    const answer = await callback.next()
    expect(() => oauth.validateAuthResponse(as, client, answer, state)).toThrow(
      oauth.AuthorizationResponseError,
    )
    expect(answer.searchParams.get('iss')).toBe(server.issuer)
    await page.context().close()
  })

  async function discover(algorithm: 'oauth2' | 'oidc'): Promise<oauth.AuthorizationServer> {
    const issuer = new URL(server.issuer)
    const response = await oauth.discoveryRequest(issuer, { algorithm, ...insecure })
    return oauth.processDiscoveryResponse(issuer, response)
  }

  async function register(metadata: Record<string, unknown>): Promise<Authenticated> {
    const { key, jwks } = await createAssertionKey()
    const method = String(metadata['token_endpoint_auth_method'])
    const { client_id, client_secret = '' } = await registerClientByApi(server, {
      redirect_uris: [callback.url],
      ...(method === 'private_key_jwt' && { jwks }),
      ...metadata,
    })
    const alg = String(metadata['id_token_signed_response_alg'] ?? 'RS256')
    const client = { client_id, id_token_signed_response_alg: alg }
    if (method === 'private_key_jwt')
      return { client, authentication: oauth.PrivateKeyJwt({ key, kid: 'a-key' }) }
    if (method === 'client_secret_basic')
      return { client, authentication: oauth.ClientSecretBasic(client_secret) }
    if (method === 'client_secret_post')
      return { client, authentication: oauth.ClientSecretPost(client_secret) }
    return { client, authentication: oauth.None() }
  }

  function authorizationUrl(client: oauth.Client, parameters: Record<string, string>): string {
    const fixed = {
      client_id: client.client_id,
      redirect_uri: callback.url,
      response_type: 'code',
      code_challenge_method: 'S256',
    }
    return `${as.authorization_endpoint}?${new URLSearchParams({ ...fixed, ...parameters })}`
  }

  async function authorize(
    { client, authentication }: Authenticated,
    parameters: Record<string, string>,
  ): Promise<oauth.TokenEndpointResponse> {
    const verifier = oauth.generateRandomCodeVerifier()
    const [state, nonce] = [oauth.generateRandomState(), oauth.generateRandomNonce()]
    const code_challenge = await oauth.calculatePKCECodeChallenge(verifier)
    const page = await browser.newPage()
    await signInAndAllow(page, authorizationUrl(client, { ...parameters, code_challenge, state, nonce }))
    const answer = oauth.validateAuthResponse(as, client, await callback.next(), state)
    await page.context().close()
    const response = await oauth.authorizationCodeGrantRequest(
      as,
      client,
      authentication,
      answer,
      callback.url,
      verifier,
      insecure,
    )
    const tokens = await oauth.processAuthorizationCodeResponse(as, client, response, {
      expectedNonce: nonce,
      requireIdToken: true,
    })
    // By default the library trusts TLS and leaves the signature of id_tokens unchecked.
    await oauth.validateApplicationLevelSignature(as, response, insecure)
    return tokens
  }

  /** As the MCP server, which authenticates with its id and its API key. */
  async function introspect(token: string): Promise<oauth.IntrospectionResponse> {
    const client = { client_id: mcp.server_id }
    const authentication = oauth.ClientSecretBasic(mcp.key)
    const response = await oauth.introspectionRequest(as, client, authentication, token, insecure)
    return oauth.processIntrospectionResponse(as, client, response)
  }
})

function headerOf(jwt = ''): unknown {
  return JSON.parse(Buffer.from(jwt.split('.')[0] ?? '', 'base64url').toString())
}
