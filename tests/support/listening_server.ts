import { listen } from '../../node/src/listen.ts'
import type { ServerOptions } from '../../server/src/options.ts'
import type { Server } from '../../server/src/server.ts'
import { type Clock, createTestServer, type TestServer } from './server.ts'

type Answer = Server['fetch']

/**
 * A server that listens on a free port of this machine as `npm start` does, under its own issuer and on a database
 * of its own. Its `fetch` goes over HTTP.
 *
 * `localhost`, not `127.0.0.1`: passkeys are bound to a name (WebAuthn §5.1.2, "effective domain").
 */
export async function startListeningServer(overrides: Partial<ServerOptions> = {}): Promise<TestServer> {
  let answer: Answer = async () => new Response('Not ready.', { status: 503 })
  const listener = await listen((request, info) => answer(request, info), {
    host: '127.0.0.1',
    port: 0,
    trustedProxies: [],
    drainMs: 0,
    graceMs: 1_000,
  })
  const issuer = `http://localhost:${listener.port}`
  const server = await createTestServer({ issuer, ...overrides }, { clock: createRunningClock() })
  answer = server.server.fetch
  return {
    ...server,
    fetch: (path, init) => fetch(new URL(path, server.issuer), { redirect: 'manual', ...init }),
    async close() {
      await listener.close()
      await server.close()
    },
  }
}

/** The time of this machine, since real clients check `exp` and `iat` by it; a test can move it ahead. */
function createRunningClock(): Clock {
  let ahead = 0
  return {
    get now() {
      return Date.now() + ahead
    },
    set now(time) {
      ahead = time - Date.now()
    },
    advance(seconds) {
      ahead += seconds * 1000
    },
  }
}
