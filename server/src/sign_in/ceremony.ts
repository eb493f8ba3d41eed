import { createHash } from 'node:crypto'
import { z } from 'zod'
import type { ServerContext } from '../context.ts'
import { OAuthError } from '../errors.ts'

/** As long as a person may need to find the phone or the security key. */
export const CEREMONY_SECONDS = 300

/** One passkey ceremony: what the server would else have to remember between its two requests. */
export interface Ceremony {
  type: 'registration' | 'authentication'
  challenge: string
  /** Whose passkey is registered. */
  userId?: string | undefined
}

const sealedSchema = z.object({
  type: z.enum(['registration', 'authentication']),
  challenge: z.string(),
  userId: z.string().optional(),
  exp: z.number(),
})

/** Seals a ceremony for one browser and five minutes, so that a ceremony that nobody finishes costs no row. */
export function sealCeremony(context: ServerContext, browserId: string, ceremony: Ceremony): string {
  const exp = context.now() + CEREMONY_SECONDS * 1000
  const payload = Buffer.from(JSON.stringify({ ...ceremony, exp })).toString('base64url')
  return `${payload}.${context.purposeKeys.mac('browser', sealMessage(browserId, payload)).toString('base64url')}`
}

/**
 * Opens a ceremony that was sealed for this browser.
 *
 * @throws OAuthError `invalid_request` where it was not, is of another type, or has expired
 */
export function openCeremony(
  context: ServerContext,
  browserId: string,
  type: Ceremony['type'],
  sealed: string,
): Ceremony {
  const [payload = '', mac = ''] = sealed.split('.')
  if (!context.purposeKeys.isMac('browser', sealMessage(browserId, payload), Buffer.from(mac, 'base64url'))) {
    throw new OAuthError('invalid_request', 'The passkey ceremony was not begun here in this browser.')
  }
  const ceremony = sealedSchema.parse(JSON.parse(Buffer.from(payload, 'base64url').toString()))
  if (ceremony.type !== type) throw new OAuthError('invalid_request', `This is no passkey ${type}.`)
  if (ceremony.exp <= context.now()) {
    throw new OAuthError('invalid_request', 'The passkey ceremony took longer than five minutes. Try again.')
  }
  return ceremony
}

/**
 * Uses the ceremony's challenge up.
 *
 * @throws OAuthError `invalid_request` where it was used before
 */
export async function checkFirstUse(context: ServerContext, ceremony: Ceremony): Promise<void> {
  // Without a key: under another one it would not be seen that it was used.
  const digest = createHash('sha256').update(`passkey_challenge:${ceremony.challenge}`).digest()
  const expiresAt = new Date(context.now() + CEREMONY_SECONDS * 1000)
  if (!(await context.storage.consumeOnce(digest, expiresAt))) {
    throw new OAuthError('invalid_request', 'This passkey response was used before. Try again.')
  }
}

function sealMessage(browserId: string, payload: string): string {
  return `passkey:${browserId}:${payload}`
}
