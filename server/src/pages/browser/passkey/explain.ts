import { WebAuthnError } from '@simplewebauthn/browser'
import { Refusal } from './post.ts'

/** What went wrong with a passkey, in words for the person before the screen. */
export function explain(error: unknown): string {
  if (error instanceof Refusal) return explainRefusal(error)
  if (error instanceof WebAuthnError && error.code === 'ERROR_AUTHENTICATOR_PREVIOUSLY_REGISTERED')
    return 'This device already has a passkey for your account.'
  if (error instanceof WebAuthnError && /DOMAIN|RP_ID/.test(error.code))
    return 'Passkeys do not work at this address. Sign in another way.'
  if (error instanceof Error && (error.name === 'NotAllowedError' || error.name === 'AbortError'))
    return 'Nothing happened: it was cancelled, or took too long. You can try again.'
  if (error instanceof TypeError) return 'The server cannot be reached. Are you online?'
  return 'That did not work. Try again, or use another way.'
}

function explainRefusal({ status, code }: Refusal): string {
  if (code === 'login_required')
    return 'Your sign-in is a while ago. Sign out and in again, then add the passkey.'
  if (status === 429) return 'Too many tries. Wait a minute, then try again.'
  if (status === 403) return 'This page is out of date. Load it again.'
  if (status >= 500) return 'The server cannot do this now. Try again in a moment.'
  return 'This passkey was not accepted. Try again, or use another way.'
}
