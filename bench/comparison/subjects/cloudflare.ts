import { writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import { findFreePort } from '../../../tests/support/main_process.ts'
import { installedFolder, installPackages, versionOf } from '../installed_packages.ts'
import { type ProcessOptions, startProcess } from '../running_process.ts'
import type { StartOptions, Subject, SubjectDescription } from '../subject.ts'
import { RESOURCE } from './cloudflare/requests.ts'
import { createUsers } from './cloudflare/users.ts'

const { default: WORKERD } = createRequire(import.meta.url)('workerd') as { default: string }

const PEER = 'cloudflare'
const PACKAGE = '@cloudflare/workers-oauth-provider'
const PROGRAMS = fileURLToPath(new URL('./cloudflare', import.meta.url))
const INSTALLED = installedFolder(PEER)
const WORKER = join(INSTALLED, 'worker.bundle.js')

/**
 * Left out is what it has not. There is no introspection: the resource server is a Worker that calls it over a service binding. There
 * are no client credentials, no keys, since tokens are opaque and are not signed, and no sign-in, which is the application's.
 */
const COMMON = { works: ['refresh', 'authorization', 'metadata', 'registration'], prepare } as const

const NAME = `workers-oauth-provider ${versionOf(PEER, PACKAGE)}`

/**
 * Cloudflare's provider in workerd, with what miniflare has in place of Workers KV: a Durable Object with SQLite and files on disk, in the
 * same workerd. It is not Cloudflare's network: there, KV is a service of its own whose time is not the Worker's, and is far away. The
 * memory and the start are miniflare's as well.
 */
export const cloudflareOauthProvider: SubjectDescription = {
  name: `${NAME}, workerd, simulated KV`,
  ...COMMON,
  start: (options) => start(options, miniflare),
}

/**
 * The same in workerd alone and without any KV: what would be in it is in the memory of the Worker. So it is the provider by itself, and
 * more than it could do on the platform.
 */
export const cloudflareOauthProviderInMemory: SubjectDescription = {
  name: `${NAME}, workerd, in memory`,
  ...COMMON,
  start: (options) => start(options, workerd),
}

/** As `wrangler deploy` would bundle it. */
async function prepare(): Promise<void> {
  await installPackages(PEER)
  await build({
    entryPoints: [join(PROGRAMS, 'worker.mjs')],
    outfile: WORKER,
    bundle: true,
    minify: true,
    format: 'esm',
    target: 'es2024',
    external: ['cloudflare:workers'],
    alias: { 'virtual:workers-oauth-provider': join(INSTALLED, 'node_modules', PACKAGE) },
    logLevel: 'warning',
  })
}

interface Site {
  port: number
  issuer: string
}

async function start({ core }: StartOptions, programOf: (site: Site) => Promise<Program>): Promise<Subject> {
  const port = await findFreePort()
  // It allows http where the host is this machine.
  const issuer = `http://127.0.0.1:${port}`
  const program = await programOf({ port, issuer })
  const { pid, startUp, stop } = await startProcess({ ...program, core, readyUrl: `${issuer}/health` })
  return { port, pid, startUp, users: createUsers(port), close: stop }
}

type Program = Pick<ProcessOptions, 'command' | 'args' | 'environment'>

async function miniflare({ port, issuer }: Site): Promise<Program> {
  return {
    command: process.execPath,
    args: [join(PROGRAMS, 'miniflare.mjs')],
    environment: { PORT: String(port), ISSUER: issuer, RESOURCE, WORKER },
  }
}

/** https://github.com/cloudflare/workerd/blob/main/src/workerd/server/workerd.capnp */
async function workerd({ port, issuer }: Site): Promise<Program> {
  const config = join(INSTALLED, 'workerd.capnp')
  await writeFile(
    config,
    `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [(name = "worker", worker = .worker)],
  sockets = [(name = "http", address = "127.0.0.1:${port}", http = (), service = "worker")],
);
const worker :Workerd.Worker = (
  modules = [(name = "worker.js", esModule = embed "${basename(WORKER)}")],
  compatibilityDate = "2026-11-01",
  compatibilityFlags = ["global_fetch_strictly_public"],
  bindings = [(name = "ISSUER", text = "${issuer}"), (name = "RESOURCE", text = "${RESOURCE}")],
);
`,
  )
  return { command: WORKERD, args: ['serve', config] }
}
