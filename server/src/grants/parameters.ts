import { OAuthError } from '../errors.ts'

/** The parameters of a token request. `get` refuses a repetition; an empty value counts as absent. */
export interface TokenParameters {
  get(name: string): string | undefined
  getAll(name: string): readonly string[]
}

/** A parameter that the grant cannot do without. */
export function requiredParameter(parameters: TokenParameters, name: string): string {
  const value = parameters.get(name)
  if (value === undefined) throw new OAuthError('invalid_request', `${name} is missing.`)
  return value
}
