import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { promisify } from 'node:util'
import { findFreePort } from '../../../tests/support/main_process.ts'
import { type RunningProcess, startProcess } from '../running_process.ts'
import type { StartOptions, SubjectDescription } from '../subject.ts'
import { HOST, KEY_SETS, replaceKeys } from './hydra/admin.ts'
import { buildHydra, findBinary } from './hydra/build.ts'
import { openGateway } from './hydra/gateway.ts'
import { HYDRA_WORKS, hydraUsers, portOf } from './hydra/users.ts'

export const hydra: SubjectDescription = {
  get name() {
    return `Ory Hydra ${findBinary().version}, PostgreSQL`
  },
  works: HYDRA_WORKS,
  prepare: buildHydra,
  async start({ databaseUrl, core }) {
    const environment = environmentOf(databaseUrl, await findFreePort(), await findFreePort())
    const { path } = findBinary()
    await promisify(execFile)(path, ['migrate', 'sql', 'up', '--read-from-env', '--yes'], {
      env: { PATH: process.env['PATH'], ...environment },
      maxBuffer: 64 * 1024 * 1024,
    })
    const port = Number(environment.SERVE_PUBLIC_PORT)
    const admin = Number(environment.SERVE_ADMIN_PORT)
    // The first start makes keys, which are replaced; the one that is timed finds them.
    const first = await serve(environment, core)
    await replaceKeys(admin).finally(first.stop)
    const running = await serve(environment, core)
    const gateway = await openGateway(port, admin)
    const ports = { public: port, admin, gateway: gateway.port }
    return {
      port,
      pid: running.pid,
      startUp: running.startUp,
      portOf: (work) => portOf(ports, work),
      users: hydraUsers(ports),
      async close() {
        gateway.close()
        await running.stop()
      },
    }
  },
}

/**
 * A connection for each of 32 requests at once, and some to spare. By itself it has two for each core, and lets all but one of a core
 * go when they rest.
 */
const POOL = '40'

/** In production mode, over HTTP as behind the gateway that its manual wants before it. */
function environmentOf(databaseUrl: string, publicPort: number, adminPort: number) {
  const database = new URL(databaseUrl)
  database.searchParams.set('sslmode', 'disable')
  database.searchParams.set('max_conns', POOL)
  database.searchParams.set('max_idle_conns', POOL)
  const secret = () => randomBytes(32).toString('base64url')
  return {
    DSN: database.href,
    SERVE_PUBLIC_HOST: '127.0.0.1',
    SERVE_PUBLIC_PORT: String(publicPort),
    SERVE_ADMIN_HOST: '127.0.0.1',
    SERVE_ADMIN_PORT: String(adminPort),
    URLS_SELF_ISSUER: `https://${HOST}/`,
    URLS_LOGIN: 'https://login.example/login',
    URLS_CONSENT: 'https://login.example/consent',
    SECRETS_SYSTEM: secret(),
    SECRETS_COOKIE: secret(),
    SECRETS_PAGINATION: secret(),
    // Each token that is not live is an error to its log; here it may keep silent about them.
    LOG_LEVEL: 'fatal',
    SQA_OPT_OUT: 'true',
    // The fewest that its manual suggests for the secrets of clients.
    OAUTH2_HASHERS_PBKDF2_ITERATIONS: '20000',
    TTL_ACCESS_TOKEN: '24h',
    OIDC_DYNAMIC_CLIENT_REGISTRATION_ENABLED: 'true',
    WEBFINGER_JWKS_BROADCAST_KEYS: KEY_SETS.join(','),
  }
}

function serve(
  environment: ReturnType<typeof environmentOf>,
  core: StartOptions['core'],
): Promise<RunningProcess> {
  return startProcess({
    command: findBinary().path,
    args: ['serve', 'all'],
    environment,
    core,
    readyUrl: `http://127.0.0.1:${environment.SERVE_PUBLIC_PORT}/health/ready`,
  })
}
