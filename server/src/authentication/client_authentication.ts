import { createHash } from 'node:crypto'
import { createLocalJWKSet, errors, type JSONWebKeySet, type JWTVerifyResult, jwtVerify } from 'jose'
import { type ClientCredentials, readClientCredentials } from '../checks/client_authentication.ts'
import type { Client } from '../clients/client.ts'
import { isDynamicClientSecret } from '../clients/dynamic.ts'
import type { ServerContext } from '../context.ts'
import { OAuthError } from '../errors.ts'
import type { Form } from '../http/form.ts'

/** Algorithms that a client may sign its assertion with; none is symmetric. */
export const ASSERTION_ALGS = [
  'ES256',
  'RS256',
  'PS256',
  'EdDSA',
  'ES384',
  'RS384',
  'PS384',
  'ES512',
  'RS512',
  'PS512',
]
/** An assertion is made for one request; whoever wants to keep one for longer is refused. In seconds. */
const MAX_ASSERTION_LIFETIME = 600
const CLOCK_TOLERANCE = 30

/**
 * Finds the client of a request and checks that it is the one (OAuth 2.1 §2.4): a public client by its id alone, the
 * others by their secret, in the header or the form, or by an assertion that they signed.
 *
 * @throws OAuthError `invalid_client` (401), which makes a client register anew; `invalid_request`
 */
export async function authenticateClient(
  context: ServerContext,
  request: Request,
  form: Form,
): Promise<Client> {
  try {
    const credentials = readClientCredentials(request.headers.get('Authorization'), form)
    const client = await context.clients.find(credentials.clientId)
    if (client === undefined)
      refuse('The client_id is not known here. Register the client anew, or correct the id.')
    await checkCredentials(context, client, credentials, audiencesAt(context, request))
    return client
  } catch (error) {
    if (!(error instanceof OAuthError) || error.code !== 'invalid_client') throw error
    // RFC 9110 §15.5.2: a 401 has a challenge, wherever the client put its credentials.
    const headers = { 'WWW-Authenticate': 'Basic realm="oauth"' }
    throw new OAuthError('invalid_client', error.description, { headers, cause: error.cause })
  }
}

/** What an assertion may be for (RFC 7523 §3): the issuer, the token endpoint, or the endpoint that it is sent to. */
function audiencesAt({ issuer }: ServerContext, request: Request): string[] {
  return [issuer.url, `${issuer.url}/token`, issuer.origin + new URL(request.url).pathname]
}

async function checkCredentials(
  context: ServerContext,
  client: Client,
  credentials: ClientCredentials,
  audiences: string[],
): Promise<void> {
  const method = client.metadata.token_endpoint_auth_method
  switch (credentials.method) {
    case 'none':
      if (method === 'none') return
      return refuse(`This client authenticates with ${method}, and sent only its client_id.`)
    case 'client_secret':
      if (method === 'none') return refuse('This client is public and has no secret: send client_id alone.')
      if (method === 'private_key_jwt') return refuse('This client authenticates with private_key_jwt.')
      if (isClientSecret(context, client, credentials.clientSecret)) return
      return refuse('The client_secret is wrong.')
    case 'private_key_jwt':
      if (method !== 'private_key_jwt') return refuse(`This client authenticates with ${method}.`)
      return checkAssertion(context, client, credentials.assertion, audiences)
  }
}

function isClientSecret(context: ServerContext, client: Client, secret: string): boolean {
  if (client.source === 'dynamic') return isDynamicClientSecret(context.purposeKeys, client.clientId, secret)
  return client.secretDigest !== undefined && context.purposeKeys.isMac('digest', secret, client.secretDigest)
}

/** RFC 7523 §3: signed by the client's key, issued by and about it, for us, now, and once. */
async function checkAssertion(
  context: ServerContext,
  client: Client,
  assertion: string,
  audiences: string[],
): Promise<void> {
  const { issuer } = context
  const { payload } = await verifyAssertion(context, client, assertion, audiences).catch((cause: unknown) => {
    if (cause instanceof OAuthError) throw cause
    return refuse(
      `client_assertion is not valid: ${describeJoseError(cause)}. Its aud is ${issuer.url}, its iss and sub the client_id.`,
      cause,
    )
  })
  const { exp = 0, jti, aud } = payload
  // draft-ietf-oauth-rfc7523bis §4: whoever else is named could present it here.
  if (Array.isArray(aud) && aud.length !== 1)
    refuse('client_assertion must be for this server alone: one aud.')
  if (typeof jti !== 'string' || jti === '' || jti.length > 256)
    refuse('client_assertion needs a jti of 1 to 256 characters.')
  if (exp * 1000 > context.now() + (MAX_ASSERTION_LIFETIME + CLOCK_TOLERANCE) * 1000) {
    refuse(`client_assertion may be valid for ${MAX_ASSERTION_LIFETIME} seconds at the most.`)
  }
  const digest = createHash('sha256').update(`client_assertion ${client.clientId} ${jti}`).digest()
  const isFirst = await context.storage.consumeOnce(digest, new Date((exp + CLOCK_TOLERANCE) * 1000))
  if (!isFirst) refuse('client_assertion was used before: sign a new one, with a new jti, for each request.')
}

/** Where none of the client's keys fits, it may have rotated them since we fetched them. */
async function verifyAssertion(
  context: ServerContext,
  client: Client,
  assertion: string,
  audiences: string[],
): Promise<JWTVerifyResult> {
  const { clients } = context
  const verify = (keys: JSONWebKeySet) =>
    jwtVerify(assertion, createLocalJWKSet(keys), {
      algorithms: ASSERTION_ALGS,
      issuer: client.clientId,
      subject: client.clientId,
      audience: audiences,
      requiredClaims: ['exp', 'jti'],
      clockTolerance: CLOCK_TOLERANCE,
      currentDate: new Date(context.now()),
    })
  return verify(await clients.keysOf(client)).catch(async (error: unknown) => {
    const renewed = error instanceof errors.JWKSNoMatchingKey && (await clients.renewedKeysOf(client))
    if (!renewed) throw error
    return verify(renewed)
  })
}

function describeJoseError(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? String(error.code) : ''
  if (code === 'ERR_JWT_EXPIRED') return 'it has expired'
  if (code === 'ERR_JWT_CLAIM_VALIDATION_FAILED') return 'a claim is wrong or missing'
  if (code === 'ERR_JWKS_NO_MATCHING_KEY') return 'no key of the client fits its header'
  if (code === 'ERR_JWS_SIGNATURE_VERIFICATION_FAILED') return 'its signature is wrong'
  return 'it is malformed, or signed with an algorithm that is not accepted'
}

function refuse(description: string, cause?: unknown): never {
  throw new OAuthError('invalid_client', description, { cause })
}
