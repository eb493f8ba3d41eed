/**
 * What an {@link AuthAgentError} says that went wrong; the same codes in every language. Besides those, the client
 * passes on the codes of the authorization server (RFC 6749 §5.2), so any string may come.
 */
export type ErrorCode =
  | 'missing_token'
  | 'invalid_token'
  | 'invalid_dpop_proof'
  | 'invalid_request'
  | 'insufficient_scope'
  | 'tool_not_allowed'
  | 'request_too_large'
  | 'unsupported_media_type'
  | 'origin_not_allowed'
  | 'temporarily_unavailable'
  | (string & {})

/** An error of this SDK. Its message is a sentence that says what to do, and never holds a secret. */
export class AuthAgentError extends Error {
  override readonly name: string = 'AuthAgentError'
  /** Stable; what a program compares. */
  readonly code: ErrorCode

  constructor(code: ErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}

/** The authorization server cannot be asked, or answers nothing of use. */
export class UnavailableError extends AuthAgentError {
  /** Why, for the operator: the rest of a sentence, without a secret. Strangers are not told. */
  readonly reason: string
  /** Of its answer, where there was one. */
  readonly status: number | undefined

  constructor(reason: string, { status, cause }: { status?: number; cause?: unknown } = {}) {
    const what = status === undefined ? 'did not answer' : reason
    const message = `The authorization server ${what}. Try again in a few seconds.`
    super('temporarily_unavailable', message, { cause })
    this.reason = reason
    this.status = status
  }
}

/** Why it cannot be asked, for the operator. */
export function reasonOf(error: unknown): string {
  return error instanceof UnavailableError ? error.reason : 'cannot be asked'
}

/** The token is for another server (RFC 8707 §2). */
export class WrongAudienceError extends AuthAgentError {
  override readonly name = 'WrongAudienceError'
  /** The token's `aud`, whatever that is. */
  readonly audience: unknown
  /** This server's own URL. */
  readonly resource: string

  constructor(audience: unknown, resource: string) {
    super(
      'invalid_token',
      `The access token is for another server. Ask for one for ${resource}, by resource.`,
    )
    this.audience = audience
    this.resource = resource
  }
}

/** The token is good, but does not allow this (RFC 6750 §3.1). */
export class InsufficientScopeError extends AuthAgentError {
  override readonly name = 'InsufficientScopeError'
  /** Everything that is needed, not only what is missing. */
  readonly scopes: readonly string[]

  constructor(scopes: readonly string[]) {
    const needed = scopes.length === 1 ? `the scope ${scopes[0]}` : `the scopes ${scopes.join(' ')}`
    super('insufficient_scope', `This needs ${needed}. Authorize again, asking for what is named here.`)
    this.scopes = scopes
  }
}

/** A message of JSON-RPC that is refused (JSON-RPC 2.0 §5.1). */
export class JsonRpcError extends Error {
  override readonly name: string = 'JsonRpcError'
  /** Of the HTTP answer. */
  readonly status: number = 400
  readonly code: number
  readonly id: string | number | null

  constructor(code: number, message: string, id: unknown) {
    super(message)
    this.code = code
    this.id = typeof id === 'string' || typeof id === 'number' ? id : null
  }
}

/** There is no such session, or it is another person's, which is not to be told apart. */
export class SessionNotFoundError extends JsonRpcError {
  override readonly name = 'SessionNotFoundError'
  override readonly status = 404

  constructor() {
    super(-32_001, 'Session not found', null)
  }
}
