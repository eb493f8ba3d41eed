import { randomUUID } from 'node:crypto'
import { exportJWK, generateKeyPair, SignJWT } from 'jose'
import type { FetchPublicUrl, PublicDocument } from '../../server/src/clients/public_fetch.ts'

export const SUPABASE_ISSUER = 'https://abcdefghijklmnopqrst.supabase.co/auth/v1'
export const SUPABASE_CLIENT = { id: randomUUID(), secret: 'Qm9-keep_this-secret_w1th-bars' }

/**
 * Supabase Auth as an OpenID provider, as its source of August 2026 answers: it decodes nothing of an Authorization header,
 * has no `iss` in its answers, and knows neither `prompt` nor `max_age`.
 *
 * @param now the clock, in milliseconds
 */
export async function createSupabaseAuth(now: () => number) {
  const { privateKey, publicKey } = await generateKeyPair('ES256')
  const jwk = {
    ...(await exportJWK(publicKey)),
    kid: 'b81269f1',
    alg: 'ES256',
    use: 'sig',
    key_ops: ['verify'],
  }
  const nonces = new Map<string, string>()
  const user = { id: randomUUID(), email: 'ada@acme.example', isConfirmed: true }

  const fetch: FetchPublicUrl = async (url, _limits, request) => {
    switch (url.href) {
      case `${SUPABASE_ISSUER}/.well-known/openid-configuration`:
        return json(SUPABASE_DISCOVERY)
      case `${SUPABASE_ISSUER}/.well-known/jwks.json`:
        return json({ keys: [jwk] })
      case `${SUPABASE_ISSUER}/oauth/token`:
        return exchange(new URLSearchParams(request?.body), request?.headers['authorization'] ?? '')
      default:
        throw new Error(`Supabase Auth has no ${url.href}.`)
    }
  }
  async function exchange(body: URLSearchParams, authorization: string): Promise<PublicDocument> {
    const [id, secret] = Buffer.from(authorization.replace('Basic ', ''), 'base64').toString().split(':')
    if (id !== SUPABASE_CLIENT.id || secret !== SUPABASE_CLIENT.secret)
      return json({ error: 'invalid_client', error_description: 'Invalid client credentials' }, 401)
    const nonce = nonces.get(body.get('code') ?? '')
    const seconds = Math.floor(now() / 1000)
    const claims = {
      iss: SUPABASE_ISSUER,
      sub: user.id,
      aud: [SUPABASE_CLIENT.id],
      exp: seconds + 3_600,
      iat: seconds,
      nonce,
      // Its last sign-in is set by the exchange itself.
      auth_time: seconds,
      email: user.email,
      email_verified: user.isConfirmed,
      phone_number_verified: false,
      client_id: SUPABASE_CLIENT.id,
    }
    const id_token = await new SignJWT(claims)
      .setProtectedHeader({ alg: 'ES256', kid: 'b81269f1', typ: 'JWT' })
      .sign(privateKey)
    return json({ access_token: 'at', token_type: 'bearer', expires_in: 3600, refresh_token: 'rt', id_token })
  }
  return {
    fetch,
    user,
    /** What the project's own page does when the person allows it. */
    allow(request: URL): URL {
      const code = randomUUID()
      nonces.set(code, request.searchParams.get('nonce') ?? '')
      const back = new URL(request.searchParams.get('redirect_uri') ?? '')
      back.searchParams.set('code', code)
      back.searchParams.set('state', request.searchParams.get('state') ?? '')
      return back
    },
  }
}

/** Its discovery document (internal/api/jwks.go). */
export const SUPABASE_DISCOVERY = {
  issuer: SUPABASE_ISSUER,
  authorization_endpoint: `${SUPABASE_ISSUER}/oauth/authorize`,
  token_endpoint: `${SUPABASE_ISSUER}/oauth/token`,
  jwks_uri: `${SUPABASE_ISSUER}/.well-known/jwks.json`,
  userinfo_endpoint: `${SUPABASE_ISSUER}/oauth/userinfo`,
  scopes_supported: ['openid', 'profile', 'email', 'phone'],
  response_types_supported: ['code'],
  response_modes_supported: ['query'],
  grant_types_supported: ['authorization_code', 'refresh_token'],
  subject_types_supported: ['public'],
  id_token_signing_alg_values_supported: ['RS256', 'HS256', 'ES256'],
  token_endpoint_auth_methods_supported: ['client_secret_basic', 'client_secret_post', 'none'],
  code_challenge_methods_supported: ['S256', 'plain'],
}

function json(content: object, status = 200): PublicDocument {
  return {
    status,
    body: Buffer.from(JSON.stringify(content)),
    contentType: 'application/json; charset=utf-8',
    cacheControl: 'public, max-age=600',
  }
}
