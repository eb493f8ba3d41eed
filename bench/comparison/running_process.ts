import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'

export interface RunningProcess {
  pid: number
  /** From its start to its first answer; in seconds. */
  startUp: number
  /** Ends it and waits until it has ended. */
  stop(): Promise<void>
}

export interface ProcessOptions {
  command: string
  args: readonly string[]
  environment?: Readonly<Record<string, string>>
  cwd?: string
  /** The core, or cores, that it and its descendants are bound to. */
  core: number | readonly number[]
  /** What answers 200 once it is ready. */
  readyUrl: string
}

/** How long a program may take to start. In milliseconds. */
const PATIENCE = 400_000

/** Starts a program on one core, and waits until it answers. Its output is shown where it does not get so far. */
export async function startProcess(options: ProcessOptions): Promise<RunningProcess> {
  const { command, args, environment = {}, cwd, core, readyUrl } = options
  const startedAt = performance.now()
  const child = spawn('taskset', ['--cpu-list', String(core), command, ...args], {
    env: { PATH: process.env['PATH'], HOME: process.env['HOME'], ...environment },
    ...(cwd !== undefined && { cwd }),
    stdio: ['ignore', 'pipe', 'pipe'],
    // A group of its own, so that what it starts is ended with it.
    detached: true,
  })
  const output = lastOutputOf(child)
  const stop = async () => {
    if (child.exitCode !== null || child.signalCode !== null) return
    const ended = once(child, 'exit')
    process.kill(-(child.pid as number), 'SIGTERM')
    const killing = setTimeout(() => process.kill(-(child.pid as number), 'SIGKILL'), 20_000)
    await ended
    clearTimeout(killing)
  }
  while (!(await answers(readyUrl))) {
    const isLate = performance.now() - startedAt > PATIENCE
    if (child.exitCode === null && !isLate) {
      await sleep(10)
      continue
    }
    await stop()
    throw new Error(`${command} does not answer at ${readyUrl}:\n${output()}`)
  }
  return { pid: child.pid as number, startUp: (performance.now() - startedAt) / 1000, stop }
}

async function answers(url: string): Promise<boolean> {
  const response = await fetch(url, { redirect: 'manual' }).catch(() => undefined)
  await response?.body?.cancel()
  return response?.status === 200
}

function lastOutputOf({ stdout, stderr }: ChildProcess): () => string {
  let text = ''
  for (const stream of [stdout, stderr])
    stream?.on('data', (data: Buffer) => {
      text = (text + data).slice(-10_000)
    })
  return () => text
}
