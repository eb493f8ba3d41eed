import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { onTestFinished } from 'vitest'
import { bundleWorkers } from '../../scripts/bundle_workers.ts'
import { makeFolder } from '../support/folders.ts'

/** The program. */
export const { default: WORKERD } = createRequire(import.meta.url)('workerd') as { default: string }

/**
 * Starts the Worker in workerd with nothing before it: the tools of wrangler put a proxy there, to which clients go away
 * unnoticed. It is stopped when the test is over.
 *
 * @param databaseUrl over TCP
 * @param variables and secrets
 */
export async function startBareWorkerd(
  port: number,
  databaseUrl: string,
  variables: Readonly<Record<string, string>>,
): Promise<void> {
  const config = await writeConfiguration(await makeFolder(), port, databaseUrl, variables)
  const child = spawn(WORKERD, ['serve', config, '--control-fd=3'], {
    stdio: ['ignore', 'ignore', 'pipe', 'pipe'],
  })
  onTestFinished(async () => {
    child.kill('SIGKILL')
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
  })
  await waitUntilListening(child)
}

/**
 * Writes the Worker, and how workerd is to serve it, into a folder.
 *
 * @returns the file that `workerd serve` takes
 */
export async function writeConfiguration(
  folder: string,
  port: number,
  databaseUrl: string,
  variables: Readonly<Record<string, string>>,
): Promise<string> {
  await bundleWorkers('production', folder)
  const file = join(folder, 'workerd.capnp')
  await writeFile(file, describe(port, new URL(databaseUrl), variables))
  return file
}

/** https://github.com/cloudflare/workerd/blob/main/src/workerd/server/workerd.capnp */
function describe(port: number, database: URL, variables: Readonly<Record<string, string>>): string {
  const texts = Object.entries({ HYPERDRIVE_CACHING: 'disabled', LOG_LEVEL: 'silent', ...variables }).map(
    ([name, text]) => `(name = "${name}", text = "${text}")`,
  )
  const account = `user = "${database.username}", password = "${database.password}"`
  return `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [
    (name = "worker", worker = .worker),
    (name = "database", external = (address = "${database.host}", tcp = ())),
  ],
  sockets = [(name = "http", address = "127.0.0.1:${port}", http = (), service = "worker")],
);
const worker :Workerd.Worker = (
  modules = [(name = "main.js", esModule = embed "main.js")],
  compatibilityDate = "2026-11-01",
  compatibilityFlags = ["global_fetch_strictly_public"],
  bindings = [
    (name = "HYPERDRIVE", hyperdrive = (
      designator = "database", database = "${database.pathname.slice(1)}", ${account}, scheme = "postgres")),
    ${texts.join(',\n    ')},
  ],
);
`
}

/** It says so on its control channel. */
async function waitUntilListening(child: ChildProcess): Promise<void> {
  let complaint = ''
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    complaint += text
  })
  const listening = once(child.stdio[3] as Readable, 'data').then(() => true)
  const isListening = await Promise.race([listening, once(child, 'exit').then(() => false)])
  if (!isListening) throw new Error(`workerd ended: ${complaint}`)
}
