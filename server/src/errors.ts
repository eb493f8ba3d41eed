/**
 * Error codes on the wire: RFC 6749 §4.1.2.1 and §5.2, RFC 6750 §3.1, RFC 7591 §3.2.2, RFC 8707 §2,
 * RFC 9126 §2.3, OpenID Connect Core §3.1.2.6 — and, for the management API, words of our own.
 */
export type ErrorCode =
  | 'invalid_request'
  | 'invalid_client'
  | 'invalid_grant'
  | 'unauthorized_client'
  | 'unsupported_grant_type'
  | 'unsupported_response_type'
  | 'invalid_scope'
  | 'invalid_target'
  | 'access_denied'
  | 'server_error'
  | 'temporarily_unavailable'
  | 'invalid_token'
  | 'insufficient_scope'
  | 'invalid_redirect_uri'
  | 'invalid_client_metadata'
  | 'login_required'
  | 'consent_required'
  | 'interaction_required'
  | 'request_not_supported'
  | 'request_uri_not_supported'
  | 'registration_not_supported'
  | 'slow_down'
  | 'not_found'
  | 'conflict'
  | 'method_not_allowed'
  | 'request_too_large'
  | 'misdirected_request'

const STATUS: Partial<Record<ErrorCode, number>> = {
  invalid_client: 401,
  invalid_token: 401,
  insufficient_scope: 403,
  server_error: 500,
  temporarily_unavailable: 503,
  slow_down: 429,
  not_found: 404,
  conflict: 409,
  method_not_allowed: 405,
  request_too_large: 413,
  misdirected_request: 421,
}

/**
 * A refusal. `code` and `description` are public: they help the developer who reads them and give nothing
 * away. `cause` is private: it goes to the log and nowhere else.
 */
export class OAuthError extends Error {
  readonly code: ErrorCode
  readonly description: string
  readonly status: number
  /** Further response headers, such as `WWW-Authenticate` or `Retry-After`. */
  readonly headers: Readonly<Record<string, string>>

  constructor(
    code: ErrorCode,
    description: string,
    options: { status?: number; headers?: Record<string, string>; cause?: unknown } = {},
  ) {
    super(`${code}: ${description}`, options.cause === undefined ? undefined : { cause: options.cause })
    this.name = 'OAuthError'
    this.code = code
    this.description = toErrorDescription(description)
    this.status = options.status ?? STATUS[code] ?? 400
    this.headers = options.headers ?? {}
  }
}

/** RFC 6749 §5.2 admits only %x20-21, %x23-5B and %x5D-7E in `error_description`. */
function toErrorDescription(text: string): string {
  return text
    .replaceAll('"', "'")
    .replaceAll('\\', '/')
    .replace(/[^\x20-\x7e]/g, '?')
}

/** The JSON body of an error (RFC 6749 §5.2). */
export function errorBody(error: OAuthError): { error: string; error_description: string } {
  return { error: error.code, error_description: error.description }
}
