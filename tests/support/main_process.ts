import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { fileURLToPath } from 'node:url'
import { onTestFinished } from 'vitest'

const MAIN = fileURLToPath(new URL('../../dist/node/main.js', import.meta.url))

/** The built program, as `npm start` runs it, with nothing of our environment but what is given. */
export interface MainProcess {
  child: ChildProcess
  /** What it has written so far. */
  stdout(): string
  stderr(): string
  /** Waits for its end; resolves with its exit status. */
  ended: Promise<number | null>
  /** Waits until it has greeted. Rejects with what it said instead. */
  started(): Promise<void>
}

/** Runs it; it is stopped when the test is over. */
export function runMain(env: Record<string, string>, args: readonly string[] = []): MainProcess {
  const program = spawnMain(env, args)
  onTestFinished(async () => {
    program.child.kill('SIGTERM')
    await program.ended
  })
  return program
}

/** Runs it until somebody stops it. */
export function spawnMain(env: Record<string, string>, args: readonly string[] = []): MainProcess {
  const child = spawn(process.execPath, [MAIN, ...args], {
    env: { PATH: process.env['PATH'] ?? '', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const written = { stdout: '', stderr: '' }
  for (const stream of ['stdout', 'stderr'] as const)
    child[stream].setEncoding('utf8').on('data', (text: string) => {
      written[stream] += text
    })
  const ended = once(child, 'close').then(([code]) => code as number | null)
  return {
    child,
    stdout: () => written.stdout,
    stderr: () => written.stderr,
    ended,
    async started() {
      while (!written.stdout.includes('request.state.user_email')) {
        const isOver = await Promise.race([
          ended.then(() => true),
          once(child.stdout, 'data').then(() => false),
        ])
        if (isOver) throw new Error(`It ended: ${written.stderr}`)
      }
    },
  }
}

/** A port that nobody uses at the moment. */
export async function findFreePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1')
  await once(probe, 'listening')
  const address = probe.address()
  await new Promise((resolve) => probe.close(resolve))
  return typeof address === 'object' && address ? address.port : 0
}
