import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { findValkey } from '../../scripts/valkey.ts'
import { findFreePort } from './main_process.ts'
import { findPython } from './python.ts'

/** A Valkey that keeps nothing, on a port of this machine. */
export interface Valkey {
  port: number
  /** Without what it asks for. */
  url: string
  process: ChildProcess
  stop(): Promise<void>
}

/** @param options of its command line, such as `--requirepass` and a password */
export async function startValkey(...options: string[]): Promise<Valkey> {
  const port = await findFreePort()
  const args = ['--bind', '127.0.0.1', '--port', String(port), '--save', '', ...options]
  const child = spawn(await findValkey(findPython()), args, { stdio: ['ignore', 'pipe', 'inherit'] })
  const ended = once(child, 'close')
  let said = ''
  for await (const text of child.stdout.setEncoding('utf8').iterator({ destroyOnReturn: false })) {
    said += text
    if (said.includes('Ready to accept connections')) break
  }
  child.stdout.resume()
  if (!said.includes('Ready to accept connections')) throw new Error(`Valkey ended: ${said}`)
  return {
    port,
    url: `redis://127.0.0.1:${port}`,
    process: child,
    async stop() {
      child.kill('SIGCONT')
      child.kill('SIGKILL')
      await ended
    },
  }
}
