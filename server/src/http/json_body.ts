import { OAuthError } from '../errors.ts'
import { parseStorableJson } from '../storable_json.ts'
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
    return parseStorableJson(text)
  } catch (cause) {
    throw new OAuthError('invalid_request', 'The request body is not JSON that we can use.', { cause })
  }
}
