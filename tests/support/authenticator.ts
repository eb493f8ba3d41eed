import { createHash, generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto'
import { isoCBOR } from '@simplewebauthn/server/helpers'

/** What a test may have the authenticator, or the browser before it, do wrong. */
export interface Misbehaviour {
  origin?: string
  rpId?: string
  challenge?: string
  type?: string
  crossOrigin?: boolean
  /** Do not move the counter, or set it to this. */
  counter?: number
  userVerified?: boolean
  userPresent?: boolean
  userHandle?: string
  /** Sign with another key. */
  wrongKey?: boolean
  /** A format of attestation, with a statement. */
  attestation?: { fmt: string; attStmt: Map<string, unknown> }
}

interface CreationOptions {
  challenge: string
  rp: { id?: string }
  user: { id: string }
}

interface RequestOptions {
  challenge: string
  rpId?: string
}

/** A software authenticator and the browser around it (WebAuthn Level 3 §6): one ES256 passkey. */
export interface Authenticator {
  id: string
  counter: number
  create(options: CreationOptions, misbehaviour?: Misbehaviour): Record<string, unknown>
  get(options: RequestOptions, misbehaviour?: Misbehaviour): Record<string, unknown>
}

/** @param usesCounter passkeys that are synchronised always say 0 */
export function createAuthenticator(origin: string, usesCounter = true): Authenticator {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const rawId = randomBytes(32)
  const id = rawId.toString('base64url')
  let userHandle = ''

  const authenticator: Authenticator = {
    id,
    counter: 0,
    create(options, wrong = {}) {
      userHandle = options.user.id
      const credential = Buffer.concat([Buffer.alloc(16), uint16(rawId.length), rawId, coseKey(publicKey)])
      const authData = Buffer.concat([authenticatorData(options.rp.id, wrong, 0x40), credential])
      const { fmt = 'none', attStmt = new Map() } = wrong.attestation ?? {}
      const attestation = new Map<string, unknown>([
        ['fmt', fmt],
        ['attStmt', attStmt],
        ['authData', new Uint8Array(authData)],
      ])
      return answer({
        clientDataJSON: encode(clientData('webauthn.create', options.challenge, wrong)),
        attestationObject: encode(isoCBOR.encode(attestation as never)),
        transports: ['internal', 'a-transport-of-tomorrow'],
      })
    },
    get(options, wrong = {}) {
      if (usesCounter) authenticator.counter += 1
      const data = clientData('webauthn.get', options.challenge, wrong)
      const authData = authenticatorData(options.rpId, wrong, 0)
      const signed = Buffer.concat([authData, createHash('sha256').update(data).digest()])
      const key = wrong.wrongKey ? generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey : privateKey
      return answer({
        clientDataJSON: encode(data),
        authenticatorData: encode(authData),
        signature: encode(sign('sha256', signed, key)),
        userHandle: wrong.userHandle ?? userHandle,
      })
    },
  }

  function answer(response: Record<string, unknown>) {
    return { id, rawId: id, type: 'public-key', response, clientExtensionResults: {} }
  }

  function clientData(type: string, challenge: string, wrong: Misbehaviour): Buffer {
    return Buffer.from(
      JSON.stringify({
        type: wrong.type ?? type,
        challenge: wrong.challenge ?? challenge,
        origin: wrong.origin ?? origin,
        crossOrigin: wrong.crossOrigin ?? false,
      }),
    )
  }

  function authenticatorData(rpId: string | undefined, wrong: Misbehaviour, extraFlags: number): Buffer {
    const rpIdHash = createHash('sha256').update(wrong.rpId ?? rpId ?? new URL(origin).hostname)
    const flags =
      (wrong.userPresent === false ? 0 : 0x01) | (wrong.userVerified === false ? 0 : 0x04) | extraFlags
    const counter = Buffer.alloc(4)
    counter.writeUInt32BE(wrong.counter ?? authenticator.counter)
    return Buffer.concat([rpIdHash.digest(), Buffer.from([flags]), counter])
  }
  return authenticator
}

/** RFC 9053 §7.1.1: an EC2 key for ES256. */
function coseKey(publicKey: KeyObject): Uint8Array {
  const { x = '', y = '' } = publicKey.export({ format: 'jwk' }) as { x?: string; y?: string }
  return isoCBOR.encode(
    new Map<number, number | Uint8Array>([
      [1, 2],
      [3, -7],
      [-1, 1],
      [-2, new Uint8Array(Buffer.from(x, 'base64url'))],
      [-3, new Uint8Array(Buffer.from(y, 'base64url'))],
    ]),
  )
}

function uint16(value: number): Buffer {
  const bytes = Buffer.alloc(2)
  bytes.writeUInt16BE(value)
  return bytes
}

function encode(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64url')
}
