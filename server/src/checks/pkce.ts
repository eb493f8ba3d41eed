import { createHash, timingSafeEqual } from 'node:crypto'
import { OAuthError } from '../errors.ts'

/** RFC 7636 §4.2: the base64url form of a SHA-256, without padding. */
const S256_CHALLENGE = /^[A-Za-z0-9_-]{43}$/
/** RFC 7636 §4.1. */
const VERIFIER = /^[A-Za-z0-9._~-]{43,128}$/

/**
 * Checks the challenge of an authorization request. PKCE is mandatory and `plain` is refused
 * (OAuth 2.1 §4.1.1, §7.5.2).
 *
 * @returns the challenge
 */
export function checkCodeChallenge(challenge: string | undefined, method: string | undefined): string {
  if (challenge === undefined) {
    throw new OAuthError('invalid_request', 'code_challenge is missing: PKCE with S256 is required.')
  }
  if (method !== 'S256') {
    throw new OAuthError(
      'invalid_request',
      `code_challenge_method must be S256${method === undefined ? '; without it, plain is meant' : ''}.`,
    )
  }
  if (!S256_CHALLENGE.test(challenge)) {
    throw new OAuthError(
      'invalid_request',
      'code_challenge must be the base64url form of a SHA-256: 43 characters, no padding.',
    )
  }
  return challenge
}

/** Checks that the verifier of a token request belongs to the challenge (RFC 7636 §4.6). */
export function checkCodeVerifier(verifier: string | undefined, challenge: string): void {
  if (verifier === undefined) {
    throw new OAuthError(
      'invalid_request',
      'code_verifier is missing: the authorization request had a code_challenge.',
    )
  }
  if (!VERIFIER.test(verifier)) {
    throw new OAuthError(
      'invalid_request',
      'code_verifier must be 43 to 128 characters of A-Z a-z 0-9 - . _ ~.',
    )
  }
  const expected = Buffer.from(createHash('sha256').update(verifier).digest('base64url'))
  const actual = Buffer.from(challenge)
  if (expected.length !== actual.length || !timingSafeEqual(expected, actual)) {
    throw new OAuthError(
      'invalid_grant',
      'code_verifier does not belong to the code_challenge of the authorization request.',
    )
  }
}
