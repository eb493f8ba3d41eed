import {
  allowInsecureRequests,
  authorizationCodeGrantRequest,
  type Client,
  type ClientAuth,
  ClientSecretPost,
  calculatePKCECodeChallenge,
  clockSkew,
  customFetch,
  getValidatedIdTokenClaims,
  type IDToken,
  None,
  processAuthorizationCodeResponse,
  processUserInfoResponse,
  userInfoRequest,
  validateApplicationLevelSignature,
  validateAuthResponse,
} from 'oauth4webapi'
import type { FetchPublicUrl } from '../clients/public_fetch.ts'
import type { UpstreamOptions } from '../upstream_options.ts'
import type { AddressClaims } from './upstream_address.ts'
import { checkAnswer, toUpstreamError } from './upstream_error.ts'
import { createUpstreamFetch } from './upstream_fetch.ts'
import { createUpstreamMetadata, type UpstreamMetadata } from './upstream_metadata.ts'

/** What leads a person to the provider. */
export interface UpstreamRequest {
  state: string
  nonce: string
  verifier: string
  /** Whether it shall ask the person anew, or let him choose another account of his. */
  ask: 'login' | 'select_account' | undefined
  loginHint: string | undefined
}

/** Who came back from the provider, by a checked id token. */
export interface UpstreamPerson {
  subject: string
  /** Of the id token, or of userinfo where that is where the address is. */
  address: AddressClaims
  /** When the provider asked him, where it tells. In seconds. */
  authTime: number | undefined
  /** How it asked him (RFC 8176), where it tells. */
  amr: readonly string[]
}

/** An OpenID provider that people may sign in with: what we send it, and how its answers are checked. */
export interface UpstreamProvider extends Pick<UpstreamOptions, 'issuer' | 'name' | 'emailDomains'> {
  /** Where the browser is sent (OpenID Connect Core §3.1.2.1). */
  authorizationUrl(request: UpstreamRequest): Promise<URL>
  /**
   * Redeems what the browser brought back, and checks it: state and `iss` (RFC 9207 §2.4), the id token with its
   * signature, and that userinfo is about the same person.
   *
   * @throws OAuthError; AuthorizationResponseError where the answer is an error of the provider's
   */
  redeem(
    answer: URLSearchParams,
    sent: Pick<UpstreamRequest, 'state' | 'nonce' | 'verifier'>,
  ): Promise<UpstreamPerson>
}

/** OpenID Connect Core §2: at most 255 ASCII characters. */
const SUBJECT = /^[\x20-\x7e]{1,255}$/

export interface UpstreamProviderParts {
  fetchPublicUrl: FetchPublicUrl
  /** Our own, registered at the provider. */
  redirectUri: string
  now: () => number
}

export function createUpstreamProvider(
  options: UpstreamOptions,
  parts: UpstreamProviderParts,
): UpstreamProvider {
  const { issuer, clientId, name, emailDomains } = options
  const { fetchPublicUrl, redirectUri, now } = parts
  const findMetadata = createUpstreamMetadata(issuer, fetchPublicUrl, now)
  const http = () => ({
    [customFetch]: createUpstreamFetch(fetchPublicUrl),
    // The guarded fetch decides; it admits http on this machine alone, and only in development.
    [allowInsecureRequests]: true,
  })
  // Its clock is the machine's, ours may be a test's.
  const client = (): Client => ({ client_id: clientId, [clockSkew]: Math.round((now() - Date.now()) / 1000) })

  async function exchange(
    metadata: UpstreamMetadata,
    answer: URLSearchParams,
    { state, nonce, verifier }: Pick<UpstreamRequest, 'state' | 'nonce' | 'verifier'>,
  ): Promise<{ claims: IDToken; accessToken: string }> {
    const parameters = checkAnswer(name, () => {
      const checked = validateAuthResponse(metadata, client(), answer, state)
      if (checked.getAll('code').length !== 1) throw new Error('There is no code, or more than one.')
      return checked
    })
    const auth = clientAuthentication(metadata, options.clientSecret)
    const response = await authorizationCodeGrantRequest(
      metadata,
      client(),
      auth,
      parameters,
      redirectUri,
      verifier,
      http(),
    )
    const expected = { expectedNonce: nonce, requireIdToken: true }
    const tokens = await processAuthorizationCodeResponse(metadata, client(), response, expected)
    await validateApplicationLevelSignature(metadata, response, http())
    const claims = getValidatedIdTokenClaims(tokens)
    if (claims === undefined) throw new Error('There is no id token.')
    return { claims, accessToken: tokens.access_token }
  }

  async function findAddress(
    metadata: UpstreamMetadata,
    claims: IDToken,
    accessToken: string,
  ): Promise<AddressClaims> {
    if (claims['email'] !== undefined || metadata.userinfo_endpoint === undefined) return claims
    const response = await userInfoRequest(metadata, client(), accessToken, http())
    return processUserInfoResponse(metadata, client(), claims.sub, response)
  }

  return {
    issuer,
    name,
    emailDomains,
    async authorizationUrl(request) {
      const metadata = await findMetadata().catch((error: unknown) => {
        throw toUpstreamError(name, error)
      })
      return toAuthorizationUrl(metadata, { client_id: clientId, redirect_uri: redirectUri }, request)
    },
    async redeem(answer, sent) {
      try {
        const metadata = await findMetadata()
        const { claims, accessToken } = await exchange(metadata, answer, sent)
        if (!SUBJECT.test(claims.sub)) throw new Error('The subject is none.')
        const address = await findAddress(metadata, claims, accessToken)
        return { subject: claims.sub, address, authTime: claims.auth_time, amr: amrOf(claims) }
      } catch (error) {
        throw toUpstreamError(name, error)
      }
    },
  }
}

/** OpenID Connect Core §3.1.2.1, RFC 7636 §4.3. What the provider's own URL holds already stays. */
async function toAuthorizationUrl(
  metadata: UpstreamMetadata,
  client: { client_id: string; redirect_uri: string },
  { state, nonce, verifier, ask, loginHint }: UpstreamRequest,
): Promise<URL> {
  const parameters = {
    ...client,
    response_type: 'code',
    scope: 'openid email',
    state,
    nonce,
    code_challenge: await calculatePKCECodeChallenge(verifier),
    code_challenge_method: 'S256',
    prompt: promptOf(metadata, ask),
    max_age: ask === 'login' ? '0' : undefined,
    login_hint: loginHint,
  }
  const url = new URL(metadata.authorization_endpoint)
  for (const [name, value] of Object.entries(parameters)) {
    if (value !== undefined) url.searchParams.set(name, value)
  }
  return url
}

/** OpenID Connect Core §9: the secret in the header, unless the provider does not take it there. */
function clientAuthentication(metadata: UpstreamMetadata, secret: string | undefined): ClientAuth {
  if (secret === undefined) return None()
  const methods = metadata.token_endpoint_auth_methods_supported ?? ['client_secret_basic']
  if (methods.includes('client_secret_post') && !methods.includes('client_secret_basic'))
    return ClientSecretPost(secret)
  return (_metadata, { client_id }, _body, headers) => {
    const pair = `${formEncode(client_id)}:${formEncode(secret)}`
    headers.set('authorization', `Basic ${Buffer.from(pair).toString('base64')}`)
  }
}

/**
 * Form encoding as browsers do it (RFC 6749 §2.3.1, appendix B), which leaves `-`, `.` and `_` as they are. oauth4webapi
 * encodes these too, and Supabase Auth, which decodes nothing, then looks for a client that does not exist.
 */
function formEncode(text: string): string {
  return new URLSearchParams({ '': text }).toString().slice(1)
}

/** What a provider lists that it takes as `prompt` is all that it is sent; most list nothing. */
function promptOf(
  { prompt_values_supported }: UpstreamMetadata,
  ask: UpstreamRequest['ask'],
): string | undefined {
  if (ask === undefined || prompt_values_supported === undefined) return ask
  return [ask, 'login'].find((value) => prompt_values_supported.includes(value))
}

/** The names of RFC 8176 §2 are of a few letters; what else a provider may send is its own. */
function amrOf({ amr }: IDToken): string[] {
  if (!Array.isArray(amr)) return []
  return amr.filter((method): method is string => /^[a-z]{1,8}$/.test(String(method))).slice(0, 8)
}
