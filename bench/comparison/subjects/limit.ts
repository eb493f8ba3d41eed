import { fileURLToPath } from 'node:url'
import { findFreePort } from '../../../tests/support/main_process.ts'
import { makeGrownDatabase } from '../../scale/grown_database.ts'
import type { VirtualUser } from '../load.ts'
import { startProcess } from '../running_process.ts'
import type { SubjectDescription, Work } from '../subject.ts'
import { makePlainUsers, type PlainWork } from './auth_agent/users.ts'

const PROGRAM = fileURLToPath(new URL('limit/server.ts', import.meta.url))

const WORKS: readonly PlainWork[] = [
  'client credentials',
  'refresh',
  'introspection, seen',
  'introspection, never seen',
  'introspection, revoked',
  'introspection, rubbish',
  'metadata',
  'JWKS',
  'registration',
]

/** What introspection costs at the least depends on what is known of the token. */
const PATHS: Partial<Record<Work, string>> = {
  'introspection, never seen': '/introspect-verifying',
  'introspection, revoked': '/introspect-inactive',
  'introspection, rubbish': '/introspect-inactive',
}

/**
 * What this machine can do: bare routes of Hono that do of each work what cannot be left out, and answer with as many bytes. Each is asked
 * by the users of our server, on a database that is filled alike.
 */
export const limit: SubjectDescription = {
  name: 'limit (bare Hono routes)',
  works: WORKS,
  async start({ databaseUrl, core }) {
    const grown = await makeGrownDatabase(databaseUrl, { tokens: 10_000, denials: 100 })
    const port = await findFreePort()
    const running = await startProcess({
      command: process.execPath,
      args: [PROGRAM],
      environment: { PORT: String(port), DATABASE_URL: grown.url, NODE_ENV: 'production' },
      core,
      readyUrl: `http://127.0.0.1:${port}/`,
    })
    return {
      ...running,
      port,
      async users(work, count) {
        const users = await makePlainUsers(grown, work as PlainWork, count)
        return users.map((user) => askingAt(PATHS[work] ?? '/introspect', user))
      },
      async close() {
        await running.stop()
        await grown.database.close()
      },
    }
  },
}

function askingAt(path: string, user: VirtualUser): VirtualUser {
  return {
    next: () => user.next().replace('POST /introspect ', `POST ${path} `),
    take: (response) => user.take(response),
  }
}
