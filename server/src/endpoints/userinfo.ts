import { findBearerToken } from '../checks/authorization_header.ts'
import type { ServerContext } from '../context.ts'
import { OAuthError } from '../errors.ts'
import { NO_STORE_FOR_ANY_ORIGIN } from '../http/cors.ts'
import { readForm } from '../http/form.ts'
import { jsonResponse } from '../http/json_response.ts'
import { verifyAccessToken } from '../tokens/access_token.ts'

/**
 * The userinfo endpoint (OpenID Connect Core §5.3). It takes access tokens for the issuer only: one for an MCP server
 * would let that server read more of a person than they have shown it.
 */
export async function userinfo(context: ServerContext, request: Request): Promise<Response> {
  const token = await readBearerToken(request)
  const claims = await verifyAccessToken(context, token, { audience: context.issuer.url }).catch(challenge)
  const scopes = claims.scope.split(' ')
  if (!scopes.includes('openid')) {
    const headers = { 'WWW-Authenticate': 'Bearer error="insufficient_scope", scope="openid"' }
    throw new OAuthError('insufficient_scope', 'userinfo needs the scope openid.', { headers })
  }
  const user = await context.storage.findUser(claims.sub)
  if (user === undefined || user.disabled_at !== null) {
    return challenge(new OAuthError('invalid_token', 'The person of this token is not known any more.'))
  }
  const email = scopes.includes('email')
    ? { email: user.email, email_verified: user.email_verified_at !== null }
    : {}
  return jsonResponse({ sub: user.id, ...email }, NO_STORE_FOR_ANY_ORIGIN)
}

/** RFC 6750 §2: in the header, or in the form of a POST; never in the query, and not in two places. */
async function readBearerToken(request: Request): Promise<string> {
  const fromHeader = findBearerToken(request.headers.get('Authorization'))
  const isForm =
    request.method === 'POST' &&
    request.headers.get('Content-Type')?.startsWith('application/x-www-form-urlencoded')
  const fromForm = isForm ? (await readForm(request)).get('access_token') : undefined
  if (fromHeader !== undefined && fromForm !== undefined) {
    throw new OAuthError(
      'invalid_request',
      'The access token was sent twice; send it in the Authorization header.',
    )
  }
  const token = fromHeader ?? fromForm
  if (token !== undefined) return token
  // RFC 6750 §3.1: a request without authentication is not told of an error.
  throw new OAuthError('invalid_token', 'Send an access token in the Authorization header.', {
    headers: { 'WWW-Authenticate': 'Bearer' },
  })
}

function challenge(error: unknown): never {
  if (!(error instanceof OAuthError) || error.code !== 'invalid_token') throw error
  throw new OAuthError(error.code, error.description, {
    headers: { 'WWW-Authenticate': `Bearer error="invalid_token", error_description="${error.description}"` },
    cause: error.cause,
  })
}
