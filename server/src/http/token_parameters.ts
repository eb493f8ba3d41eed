import { z } from 'zod'
import { OAuthError } from '../errors.ts'
import { mediaTypeOf } from './body.ts'
import { type Form, readForm, toForm } from './form.ts'
import { readJson } from './json_body.ts'

const jsonParameters = z.record(z.string(), z.unknown())

/** The parameters of introspection and revocation: a form (RFC 7662 §2.1), or the JSON that the first SDK sends. */
export function readTokenParameters(request: Request): Promise<Form> {
  const mediaType = mediaTypeOf(request)
  return mediaType === 'application/json' ? readJsonParameters(request) : readForm(request, mediaType)
}

async function readJsonParameters(request: Request): Promise<Form> {
  const parsed = jsonParameters.safeParse(await readJson(request))
  if (!parsed.success) throw new OAuthError('invalid_request', 'The request body must be a JSON object.')
  const parameters = Object.entries(parsed.data).filter(
    (entry): entry is [string, string] => typeof entry[1] === 'string',
  )
  return toForm(new URLSearchParams(parameters))
}

/** The token that the request is about. */
export function requiredToken(parameters: Form): string {
  const token = parameters.get('token')
  if (token === undefined) throw new OAuthError('invalid_request', 'token is missing.')
  return token
}
