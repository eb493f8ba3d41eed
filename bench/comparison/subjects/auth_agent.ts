import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { SERVER_ROLE } from '../../../node/src/postgres_cluster.ts'
import { environmentOf } from '../../../tests/support/cluster.ts'
import { findFreePort } from '../../../tests/support/main_process.ts'
import { type GrownDatabase, ISSUER, makeGrownDatabase } from '../../scale/grown_database.ts'
import { startProcess } from '../running_process.ts'
import { type SubjectDescription, WORKS, type Work } from '../subject.ts'
import { authorizing, givePasswords, signingIn } from './auth_agent/people.ts'
import { makePlainUsers } from './auth_agent/users.ts'

const MAIN = fileURLToPath(new URL('../../../dist/node/main.js', import.meta.url))

export interface AuthAgentOptions {
  name: string
  /** In `tokens`; the others have as many as belong to these. */
  rows: number
  /** For Node itself. */
  nodeArgs?: readonly string[]
}

/** Our server, as `npm start` runs it, behind a proxy that ends TLS. */
export function authAgent({ name, rows, nodeArgs = [] }: AuthAgentOptions): SubjectDescription {
  return {
    name,
    works: WORKS,
    async start({ databaseUrl, core }) {
      const grown = await makeGrownDatabase(databaseUrl, {
        tokens: rows,
        denials: Math.max(100, rows / 1_000),
      })
      const port = await findFreePort()
      const running = await startProcess({
        command: process.execPath,
        args: [...nodeArgs, MAIN],
        environment: {
          ...environmentOf(port, ISSUER, await urlOfServerRole(grown)),
          DATA_DIR: join(tmpdir(), `auth-agent-comparison-${port}`),
          LOG_LEVEL: 'warn',
          PBKDF2_ITERATIONS: '600000',
        },
        core,
        readyUrl: `http://127.0.0.1:${port}/ready`,
      })
      return {
        ...running,
        port,
        users: (work, count) => makeUsers(grown, port, work, count),
        async close() {
          await running.stop()
          await grown.database.close()
        },
      }
    },
  }
}

async function makeUsers(grown: GrownDatabase, port: number, work: Work, count: number) {
  if (work !== 'authorization' && work !== 'password sign-in') return makePlainUsers(grown, work, count)
  await givePasswords(grown, count)
  const people = Array.from({ length: count }, (_, person) => person)
  return work === 'password sign-in'
    ? people.map(signingIn)
    : Promise.all(people.map((person) => authorizing(grown, person, port)))
}

/** The role that the migrations made for the server, bound by row level security, as DEPLOYMENT.md has it sign in. */
async function urlOfServerRole({ database, url }: GrownDatabase): Promise<string> {
  const asRole = new URL(url)
  asRole.username = SERVER_ROLE
  // Roles belong to the whole PostgreSQL, so those of several databases share it.
  asRole.password = 'password-of-one-benchmark'
  await database.runScript(`alter role ${SERVER_ROLE} login password '${asRole.password}'`)
  return asRole.href
}
