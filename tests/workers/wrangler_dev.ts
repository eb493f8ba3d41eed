import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { LOCAL_DATABASE } from './workerd/settings.ts'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))

/** What a developer starts: `wrangler dev`, and the workerd below it. */
export interface WranglerDev {
  stop(): Promise<void>
}

/**
 * Starts it on a port of 127.0.0.1, and waits until it is ready.
 *
 * @param databaseUrl over TCP: what Hyperdrive leads to on this machine
 * @param variables and secrets, in place of those of wrangler.jsonc and .dev.vars
 */
export async function startWranglerDev(
  port: number,
  databaseUrl: string,
  variables: Readonly<Record<string, string>>,
): Promise<WranglerDev> {
  const given = Object.entries(variables).flatMap(([name, value]) => ['--var', `${name}:${value}`])
  const args = ['dev', '-c', 'workers/wrangler.jsonc', '--port', String(port), '--inspector-port', '0']
  const child = spawn('wrangler', [...args, ...given], {
    cwd: ROOT,
    env: { ...process.env, [LOCAL_DATABASE]: databaseUrl, WRANGLER_SEND_METRICS: 'false', CI: 'true' },
    stdio: ['ignore', 'pipe', 'pipe'],
    shell: process.platform === 'win32',
  })
  const ended = once(child, 'close')
  await waitUntilReady(child, ended)
  return {
    async stop() {
      child.kill('SIGTERM')
      await ended
    },
  }
}

async function waitUntilReady(child: ChildProcess, ended: Promise<unknown>): Promise<void> {
  let written = ''
  const ready = new Promise<boolean>((resolve) => {
    for (const stream of [child.stdout, child.stderr])
      stream?.setEncoding('utf8').on('data', (text: string) => {
        written += text
        if (written.includes('Ready on')) resolve(true)
      })
  })
  const isReady = await Promise.race([ready, ended.then(() => false)])
  if (!isReady) throw new Error(`wrangler dev ended: ${written}`)
}
