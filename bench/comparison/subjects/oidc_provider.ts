import { generateKeyPairSync, randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import manifest from 'oidc-provider/package.json' with { type: 'json' }
import { findFreePort } from '../../../tests/support/main_process.ts'
import { startProcess } from '../running_process.ts'
import type { StartOptions, Subject, SubjectDescription } from '../subject.ts'
import { createTable } from './oidc_provider/postgres_adapter.ts'
import { makeUsers, OIDC_PROVIDER_WORKS } from './oidc_provider/users.ts'

const PROGRAMS = fileURLToPath(new URL('./oidc_provider', import.meta.url))
const BUILT_PROGRAMS = fileURLToPath(new URL('../../../.bench/oidc_provider', import.meta.url))

/** Its storage is a map of our own, since the one that comes with it forgets what is live over 1,000 entries. */
export const oidcProviderInMemory: SubjectDescription = {
  name: `oidc-provider ${manifest.version}, in memory`,
  works: OIDC_PROVIDER_WORKS,
  prepare: buildPrograms,
  start: ({ core }) => start('serve_from_memory', core),
}

export const oidcProviderOnPostgres: SubjectDescription = {
  name: `oidc-provider ${manifest.version}, PostgreSQL`,
  works: OIDC_PROVIDER_WORKS,
  prepare: buildPrograms,
  async start({ core, databaseUrl }) {
    await createTable(databaseUrl)
    return start('serve_from_postgres', core, { DATABASE_URL: databaseUrl })
  },
}

/** To JavaScript, as one would deploy them: to strip types takes a quarter of the start-up. Packages are loaded as they are. */
async function buildPrograms(): Promise<void> {
  await build({
    entryPoints: ['serve_from_memory', 'serve_from_postgres'].map((name) => join(PROGRAMS, `${name}.ts`)),
    outdir: BUILT_PROGRAMS,
    outExtension: { '.js': '.mjs' },
    bundle: true,
    packages: 'external',
    platform: 'node',
    format: 'esm',
    logLevel: 'warning',
  })
}

/** As in production: no pages of development, no debug log, keys of its own, over HTTP as behind a proxy. */
async function start(
  program: string,
  core: StartOptions['core'],
  environment: Record<string, string> = {},
): Promise<Subject> {
  const port = await findFreePort()
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const running = await startProcess({
    command: process.execPath,
    args: [join(BUILT_PROGRAMS, `${program}.mjs`)],
    environment: {
      ...environment,
      NODE_ENV: 'production',
      PORT: String(port),
      SIGNING_KEY: JSON.stringify(privateKey.export({ format: 'jwk' })),
      COOKIE_KEY: randomBytes(32).toString('base64url'),
    },
    core,
    readyUrl: `http://127.0.0.1:${port}/.well-known/openid-configuration`,
  })
  return {
    port,
    pid: running.pid,
    startUp: running.startUp,
    users: (work, count) => makeUsers(port, work, count),
    close: running.stop,
  }
}
