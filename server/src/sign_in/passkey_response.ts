import type { RegistrationResponseJSON } from '@simplewebauthn/server'
import { isoBase64URL, isoCBOR } from '@simplewebauthn/server/helpers'
import { z } from 'zod'

const base64url = z
  .string()
  .max(32_768)
  .regex(/^[A-Za-z0-9_-]+$/)
const credential = { id: base64url, rawId: base64url, type: z.literal('public-key') }
// Our pages refuse to be framed, so no ceremony of ours is run from another site (WebAuthn §7.1 step 10, §7.2 step 13).
const clientDataJSON = base64url.refine(isOfTopLevelPage, 'this is no ceremony of a page of ours')
const transport = z.enum(['ble', 'cable', 'hybrid', 'internal', 'nfc', 'smart-card', 'usb'])

/** What `navigator.credentials.create()` gave (WebAuthn Level 3 §5.1.8). */
export const registrationResponseSchema = z
  .object({
    ...credential,
    response: z.object({
      clientDataJSON,
      attestationObject: base64url,
      // Browsers may know transports that we do not; those are left out.
      transports: z.array(z.string()).catch([]).default([]),
    }),
  })
  .transform(({ response, ...rest }) => ({
    ...rest,
    response: {
      ...response,
      transports: response.transports.flatMap((name) => transport.safeParse(name).data ?? []),
    },
    clientExtensionResults: {},
  }))

/** What `navigator.credentials.get()` gave. */
export const authenticationResponseSchema = z
  .object({
    ...credential,
    response: z.object({
      clientDataJSON,
      authenticatorData: base64url,
      signature: base64url,
      // A passkey is found without a name being asked for, so it must say whose it is (WebAuthn §7.2 step 6).
      userHandle: base64url,
    }),
  })
  .transform((parsed) => ({ ...parsed, clientExtensionResults: {} }))

/**
 * Takes the attestation off, which we do not ask for and do not judge: some authenticators send it all the same,
 * and checking it would fetch the revocation lists that it names.
 *
 * @throws Error where there is no attestation object
 */
export function withoutAttestation(registration: RegistrationResponseJSON): RegistrationResponseJSON {
  const attestationObject = isoBase64URL.toBuffer(registration.response.attestationObject)
  const decoded = isoCBOR.decodeFirst<unknown>(attestationObject)
  const authData = decoded instanceof Map ? decoded.get('authData') : undefined
  if (!(authData instanceof Uint8Array)) throw new Error('The attestation object has no authenticator data.')
  const stripped = new Map<string, CborValue>([
    ['fmt', 'none'],
    ['attStmt', new Map()],
    ['authData', authData],
  ])
  const response = {
    ...registration.response,
    attestationObject: isoBase64URL.fromBuffer(isoCBOR.encode(stripped)),
  }
  return { ...registration, response }
}

type CborValue = Parameters<typeof isoCBOR.encode>[0]

function isOfTopLevelPage(clientDataJSON: string): boolean {
  try {
    const clientData: unknown = JSON.parse(Buffer.from(clientDataJSON, 'base64url').toString())
    return z.object({ crossOrigin: z.literal(false).optional() }).safeParse(clientData).success
  } catch {
    return false
  }
}
