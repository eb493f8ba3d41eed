import { createHash } from 'node:crypto'
import { exportJWK, generateKeyPair, type JWTPayload, SignJWT } from 'jose'
import type { FetchPublicUrl, PublicDocument } from '../../server/src/clients/public_fetch.ts'
import { PublicFetchError } from '../../server/src/clients/public_fetch.ts'
import type { ServerOptions, UpstreamOptions } from '../../server/src/options.ts'
import { type Browser, createBrowser, type Page } from './browser.ts'
import { createTestServer, type TestServer } from './server.ts'

export const UPSTREAM: UpstreamOptions = {
  issuer: 'https://login.acme.example',
  clientId: 'auth-agent',
  clientSecret: 'a-secret_of.the+upstream/provider',
  name: 'Acme',
  emailDomains: ['acme.example'],
}

type Change<Value> = (value: Value) => Value

/** An OpenID provider in the process of a test, which can be made to lie. */
export interface FakeUpstream {
  /** For the option `fetchPublicUrl`. */
  fetch: FetchPublicUrl
  /** What its discovery document, its id tokens and userinfo say, beside the usual. */
  metadata: Record<string, unknown>
  claims: Record<string, unknown>
  userinfo: Record<string, unknown>
  /** Whether it can be reached. */
  isAway: boolean
  /** Lets a code be redeemed again, and by whoever has it (RFC 7636 is not known there). */
  isCareless: boolean
  /** Changes an id token after it was signed. */
  tamper: Change<string>
  /** Signs with a key that it does not publish. */
  signsWithAnotherKey: boolean
  /** What was asked of it, as method and path. */
  asked: string[]
  /** Plays the person at the provider: allows the request, and returns where the browser is sent back to. */
  allow(request: URL): URL
}

export async function createFakeUpstream(now: () => number, options = UPSTREAM): Promise<FakeUpstream> {
  const { issuer } = options
  const published = await generateKeyPair('ES256')
  const other = await generateKeyPair('ES256')
  const key = { ...(await exportJWK(published.publicKey)), kid: 'one', alg: 'ES256', use: 'sig' }
  const codes = new Map<string, URLSearchParams>()

  const upstream: FakeUpstream = {
    metadata: {},
    claims: { sub: 'ada', email: 'ada@acme.example', email_verified: true },
    userinfo: {},
    isAway: false,
    isCareless: false,
    tamper: (token) => token,
    signsWithAnotherKey: false,
    asked: [],
    allow(request) {
      const { searchParams } = request
      const code = `code-${codes.size}`
      codes.set(code, searchParams)
      const back = new URL(searchParams.get('redirect_uri') ?? '')
      back.searchParams.set('code', code)
      back.searchParams.set('state', searchParams.get('state') ?? '')
      back.searchParams.set('iss', issuer)
      return back
    },
    async fetch(url, _limits, request) {
      upstream.asked.push(`${request?.method ?? 'GET'} ${url.pathname}`)
      if (upstream.isAway || url.origin !== issuer)
        throw new PublicFetchError('unreachable', `${url.host} cannot be reached.`)
      switch (url.pathname) {
        case '/.well-known/openid-configuration':
          return json({ ...metadataOf(issuer), ...upstream.metadata })
        case '/jwks':
          return json({ keys: [key] })
        case '/token':
          return redeem(new URLSearchParams(request?.body), request?.headers['authorization'])
        case '/userinfo':
          return json({ sub: upstream.claims['sub'], ...upstream.userinfo })
        default:
          return json({ error: 'not_found' }, 403)
      }
    },
  }

  async function redeem(body: URLSearchParams, authorization: string | undefined): Promise<PublicDocument> {
    const asked = codes.get(body.get('code') ?? '')
    if (authorization !== basicOf(options)) return json({ error: 'invalid_client' }, 401)
    const challenge = createHash('sha256')
      .update(body.get('code_verifier') ?? '')
      .digest('base64url')
    const isGood =
      asked?.get('code_challenge') === challenge && asked.get('redirect_uri') === body.get('redirect_uri')
    if (asked === undefined || !(isGood || upstream.isCareless)) return json({ error: 'invalid_grant' }, 400)
    if (!upstream.isCareless) codes.delete(body.get('code') ?? '')
    return json({
      access_token: 'at',
      token_type: 'Bearer',
      expires_in: 60,
      id_token: await signIdToken(asked),
    })
  }

  async function signIdToken(asked: URLSearchParams): Promise<string> {
    const seconds = Math.floor(now() / 1000)
    const nonce = asked.get('nonce') ?? undefined
    const usual = { iss: issuer, aud: options.clientId, iat: seconds, exp: seconds + 300, nonce }
    const payload = { ...usual, ...upstream.claims } as JWTPayload
    const token = await new SignJWT(payload)
      .setProtectedHeader({ alg: 'ES256', kid: 'one' })
      .sign(upstream.signsWithAnotherKey ? other.privateKey : published.privateKey)
    return upstream.tamper(token)
  }

  return upstream
}

function metadataOf(issuer: string) {
  return {
    issuer,
    authorization_endpoint: `${issuer}/authorize`,
    token_endpoint: `${issuer}/token`,
    jwks_uri: `${issuer}/jwks`,
    userinfo_endpoint: `${issuer}/userinfo`,
    response_types_supported: ['code'],
    subject_types_supported: ['public'],
    id_token_signing_alg_values_supported: ['ES256'],
    authorization_response_iss_parameter_supported: true,
  }
}

function basicOf({ clientId, clientSecret = '' }: UpstreamOptions): string {
  const encode = (text: string) => new URLSearchParams({ '': text }).toString().slice(1)
  return `Basic ${Buffer.from(`${encode(clientId)}:${encode(clientSecret)}`).toString('base64')}`
}

function json(content: object, status = 200): PublicDocument {
  return {
    status,
    body: Buffer.from(JSON.stringify(content)),
    contentType: 'application/json',
    cacheControl: '',
  }
}

/** A server of ours whose people sign in at a provider. */
export interface UpstreamTest {
  server: TestServer
  upstream: FakeUpstream
  /** Goes to the provider from a page with its button. */
  leave(browser: Browser, from?: string): Promise<URL>
  /** The whole way: there, allowed, and back. */
  signIn(browser?: Browser, from?: string): Promise<Page>
}

export async function createUpstreamTest(
  overrides: Partial<ServerOptions> = {},
  shared?: Parameters<typeof createTestServer>[1],
): Promise<UpstreamTest> {
  const clock = { now: () => Date.now() }
  const upstream = await createFakeUpstream(() => clock.now(), overrides.upstream)
  const options = { upstream: UPSTREAM, fetchPublicUrl: upstream.fetch, ...overrides }
  const server = await createTestServer(options, shared)
  clock.now = () => server.clock.now
  const leave: UpstreamTest['leave'] = async (browser, from = '/sign-in') => {
    const page = await browser.submit(await browser.open(from), {}, '/sign-in/upstream')
    if (page.leftTo === undefined) throw new Error(`Nobody was sent to the provider: ${page.text()}`)
    return page.leftTo
  }
  return {
    server,
    upstream,
    leave,
    async signIn(browser = createBrowser(server), from) {
      return browser.open(upstream.allow(await leave(browser, from)).href)
    },
  }
}
