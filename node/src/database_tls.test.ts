import type { Logger } from '@auth-agent/server/log'
import { silentLog } from '@auth-agent/server/log'
import { describe, expect, it } from 'vitest'
import { openDatabase } from './database.ts'
import { isPlaintext } from './database_tls.ts'

const REMOTE = 'postgres://user:password@db.example.com/database'

describe('a connection to the database', () => {
  it.each([
    REMOTE,
    'postgresql://user@10.1.2.3:6543/database?pgbouncer=true',
    'postgres://user@[2001:db8::1]/database',
    'postgres://user@localhost/database?host=db.example.com',
    'postgres://user@127.0.0.1.example.com/database',
    `${REMOTE}?sslmode=disable`,
    `${REMOTE}?ssl=0`,
    // No parameter of pg.
    `${REMOTE}?tlsmode=verify-full`,
  ])('is plaintext that others may hear: %s', (url) => {
    expect(isPlaintext(url)).toBe(true)
  })

  it.each([
    `${REMOTE}?sslmode=verify-full`,
    `${REMOTE}?sslmode=no-verify`,
    `${REMOTE}?ssl=true`,
    `${REMOTE}?sslnegotiation=direct`,
    'postgres://user@localhost:5433/database',
    'postgres://user@127.0.0.2/database',
    'postgres://user@[::1]/database',
    'postgres://user@localhost/database?host=/var/run/postgresql',
    'postgres://user@%2Fvar%2Frun%2Fpostgresql/database',
  ])('is not: %s', (url) => {
    expect(isPlaintext(url)).toBe(false)
  })
})

describe('at the start', () => {
  /** Nobody listens there. It is an address of this machine, so nothing leaves it, but none of loopback. */
  const NOWHERE = 'postgres://user:password@0.0.0.0:1/database'

  async function warningsOf(databaseUrl: string): Promise<string[]> {
    const warnings: string[] = []
    const log: Logger = { ...silentLog, warn: (_, message) => void warnings.push(message) }
    await expect(openDatabase({ databaseUrl, dataDir: '/nowhere' }, log, 2)).rejects.toThrow(/^DATABASE_URL /)
    return warnings
  }

  it('a sentence says that it is plaintext, and what would do', async () => {
    const warnings = await warningsOf(NOWHERE)
    expect(warnings).toEqual([expect.stringMatching(/^DATABASE_URL .*without TLS.*sslmode=verify-full/)])
    expect(warnings[0]).not.toContain('password')
  })

  it.each([
    `${NOWHERE}?sslmode=verify-full`,
    `${NOWHERE}?sslmode=disable`,
    NOWHERE.replace('0.0.0.0', '127.0.0.1'),
  ])('nothing is said of %s', async (url) => {
    expect(await warningsOf(url)).toEqual([])
  })

  it('a certificate of an authority that cannot be read is named', async () => {
    const url = `${NOWHERE}?sslmode=verify-full&sslrootcert=/nowhere/ca.pem`
    const opening = openDatabase({ databaseUrl: url, dataDir: '/nowhere' }, silentLog, 2)
    await expect(opening).rejects.toThrow(/^DATABASE_URL .*\/nowhere\/ca\.pem/)
  })
})
