import {
  type AuthenticationResponseJSON,
  generateAuthenticationOptions,
  generateRegistrationOptions,
  type PublicKeyCredentialCreationOptionsJSON,
  type PublicKeyCredentialRequestOptionsJSON,
  type RegistrationResponseJSON,
  verifyAuthenticationResponse,
  verifyRegistrationResponse,
} from '@simplewebauthn/server'
import type { ServerContext } from '../context.ts'
import { OAuthError } from '../errors.ts'
import { newId } from '../random.ts'
import { CEREMONY_SECONDS, checkFirstUse, openCeremony, sealCeremony } from './ceremony.ts'
import type { SignedIn } from './completion.ts'
import { noticeByMail } from './notice_mail.ts'
import { withoutAttestation } from './passkey_response.ts'
import { recordRefusal } from './refusal_record.ts'
import type { Session } from './session.ts'

/** EdDSA, ES256, RS256 (COSE): what authenticators of today have. */
const ALGORITHMS = [-8, -7, -257]
const MAX_PASSKEYS = 20

/** What the script of our pages passes on to the browser. */
export interface CeremonyStart<Options> {
  options: Options
  ceremony: string
}

/**
 * Begins a sign-in by passkey (WebAuthn Level 3 §7.2). It names no account: the browser offers the passkeys that it
 * has for this host. The person is verified by the device, since nothing else is asked.
 */
export async function beginAuthentication(
  context: ServerContext,
  browserId: string,
): Promise<CeremonyStart<PublicKeyCredentialRequestOptionsJSON>> {
  const options = await generateAuthenticationOptions({
    rpID: rpIdOf(context),
    userVerification: 'required',
    timeout: CEREMONY_SECONDS * 1000,
  })
  const ceremony = sealCeremony(context, browserId, { type: 'authentication', challenge: options.challenge })
  return { options, ceremony }
}

/**
 * Signs in by passkey. No budget applies: a signature cannot be guessed, and nobody shall be locked out.
 *
 * @throws OAuthError `access_denied` (401), the same for an unknown passkey as for a wrong signature
 */
export async function findByPasskey(
  context: ServerContext,
  browserId: string,
  sealed: string,
  response: AuthenticationResponseJSON,
): Promise<SignedIn> {
  const ceremony = openCeremony(context, browserId, 'authentication', sealed)
  const passkey = await context.storage.findPasskey(response.id)
  if (passkey === undefined) return refuse(context, undefined, 'unknown_passkey')
  const refusal = (reason: string, cause?: unknown) => refuse(context, passkey.user_id, reason, cause)
  if (response.response.userHandle !== userHandleOf(passkey.user_id)) return refusal('wrong_user_handle')

  const verified = await verifyAuthenticationResponse({
    response,
    expectedChallenge: ceremony.challenge,
    expectedOrigin: context.issuer.origin,
    expectedRPID: rpIdOf(context),
    requireUserVerification: true,
    credential: {
      id: passkey.passkey_id,
      publicKey: new Uint8Array(passkey.passkey_public_key),
      counter: passkey.passkey_counter,
    },
  }).catch((cause: unknown) => cause)
  if (!isVerified(verified)) return refusal('wrong_signature', verified)
  if (!passkey.may_sign_in) return refusal('account_disabled')

  await checkFirstUse(context, ceremony)
  const counter = verified.authenticationInfo.newCounter
  // Two responses of one counter that were checked at once: one of them is a copy's (WebAuthn §6.1.1).
  const isNewer = await context.storage.recordPasskeyUse({ id: passkey.id, counter }, new Date(context.now()))
  if (!isNewer) return refusal('counter_went_back')
  return { user: { id: passkey.user_id, email: passkey.email }, method: 'passkey' }
}

/** Begins the registration of a passkey for who is signed in (WebAuthn Level 3 §7.1). */
export async function beginRegistration(
  context: ServerContext,
  browserId: string,
  { user }: Session,
): Promise<CeremonyStart<PublicKeyCredentialCreationOptionsJSON>> {
  const passkeys = await context.storage.listPasskeys(user.id)
  if (passkeys.length >= MAX_PASSKEYS) {
    throw new OAuthError('conflict', `An account has at most ${MAX_PASSKEYS} passkeys. Remove one first.`)
  }
  const options = await generateRegistrationOptions({
    rpName: 'Auth-Agent',
    rpID: rpIdOf(context),
    userID: new TextEncoder().encode(user.id),
    userName: user.email,
    userDisplayName: user.email,
    timeout: CEREMONY_SECONDS * 1000,
    attestationType: 'none',
    authenticatorSelection: { residentKey: 'required', userVerification: 'required' },
    excludeCredentials: passkeys.map((passkey) => ({
      id: passkey.passkey_id,
      transports: passkey.passkey_transports ?? [],
    })),
    supportedAlgorithmIDs: ALGORITHMS,
  })
  const { challenge } = options
  const ceremony = sealCeremony(context, browserId, { type: 'registration', challenge, userId: user.id })
  return { options, ceremony }
}

/**
 * Stores a new passkey of who is signed in.
 *
 * @throws OAuthError `invalid_request` where the response does not fit the ceremony, `conflict` where it is known
 */
export async function addPasskey(
  context: ServerContext,
  browserId: string,
  { user }: Session,
  { sealed, response, name }: { sealed: string; response: RegistrationResponseJSON; name: string },
): Promise<void> {
  const ceremony = openCeremony(context, browserId, 'registration', sealed)
  if (ceremony.userId !== user.id) {
    throw new OAuthError('invalid_request', 'The passkey ceremony was begun by somebody else.')
  }
  const { credential } = await verifyRegistration(context, ceremony.challenge, response)
  await checkFirstUse(context, ceremony)
  const passkey = {
    id: newId('crd_'),
    user_id: user.id,
    passkey_id: credential.id,
    passkey_public_key: credential.publicKey,
    passkey_counter: credential.counter,
    passkey_transports: credential.transports ?? [],
    name,
  }
  if (!(await context.storage.addPasskey(passkey, new Date(context.now())))) {
    throw new OAuthError('conflict', 'This passkey is registered already.')
  }
  await context.audit.record({
    type: 'passkey.added',
    user_id: user.id,
    detail: { credential_id: passkey.id },
  })
  noticeByMail(context, user.email, 'A passkey was added to your account')
}

async function verifyRegistration(
  context: ServerContext,
  expectedChallenge: string,
  response: RegistrationResponseJSON,
) {
  try {
    const { registrationInfo } = await verifyRegistrationResponse({
      response: withoutAttestation(response),
      expectedChallenge,
      expectedOrigin: context.issuer.origin,
      expectedRPID: rpIdOf(context),
      requireUserVerification: true,
      supportedAlgorithmIDs: ALGORITHMS,
    })
    if (registrationInfo === undefined) throw new Error('The attestation was not verified.')
    return registrationInfo
  } catch (cause) {
    throw new OAuthError('invalid_request', 'The passkey could not be verified. Try again.', { cause })
  }
}

function isVerified(result: unknown): result is Awaited<ReturnType<typeof verifyAuthenticationResponse>> {
  return typeof result === 'object' && result !== null && 'verified' in result && result.verified === true
}

async function refuse(
  context: ServerContext,
  userId: string | undefined,
  reason: string,
  cause?: unknown,
): Promise<never> {
  context.telemetry.signInTried('passkey', 'failed')
  await recordRefusal(context, userId, { method: 'passkey', reason })
  throw new OAuthError('access_denied', 'This passkey does not open an account here.', { status: 401, cause })
}

function rpIdOf(context: ServerContext): string {
  return new URL(context.issuer.url).hostname
}

function userHandleOf(userId: string): string {
  return Buffer.from(userId).toString('base64url')
}
