import { silentLog } from '@auth-agent/server/log'
import pg from 'pg'
import { afterEach, expect, it, onTestFinished, vi } from 'vitest'
import { readEnvironment } from '../../node/src/environment.ts'
import { openServer } from '../../node/src/open_server.ts'
import { createBrowser } from '../support/browser.ts'
import { makeFolder } from '../support/folders.ts'
import { createTestDatabase } from '../support/postgres.ts'

// Passwords are stretched on the four threads on which a node also proves to PostgreSQL who it is. A pool that has let its
// connections go makes new ones when people come, and gives up after five seconds: a burst of guesses would take the server away from all.

afterEach(() => vi.restoreAllMocks())

const ISSUER = 'http://localhost:8787'
const ITERATIONS = 600_000
const GUESSES = 24

/** The server as `npm start` opens it. */
async function openTestServer() {
  const database = await createTestDatabase()
  const settings = readEnvironment({
    ISSUER_URL: ISSUER,
    DATABASE_URL: database.url,
    DATA_DIR: await makeFolder(),
    AUTH_AGENT_SECRET: 'a server secret of 32 bytes or more for tests',
    PBKDF2_ITERATIONS: String(ITERATIONS),
  })
  const { server, close } = await openServer(settings, { log: silentLog, print: () => {} })
  onTestFinished(async () => {
    await close()
    await database.drop()
  })
  const fetch = async (path: string, init?: RequestInit) =>
    server.fetch(new Request(new URL(path, ISSUER), { redirect: 'manual', ...init }), {
      clientAddress: '192.0.2.1',
      loopback: false,
    })
  return { fetch, issuer: ISSUER, databaseUrl: database.url }
}

/** Resolves when the first password is being stretched. */
function untilStretching(): Promise<void> {
  const derive = crypto.subtle.deriveBits.bind(crypto.subtle)
  return new Promise((resolve) => {
    vi.spyOn(crypto.subtle, 'deriveBits').mockImplementation((algorithm, ...rest) => {
      if ((algorithm as unknown as { iterations: number }).iterations === ITERATIONS) resolve()
      return derive(algorithm, ...rest)
    })
  })
}

it('a burst of guesses does not keep the server from a new connection to PostgreSQL', async () => {
  const server = await openTestServer()
  let answered = 0
  const guess = async (_: unknown, n: number) => {
    const browser = createBrowser(server)
    const page = await browser.open('/sign-in')
    const person = { email: `person${n}@example.com`, password: 'is it this one?' }
    const { status } = await browser.submit(page, person, '/sign-in')
    answered += 1
    return status
  }
  const stretching = untilStretching()
  const burst = Array.from({ length: GUESSES }, guess)
  await stretching

  const client = new pg.Client({ connectionString: server.databaseUrl })
  onTestFinished(() => client.end())
  await client.connect()
  expect(answered, 'guesses answered before the connection was there').toBeLessThan(GUESSES / 2)
  expect(new Set(await Promise.all(burst))).toEqual(new Set([401]))
})
