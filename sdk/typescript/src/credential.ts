import { AuthAgentError } from './errors.ts'

/** How an access token came (RFC 6750 §2.1, RFC 9449 §7.1). */
export interface Credential {
  scheme: 'Bearer' | 'DPoP'
  token: string
}

const BEARER = 'Bearer '
const MAX_TOKEN_LENGTH = 16_384
/** RFC 6750 §2.1: a scheme, and one b64token, which is the token68 of RFC 9110 §11.2. */
const CREDENTIAL = /^(bearer|dpop) +([A-Za-z0-9\-._~+/]+=*)$/i
/** RFC 9110 §11.4: a scheme is a token. */
const OUR_SCHEME = /^(?:bearer|dpop)(?![!#$%&'*+.^_`|~\w-])/i
const QUOTED = /"(?:[^"\\]|\\.)*\\?(?:"|$)/g
/** Where several headers became one: a scheme that follows a comma, and is no parameter of the first scheme. */
const SECOND_SCHEME = /,[ \t]*(?:[!#$%&'*+.^_`|~\w-]+ +[^\s=,]|(?:bearer|dpop)[ \t]*(?:,|$))/i

/**
 * Finds the access token of a request. Several headers of one name come as one, joined by commas. The query is
 * without its question mark.
 *
 * @throws AuthAgentError `missing_token`, `invalid_request`, `invalid_token`
 */
export function findCredential(authorization: string | undefined, query: string): Credential {
  if (hasTokenInQuery(query)) {
    refuse(
      'invalid_request',
      'An access token in the URL ends up in logs. Send it in the Authorization header.',
    )
  }
  const header = authorization?.trim() ?? ''
  const [, scheme, token] = CREDENTIAL.exec(header) ?? []
  if (scheme === undefined || token === undefined) return refuseOther(header)
  if (token.length > MAX_TOKEN_LENGTH) refuse('invalid_token', 'The access token is too long.')
  return { scheme: scheme.length === 4 ? 'DPoP' : 'Bearer', token }
}

/** What follows `Bearer`. Only where it is one token that was verified before is it certain to be one. */
export function findPlainToken(authorization: string | undefined): string | undefined {
  return authorization?.startsWith(BEARER) ? authorization.slice(BEARER.length) : undefined
}

function refuseOther(header: string): never {
  if (SECOND_SCHEME.test(header.replaceAll(QUOTED, '""'))) {
    refuse('invalid_request', 'Send exactly one Authorization header.')
  }
  if (OUR_SCHEME.test(header)) {
    refuse('invalid_request', 'The Authorization header must hold one token after its scheme.')
  }
  return refuse('missing_token', 'Send an access token: Authorization: Bearer <token>.')
}

/** RFC 6750 §2.3, which OAuth 2.1 has no more. */
function hasTokenInQuery(query: string): boolean {
  return query !== '' && new URLSearchParams(query).has('access_token')
}

function refuse(code: string, description: string): never {
  throw new AuthAgentError(code, description)
}
