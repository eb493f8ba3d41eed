import { OAuthError } from '../errors.ts'
import { MAX_BODY_BYTES, mediaTypeOf, readBody } from './body.ts'

const FORM_TYPE = 'application/x-www-form-urlencoded'

/** The parameters of a request. One without a value counts as absent (RFC 6749 §3.1 and §3.2). */
export interface Form {
  /**
   * The one value of a parameter, or undefined.
   *
   * @throws OAuthError `invalid_request` where it was given more than once (RFC 6749 §3.1)
   */
  get(name: string): string | undefined
  /** Every value of a parameter that may be repeated. */
  getAll(name: string): readonly string[]
}

/**
 * Reads a form that was posted (RFC 6749 appendix B). Rejects with an OAuthError: `invalid_request` for another content type,
 * `request_too_large` beyond 64 KiB.
 *
 * @param mediaType that of the request, where somebody has looked already
 */
export function readForm(request: Request, mediaType: string = mediaTypeOf(request)): Promise<Form> {
  if (mediaType !== FORM_TYPE) {
    const description = `The request must have the content type ${FORM_TYPE}.`
    return Promise.reject(new OAuthError('invalid_request', description))
  }
  return readBody(request).then((body) => toForm(new URLSearchParams(body)))
}

/**
 * Reads the query of a request by the rules for a form.
 *
 * @throws OAuthError `request_too_large` beyond 64 KiB
 */
export function readQuery(request: Request): Form {
  const query = new URL(request.url).search
  if (query.length > MAX_BODY_BYTES) {
    throw new OAuthError('request_too_large', `The query is longer than ${MAX_BODY_BYTES} bytes.`)
  }
  return toForm(new URLSearchParams(query))
}

/** The same rules for parameters that came another way. */
export function toForm(params: URLSearchParams): Form {
  const getAll = (name: string): readonly string[] => {
    const values = params.getAll(name).filter((value) => value !== '')
    // PostgreSQL has no NUL in a text, and neither has anything that we are sent in good faith.
    if (values.some((value) => value.includes('\0'))) {
      throw new OAuthError('invalid_request', `The parameter ${name} contains a NUL byte.`)
    }
    return values
  }
  return {
    getAll,
    get(name) {
      const values = getAll(name)
      if (values.length > 1)
        throw new OAuthError('invalid_request', `The parameter ${name} was given more than once.`)
      return values[0]
    },
  }
}

/**
 * Refuses a request that repeats a parameter, whether or not this request needs it (RFC 6749 §3.1 and §3.2).
 *
 * @throws OAuthError `invalid_request`
 */
export function checkNoRepetition(form: Form, names: readonly string[]): void {
  for (const name of names) form.get(name)
}
