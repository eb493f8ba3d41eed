import { OAuthError } from '../errors.ts'
import { mediaTypeOf, readBody } from './body.ts'

/**
 * Reads a JSON body of at most 64 KiB. What it holds is not checked, but for characters that PostgreSQL cannot
 * store: parse it by a schema.
 *
 * @throws OAuthError `invalid_request` for another content type and for what is no JSON, `request_too_large`
 */
export async function readJson(request: Request): Promise<unknown> {
  if (mediaTypeOf(request) !== 'application/json') {
    throw new OAuthError('invalid_request', 'The request must have the content type application/json.')
  }
  const text = await readBody(request)
  try {
    return JSON.parse(text, refuseUnstorable)
  } catch (cause) {
    throw new OAuthError('invalid_request', 'The request body is not JSON that we can use.', { cause })
  }
}

/** JSON can spell a NUL and half a surrogate pair; neither is a character of PostgreSQL. */
function refuseUnstorable(key: string, value: unknown): unknown {
  if (isUnstorable(key) || (typeof value === 'string' && isUnstorable(value))) {
    throw new SyntaxError('It contains a NUL or half a surrogate pair.')
  }
  return value
}

function isUnstorable(text: string): boolean {
  return text.includes('\0') || !text.isWellFormed()
}
