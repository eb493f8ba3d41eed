import type { ServerOptions } from '../../server/src/options.ts'
import { listenOnLoopback } from './loopback.ts'
import { type Clock, createTestServer, type TestServer } from './server.ts'

/**
 * A server that listens on a free port of this machine, under its own issuer and on a database of its own. Its
 * `fetch` goes over HTTP.
 *
 * `localhost`, not `127.0.0.1`: passkeys are bound to a name (WebAuthn §5.1.2, "effective domain").
 */
export async function startListeningServer(overrides: Partial<ServerOptions> = {}): Promise<TestServer> {
  const started: TestServer[] = []
  const loopback = await listenOnLoopback(async (port) => {
    const issuer = `http://localhost:${port}`
    const server = await createTestServer({ issuer, ...overrides }, { clock: createRunningClock() })
    started.push(server)
    return (request) => server.server.fetch(request, { clientAddress: '127.0.0.1', loopback: true })
  })
  const [server] = started
  if (server === undefined) throw new Error('The server did not start.')
  return {
    ...server,
    fetch: (path, init) => fetch(new URL(path, server.issuer), { redirect: 'manual', ...init }),
    async close() {
      await loopback.close()
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
