import type { ServerContext } from '../context.ts'
import { findByDigest } from '../keys/find_by_digest.ts'
import { newId, newSecret } from '../random.ts'
import { findCookie, setCookie } from './cookies.ts'

/** Lifetimes in seconds: unused, and at all. */
const IDLE_SECONDS = 14 * 86_400
const ABSOLUTE_SECONDS = 90 * 86_400
/** How exactly the use of a session is known; each request would else write. */
const SEEN_SECONDS = 5 * 60
/** How recent a sign-in must be for a new way to sign in to be added. */
const FRESH_SECONDS = 15 * 60

/** Somebody who is signed in, in one browser. */
export interface Session {
  /** How `sessions` finds it. */
  digest: Buffer
  /** What names it in public. */
  id: string
  user: { id: string; email: string; hasPasskey: boolean }
  authTime: Date
  /** How the person proved who he is (RFC 8176). */
  amr: readonly string[]
}

/** Who is signed in. Nobody whose account was disabled, or whose address is not proved. */
export async function findSession(context: ServerContext, request: Request): Promise<Session | undefined> {
  const secret = findCookie(context.issuer, request, 'session')
  if (secret === undefined) return undefined
  const now = new Date(context.now())
  const known = await findByDigest(context.purposeKeys, messageOf(secret), (digest) =>
    context.storage.findSession(digest, now),
  )
  if (known === undefined) return undefined
  const { digest, found: stored } = known
  if (now.getTime() - stored.last_seen_at.getTime() > SEEN_SECONDS * 1000) {
    await context.storage.recordSessionUse(digest, { idle: IDLE_SECONDS, absolute: ABSOLUTE_SECONDS }, now)
  }
  const user = { id: stored.user_id, email: stored.email, hasPasskey: stored.has_passkey }
  return { digest, id: stored.id, user, authTime: stored.auth_time, amr: stored.amr }
}

/**
 * Starts a session under a new id, and ends the one that this browser had: an id that somebody planted before the
 * sign-in is worth nothing after it.
 *
 * @param authTime when the person was asked, where another provider did that; default now
 * @returns the `Set-Cookie` value
 */
export async function startSession(
  context: ServerContext,
  request: Request,
  { userId, amr, authTime }: { userId: string; amr: readonly string[]; authTime?: Date | undefined },
): Promise<string> {
  const secret = newSecret()
  const now = new Date(context.now())
  const session = {
    digest: context.purposeKeys.mac('digest', messageOf(secret)),
    id: newId('ses_'),
    user_id: userId,
    auth_time: authTime !== undefined && authTime < now ? authTime : now,
    amr,
    user_agent: request.headers.get('User-Agent')?.slice(0, 400) ?? null,
    expires_at: new Date(now.getTime() + IDLE_SECONDS * 1000),
  }
  const replaced = findCookie(context.issuer, request, 'session')
  const digests = replaced === undefined ? [] : context.purposeKeys.macs('digest', messageOf(replaced))
  await context.storage.startSession(session, digests, now)
  return setCookie(context.issuer, 'session', secret, ABSOLUTE_SECONDS)
}

/** Ends this browser's session. @returns the `Set-Cookie` value that removes its cookie */
export async function endSession(context: ServerContext, request: Request): Promise<string> {
  const session = await findSession(context, request)
  if (session !== undefined) {
    await context.storage.endSession(session.digest)
    await context.audit.record({
      type: 'session.ended',
      user_id: session.user.id,
      detail: { session_id: session.id },
    })
  }
  return forgetSession(context)
}

/** The `Set-Cookie` value that removes the session's cookie. */
export function forgetSession(context: ServerContext): string {
  return setCookie(context.issuer, 'session', '', 0)
}

/** Whether the person proved who he is within the last quarter of an hour. */
export function isFresh(session: Session, now: number): boolean {
  return now - session.authTime.getTime() <= FRESH_SECONDS * 1000
}

function messageOf(secret: string): string {
  return `session:${secret}`
}
