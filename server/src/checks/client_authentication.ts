import { OAuthError } from '../errors.ts'
import { findBasicCredentials } from './authorization_header.ts'

/** What a client presented to prove who it is (OAuth 2.1 §2.4, RFC 7523 §2.2). */
export type ClientCredentials =
  | { method: 'none'; clientId: string }
  | { method: 'client_secret'; clientId: string; clientSecret: string }
  | { method: 'private_key_jwt'; clientId: string; assertion: string }

/** The parameters of a form that authenticate a client. */
export interface ClientParameters {
  get(name: string): string | undefined
}

const JWT_BEARER = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'

/**
 * Reads a client's credentials from the `Authorization` header or the form, and refuses two at once (RFC 6749 §2.3).
 *
 * @throws OAuthError `invalid_request` for two ways at once, `invalid_client` for none or a malformed one
 */
export function readClientCredentials(
  authorization: string | null,
  form: ClientParameters,
): ClientCredentials {
  const clientId = form.get('client_id')
  const clientSecret = form.get('client_secret')
  const assertion = form.get('client_assertion')
  const basic = authorization === null ? undefined : readBasic(authorization)
  if ([basic?.clientSecret, clientSecret, assertion].filter((value) => value !== undefined).length > 1) {
    throw new OAuthError('invalid_request', 'The client authenticates in more than one way; use one.')
  }
  if (basic !== undefined) {
    if (clientId !== undefined && clientId !== basic.clientId) {
      throw new OAuthError('invalid_request', 'client_id differs from the one in the Authorization header.')
    }
    return credentialsOf(basic.clientId, basic.clientSecret)
  }
  if (assertion !== undefined) return readAssertion(assertion, form.get('client_assertion_type'), clientId)
  if (clientId === undefined) {
    throw new OAuthError(
      'invalid_client',
      'No client_id was sent: send it in the form, or authenticate with HTTP Basic.',
    )
  }
  return credentialsOf(clientId, clientSecret)
}

function credentialsOf(clientId: string, clientSecret: string | undefined): ClientCredentials {
  return clientSecret === undefined
    ? { method: 'none', clientId }
    : { method: 'client_secret', clientId, clientSecret }
}

/** An empty secret counts as none. */
function readBasic(authorization: string): { clientId: string; clientSecret: string | undefined } {
  const credentials = findBasicCredentials(authorization)
  if (credentials !== undefined && credentials.username !== '') {
    return { clientId: credentials.username, clientSecret: credentials.password || undefined }
  }
  throw new OAuthError(
    'invalid_client',
    'The Authorization header must be Basic with the form-encoded client_id and client_secret.',
    { headers: { 'WWW-Authenticate': 'Basic realm="oauth"' } },
  )
}

function readAssertion(
  assertion: string,
  type: string | undefined,
  clientId: string | undefined,
): ClientCredentials {
  if (type !== JWT_BEARER) {
    throw new OAuthError('invalid_request', `client_assertion_type must be ${JWT_BEARER}.`)
  }
  const subject = readSubject(assertion)
  if (subject === undefined)
    throw new OAuthError('invalid_client', 'client_assertion is not a JWT with a sub.')
  if (clientId !== undefined && clientId !== subject) {
    throw new OAuthError('invalid_request', 'client_id differs from the sub of client_assertion.')
  }
  return { method: 'private_key_jwt', clientId: subject, assertion }
}

/** Whom the assertion claims to be, to find the key that it must be signed with. Nothing is believed yet. */
function readSubject(assertion: string): string | undefined {
  try {
    const claims: unknown = JSON.parse(Buffer.from(assertion.split('.')[1] ?? '', 'base64url').toString())
    if (typeof claims !== 'object' || claims === null || !('sub' in claims)) return undefined
    return typeof claims.sub === 'string' && claims.sub !== '' ? claims.sub : undefined
  } catch {
    return undefined
  }
}
