import { AuthAgentError, InsufficientScopeError, JsonRpcError } from './errors.ts'
import { DPOP_ALGS } from './signature_algorithms.ts'

/** What this SDK answers itself, before an adapter makes its response of it. */
export interface Answer {
  status: number
  headers: Readonly<Record<string, string>>
  body: string | null
}

/** What a challenge tells the client (RFC 9728 §5.1). */
export interface ChallengeContext {
  /** Undefined until this server knows its own URL. */
  metadataUrl: string | undefined
  requiredScopes: readonly string[]
  /** The scheme that the token came with. */
  scheme: 'Bearer' | 'DPoP'
}

const STATUS: Readonly<Record<string, number>> = {
  invalid_request: 400,
  missing_token: 401,
  invalid_token: 401,
  invalid_dpop_proof: 401,
  insufficient_scope: 403,
  tool_not_allowed: 403,
  origin_not_allowed: 403,
  request_too_large: 413,
  unsupported_media_type: 415,
  temporarily_unavailable: 503,
}
/** Seconds. */
const RETRY_AFTER = '5'

/** Describes a refusal; other errors are defects, and thrown on. */
export function answerError(error: unknown, context: ChallengeContext): Answer {
  if (error instanceof JsonRpcError) return answerJsonRpcError(error)
  const status = error instanceof AuthAgentError ? STATUS[error.code] : undefined
  if (!(error instanceof AuthAgentError) || status === undefined) throw error
  const challenge = describeChallenge(error, context)
  return answerJson(
    status,
    { error: error.code, error_description: error.message },
    {
      ...(challenge !== undefined && { 'WWW-Authenticate': challenge }),
      ...(status === 503 && { 'Retry-After': RETRY_AFTER }),
    },
  )
}

export function answerJson(status: number, body: object, headers: Readonly<Record<string, string>>): Answer {
  return {
    status,
    headers: { 'Content-Type': 'application/json', 'Cache-Control': 'no-store', ...headers },
    body: JSON.stringify(body),
  }
}

/** JSON-RPC 2.0 §5.1. */
function answerJsonRpcError({ status, code, message, id }: JsonRpcError): Answer {
  return answerJson(status, { jsonrpc: '2.0', id, error: { code, message } }, {})
}

/** RFC 6750 §3, RFC 9449 §7.1. */
function describeChallenge(error: AuthAgentError, context: ChallengeContext): string | undefined {
  const { metadataUrl, requiredScopes, scheme } = context
  const algs = scheme === 'DPoP' ? DPOP_ALGS : undefined
  const what = { error: error.code, error_description: error.message }
  const where = { resource_metadata: metadataUrl }
  const scope = scopeParameter(requiredScopes)
  switch (error.code) {
    case 'missing_token':
      return challenge('Bearer', { ...where, scope })
    case 'invalid_token':
      return challenge(scheme, { ...what, algs, ...where, scope })
    case 'invalid_dpop_proof':
      return challenge('DPoP', { ...what, algs: DPOP_ALGS, ...where, scope })
    case 'invalid_request':
      return challenge('Bearer', { ...what, ...where })
    case 'insufficient_scope': {
      const scopes = error instanceof InsufficientScopeError ? error.scopes : requiredScopes
      const needed = { error: error.code, scope: scopeParameter(scopes) }
      return challenge(scheme, { ...needed, ...where, error_description: error.message, algs })
    }
    default:
      return undefined
  }
}

function scopeParameter(scopes: readonly string[]): string | undefined {
  return scopes.length === 0 ? undefined : scopes.join(' ')
}

/** RFC 9110 §11.6.1, each value as a quoted string (§5.6.4). */
function challenge(scheme: string, parameters: Readonly<Record<string, string | undefined>>): string {
  const written = Object.entries(parameters)
    .filter(([, value]) => value !== undefined)
    .map(([name, value = '']) => `${name}="${value.replaceAll(/["\\]/g, '\\$&')}"`)
  return `${scheme} ${written.join(', ')}`
}
