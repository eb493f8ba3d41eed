import { AuthorizationResponseError, ResponseBodyError } from 'oauth4webapi'
import { PublicFetchError } from '../clients/public_fetch.ts'
import { OAuthError } from '../errors.ts'

/**
 * What the person is told when a provider's answer cannot be used; an error that the provider itself answered with stays as
 * it is. The library's errors hold tokens, claims and codes, so the log gets their names and sentences alone.
 */
export function toUpstreamError(name: string, error: unknown): Error {
  if (error instanceof OAuthError || error instanceof AuthorizationResponseError) return error
  if (error instanceof PublicFetchError && ['unreachable', 'timeout'].includes(error.code))
    return unreachable(name, error)
  if (error instanceof ResponseBodyError && error.error === 'invalid_grant') {
    const description = `The sign-in at ${name} has expired, or was used already. Try again.`
    return new OAuthError('access_denied', description, { status: 401, cause: withoutSecrets(error) })
  }
  const description = `The answer of ${name} cannot be used. Sign in another way; the reason is in the log of this server.`
  return new OAuthError('server_error', description, { status: 502, cause: withoutSecrets(error) })
}

/**
 * Checks what a browser brought back. Where it is none of the provider's answers, that is not the provider's fault.
 *
 * @throws OAuthError `access_denied`
 */
export function checkAnswer<Parameters>(name: string, check: () => Parameters): Parameters {
  try {
    return check()
  } catch (error) {
    if (error instanceof AuthorizationResponseError) throw error
    const description = `This is not an answer of ${name} to what it was asked. Begin again.`
    throw new OAuthError('access_denied', description, { cause: withoutSecrets(error) })
  }
}

/** The provider is away, as far as we can see. */
export function unreachable(name: string, cause: Error): OAuthError {
  const description = `${name} cannot be reached just now. Try again in a moment, or sign in another way.`
  return new OAuthError('temporarily_unavailable', description, { headers: { 'Retry-After': '10' }, cause })
}

function withoutSecrets(error: unknown): Error {
  if (!(error instanceof Error)) return new Error('It threw what is no error.')
  const code = 'code' in error ? ` ${error.code}` : ''
  const answered = error instanceof ResponseBodyError ? `: ${error.error.slice(0, 80)}` : ''
  return new Error(`${error.name}${code}: ${error.message}${answered}`)
}
