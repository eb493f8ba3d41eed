import { findFreePort } from '../../../tests/support/main_process.ts'
import { type RunningProcess, startProcess } from '../running_process.ts'
import type { StartOptions, SubjectDescription } from '../subject.ts'
import { BOOTSTRAP, createRealm } from './keycloak/admin.ts'
import { javaEnvironment, KC, prepareDistribution, VERSION } from './keycloak/distribution.ts'
import { KEYCLOAK_WORKS, keycloakUsers } from './keycloak/users.ts'

/** After a minute it makes five times as many tokens as in the first five seconds, and then hardly more. */
const WARM_UP_SECONDS = 60

/** As it is by itself: passwords are hashed by Argon2. */
export const keycloak = describeKeycloak({ name: `Keycloak ${VERSION}, PostgreSQL`, works: KEYCLOAK_WORKS })

/** Passwords are hashed as ours are by themselves, so that a sign-in is the same work. */
export const keycloakWithOurHash = describeKeycloak({
  name: `Keycloak ${VERSION}, our hash of passwords`,
  works: ['password sign-in'],
  realm: { passwordPolicy: 'hashAlgorithm(pbkdf2-sha256) and hashIterations(600000)' },
})

function describeKeycloak({
  name,
  works,
  realm = {},
}: Pick<SubjectDescription, 'name' | 'works'> & { realm?: object }): SubjectDescription {
  return {
    name,
    works,
    warmUpSeconds: WARM_UP_SECONDS,
    prepare: prepareDistribution,
    async start(options) {
      const port = await findFreePort()
      // The first start makes the tables and the realm; the one that is timed finds them.
      const first = await startServer(options, port, '/realms/master')
      await createRealm(port, realm).finally(first.stop)
      const running = await startServer(options, port, '/realms/bench')
      return {
        port,
        pid: running.pid,
        startUp: running.startUp,
        users: keycloakUsers(port),
        close: running.stop,
      }
    },
  }
}

/**
 * A connection for each of 32 requests at once, and some for its own threads; its guides have all three sizes of the pool equal.
 */
const POOL = 40

/**
 * What its guide for containers gives the heap of a small server in production: of 2 GB half at the start and 70% at most. By itself
 * it takes 512 MB at most.
 */
const HEAP = '-Xms1024m -Xmx1434m'

/** In production mode, over HTTP as behind a proxy that ends TLS. */
async function startServer(
  { databaseUrl, core }: StartOptions,
  port: number,
  readyPath: string,
): Promise<RunningProcess> {
  const database = new URL(databaseUrl)
  const base = `http://127.0.0.1:${port}`
  return startProcess({
    command: 'bash',
    args: [
      KC,
      'start',
      '--optimized',
      '--http-enabled=true',
      '--http-host=127.0.0.1',
      `--http-port=${port}`,
      `--hostname=${base}`,
      // One server, so there is nobody to tell what has changed.
      '--cache=local',
      `--db-url=jdbc:postgresql://${database.host}${database.pathname}?sslmode=disable`,
      ...['initial', 'min', 'max'].map((which) => `--db-pool-${which}-size=${POOL}`),
      // Each request that it refuses is a warning to its log; here it may keep silent about them.
      '--log-level=error',
    ],
    environment: {
      ...(await javaEnvironment()),
      ...BOOTSTRAP,
      JAVA_OPTS_KC_HEAP: HEAP,
      KC_DB_USERNAME: decodeURIComponent(database.username),
      KC_DB_PASSWORD: decodeURIComponent(database.password),
    },
    core,
    readyUrl: `${base}${readyPath}`,
  })
}
