import { randomBytes } from 'node:crypto'
import type { PurposeKeys } from '../keys/purpose_keys.ts'

/** What a refresh token says: its family, and which generation of it this is. */
export interface RefreshTokenParts {
  family: string
  generation: number
}

const REFRESH_TOKEN = /^rt_([A-Za-z0-9_-]{22})\.(0|[1-9][0-9]{0,8})\.([A-Za-z0-9_-]{43})$/

/** A new family's name: 128 bits. */
export function newFamily(): string {
  return randomBytes(16).toString('base64url')
}

/**
 * The refresh token of a generation: `rt_<family>.<generation>.<mac>`. It is derived, not stored: a generation
 * always has the same token, so that answering twice is harmless, and a stolen database contains none.
 */
export function refreshToken(keys: PurposeKeys, { family, generation }: RefreshTokenParts): string {
  const mac = keys.mac('refresh_token', `${family}.${generation}`).toString('base64url')
  return `rt_${family}.${generation}.${mac}`
}

/** Reads a refresh token of ours. What we did not make is undefined, without a look into the database. */
export function parseRefreshToken(keys: PurposeKeys, token: string): RefreshTokenParts | undefined {
  const [, family, generation, mac] = REFRESH_TOKEN.exec(token) ?? []
  if (family === undefined || generation === undefined || mac === undefined) return undefined
  const isOurs = keys.isMac('refresh_token', `${family}.${generation}`, Buffer.from(mac, 'base64url'))
  return isOurs ? { family, generation: Number(generation) } : undefined
}
