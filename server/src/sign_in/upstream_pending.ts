import { createHash, createHmac, timingSafeEqual } from 'node:crypto'
import { z } from 'zod'
import type { ServerContext } from '../context.ts'
import { OAuthError } from '../errors.ts'
import { newSecret } from '../random.ts'
import { findCookie, setCookie } from './cookies.ts'

/** As long as a person may take at the provider; a second factor has to be found, or a password. */
const PENDING_SECONDS = 600
/** Browsers drop a cookie of more than 4096 bytes, its name and attributes included (RFC 6265bis §5.5). */
const MAX_LENGTH = 3_800

/** A sign-in that has gone to the provider and has not come back. */
export interface PendingSignIn {
  state: string
  /** Where to go on: a path of ours, checked when it was sealed and again when it is used. */
  returnTo: string
  /** Whether the provider has to ask the person anew, although it knows him. */
  fresh: boolean
  /** Milliseconds since the epoch. */
  startedAt: number
}

const sealedSchema = z.array(
  z.object({ state: z.string(), returnTo: z.string(), fresh: z.boolean(), startedAt: z.number() }),
)

/**
 * Begins a sign-in. Nothing is written (decision 2): it waits in a cookie, sealed for this browser, beside those of other
 * tabs. Where they do not fit, the oldest gives way.
 *
 * @throws OAuthError `invalid_request` where the way back alone does not fit
 */
export function addPending(
  context: ServerContext,
  browserId: string,
  request: Request,
  { returnTo, fresh }: Pick<PendingSignIn, 'returnTo' | 'fresh'>,
): { pending: PendingSignIn; cookie: string } {
  const pending = { state: newSecret(), returnTo, fresh, startedAt: context.now() }
  let all = [...listPending(context, browserId, request), pending]
  while (all.length > 1 && seal(context, browserId, all).length > MAX_LENGTH) all = all.slice(1)
  const sealed = seal(context, browserId, all)
  if (sealed.length > MAX_LENGTH) {
    throw new OAuthError(
      'invalid_request',
      'The request of your app is too long for this way to sign in: choose another.',
    )
  }
  return { pending, cookie: setCookie(context.issuer, 'upstream', sealed, PENDING_SECONDS) }
}

/** The sign-in that an answer of the provider belongs to, if it was begun in this browser a short while ago. */
export function findPending(
  context: ServerContext,
  browserId: string,
  request: Request,
  state: string | undefined,
): PendingSignIn | undefined {
  if (state === undefined) return undefined
  return listPending(context, browserId, request).find((pending) => isSame(pending.state, state))
}

/** The `Set-Cookie` value that leaves the other tabs' sign-ins. */
export function removePending(
  context: ServerContext,
  browserId: string,
  request: Request,
  { state }: PendingSignIn,
): string {
  const others = listPending(context, browserId, request).filter((pending) => pending.state !== state)
  if (others.length === 0) return setCookie(context.issuer, 'upstream', '', 0)
  return setCookie(context.issuer, 'upstream', seal(context, browserId, others), PENDING_SECONDS)
}

/**
 * What only this browser's sign-in has: the PKCE verifier (RFC 7636 §4.1) and the nonce (OpenID Connect Core §15.5.2).
 * They follow from its state by what only this browser has, so that no cookie holds them, and no key has to stay the same.
 */
export function secretsOf(
  browserId: string,
  { state }: Pick<PendingSignIn, 'state'>,
): { verifier: string; nonce: string } {
  const derive = (what: string) =>
    createHmac('sha256', browserId).update(`upstream_${what}:${state}`).digest('base64url')
  return { verifier: derive('verifier'), nonce: derive('nonce') }
}

function listPending(context: ServerContext, browserId: string, request: Request): PendingSignIn[] {
  const [payload = '', mac = ''] = (findCookie(context.issuer, request, 'upstream') ?? '').split('.')
  const message = sealMessage(browserId, payload)
  if (!context.purposeKeys.isMac('browser', message, Buffer.from(mac, 'base64url'))) return []
  const oldest = context.now() - PENDING_SECONDS * 1000
  return sealedSchema
    .parse(JSON.parse(Buffer.from(payload, 'base64url').toString()))
    .filter(({ startedAt }) => startedAt > oldest)
}

function seal(context: ServerContext, browserId: string, all: readonly PendingSignIn[]): string {
  const payload = Buffer.from(JSON.stringify(all)).toString('base64url')
  const mac = context.purposeKeys.mac('browser', sealMessage(browserId, payload))
  return `${payload}.${mac.toString('base64url')}`
}

function sealMessage(browserId: string, payload: string): string {
  return `upstream_pending:${browserId}:${payload}`
}

/** In constant time: digests are compared, which are of one length. */
function isSame(one: string, other: string): boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest()
  return timingSafeEqual(digest(one), digest(other))
}
