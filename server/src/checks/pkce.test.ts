import { describe, expect, it } from 'vitest'
import { checkCodeChallenge, checkCodeVerifier } from './pkce.ts'

/** RFC 7636 appendix B. */
const VERIFIER = 'dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk'
const CHALLENGE = 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM'

describe('the code challenge of an authorization request', () => {
  it('is returned where its method is S256', () => {
    expect(checkCodeChallenge(CHALLENGE, 'S256')).toBe(CHALLENGE)
  })

  it.each([
    ['is missing', undefined, 'S256', 'PKCE with S256 is required'],
    ['has the method plain', CHALLENGE, 'plain', 'must be S256.'],
    ['has no method, which means plain', CHALLENGE, undefined, 'without it, plain is meant'],
    ['has a method in lower case', CHALLENGE, 's256', 'must be S256.'],
    ['is empty', '', 'S256', '43 characters'],
    ['is too short', CHALLENGE.slice(1), 'S256', '43 characters'],
    ['is too long', `${CHALLENGE}A`, 'S256', '43 characters'],
    ['is padded', `${CHALLENGE}=`, 'S256', 'no padding'],
    ['is base64, not base64url', `+${CHALLENGE.slice(1)}`, 'S256', '43 characters'],
    ['ends with a line feed', `${CHALLENGE.slice(1)}\n`, 'S256', '43 characters'],
  ])('is refused when it %s', (_, challenge, method, why) => {
    expect(() => checkCodeChallenge(challenge, method)).toThrow(why)
    expect(() => checkCodeChallenge(challenge, method)).toThrow(/^invalid_request/)
  })
})

describe('the code verifier of a token request', () => {
  it('belongs to its challenge (RFC 7636 appendix B)', () => {
    expect(() => checkCodeVerifier(VERIFIER, CHALLENGE)).not.toThrow()
  })

  it.each([
    ['is missing', undefined, 'code_verifier is missing'],
    ['is empty', '', '43 to 128'],
    ['is too short', VERIFIER.slice(1), '43 to 128'],
    ['is too long', 'a'.repeat(129), '43 to 128'],
    ['has a character that is not allowed', `${VERIFIER}+`, '43 to 128'],
    ['ends with a line feed', `${VERIFIER}\n`, '43 to 128'],
  ])('is refused as a bad request when it %s', (_, verifier, why) => {
    expect(() => checkCodeVerifier(verifier, CHALLENGE)).toThrow(why)
    expect(() => checkCodeVerifier(verifier, CHALLENGE)).toThrow(/^invalid_request/)
  })

  it.each([
    ['belongs to another challenge', 'a'.repeat(43)],
    ['is the challenge itself, as it would be with plain', CHALLENGE],
    ['differs in the case of one letter', VERIFIER.replace('d', 'D')],
  ])('is refused as a bad grant when it %s', (_, verifier) => {
    expect(() => checkCodeVerifier(verifier, CHALLENGE)).toThrow(
      /^invalid_grant: code_verifier does not belong/,
    )
  })

  it.each(['', 'short'])('fits no challenge of another length: "%s"', (challenge) => {
    expect(() => checkCodeVerifier(VERIFIER, challenge)).toThrow(/^invalid_grant/)
  })
})
