import { randomBytes, timingSafeEqual } from 'node:crypto'
import type { ServerOptions } from '../options.ts'
import type { Queue } from '../queue.ts'

const HASH = /^pbkdf2-sha256\$([1-9]\d{0,8})\$([A-Za-z0-9_-]{22})\$([A-Za-z0-9_-]{43})$/
const SALT_BYTES = 16
const HASH_BITS = 256

/**
 * Compared with where there is no hash; of nothing, since its salt is new in each process. Made when it is first needed:
 * Workers give out no random bytes before there is a request.
 */
let nobodysSalt: Buffer<ArrayBuffer> | undefined

/** How passwords are stretched. */
export interface Stretching {
  /** Of PBKDF2-SHA-256, for new hashes. */
  iterations: number
  /** The most that the platform derives. Default: no limit. */
  maxIterations?: number | undefined
  /** See {@link ServerOptions.passwordQueue}. Default: each begins at once. */
  queue?: Queue | undefined
}

/**
 * Stretches a password (PBKDF2-SHA-256, RFC 8018 §5.2), off the event loop.
 *
 * @returns `pbkdf2-sha256$<iterations>$<salt>$<hash>`
 */
export async function hashPassword(
  password: string,
  { iterations, queue = atOnce }: Stretching,
): Promise<string> {
  const salt = randomBytes(SALT_BYTES)
  const hash = await queue(() => derive(password, salt, iterations))
  return `pbkdf2-sha256$${iterations}$${salt.toString('base64url')}$${hash.toString('base64url')}`
}

/**
 * Whether a hash is that of a password. It takes the time of `iterations` also where there is no hash, or one of
 * fewer iterations, so that time tells nobody which accounts there are; for the same reason it queues once. A hash of more
 * than `maxIterations` is not checked, since the platform would throw; it counts as none.
 */
export function isPassword(
  password: string,
  stored: string | null | undefined,
  stretching: Stretching,
): Promise<boolean> {
  const { queue = atOnce } = stretching
  return queue(() => compare(password, stored, stretching))
}

async function compare(
  password: string,
  stored: string | null | undefined,
  { iterations, maxIterations }: Stretching,
): Promise<boolean> {
  const [, used, salt, hash] = isBeyondReach(stored, { maxIterations }) ? [] : (HASH.exec(stored ?? '') ?? [])
  if (used === undefined || salt === undefined || hash === undefined) {
    await deriveForNobody(password, iterations)
    return false
  }
  const derived = await derive(password, Buffer.from(salt, 'base64url'), Number(used))
  if (Number(used) < iterations) await deriveForNobody(password, iterations - Number(used))
  return timingSafeEqual(derived, Buffer.from(hash, 'base64url'))
}

/** Whether a hash has more iterations than the platform derives. */
export function isBeyondReach(
  stored: string | null | undefined,
  { maxIterations = Infinity }: Pick<Stretching, 'maxIterations'>,
): boolean {
  return Number(HASH.exec(stored ?? '')?.[1] ?? 0) > maxIterations
}

/** Whether a hash has fewer iterations than it would get today. */
export function isOutdatedHash(stored: string, { iterations }: Stretching): boolean {
  return Number(HASH.exec(stored)?.[1] ?? 0) < iterations
}

const atOnce: Queue = (work) => work()

async function deriveForNobody(password: string, iterations: number): Promise<void> {
  nobodysSalt ??= randomBytes(SALT_BYTES)
  await derive(password, nobodysSalt, iterations)
}

async function derive(password: string, salt: Uint8Array<ArrayBuffer>, iterations: number): Promise<Buffer> {
  // NIST SP 800-63B-4 §3.1.1.2: one spelling of a character, whichever keyboard typed it.
  const bytes = new TextEncoder().encode(password.normalize('NFKC'))
  const key = await crypto.subtle.importKey('raw', bytes, 'PBKDF2', false, ['deriveBits'])
  return Buffer.from(
    await crypto.subtle.deriveBits({ name: 'PBKDF2', hash: 'SHA-256', salt, iterations }, key, HASH_BITS),
  )
}
