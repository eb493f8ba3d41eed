import { rm } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { isAlive } from '../../node/src/postgres_cluster.ts'
import { environmentOf } from '../support/cluster.ts'
import { findWorkerPids, readLines } from '../support/log_lines.ts'
import { findFreePort, type MainProcess, spawnMain } from '../support/main_process.ts'

/** A node that can be killed, and comes back as under a process manager. */
export interface MortalNode {
  port: number
  workers: number
  /** How often the whole or a part of it was killed: what it remembered is gone. */
  deaths: number
  /** Kills all its processes at once, and starts it again until it serves. */
  killWhole(): Promise<void>
  /** Kills its first process. Its workers finish and leave; then it is started again. */
  killSupervisor(): Promise<void>
  /** Kills one of its workers, which the first process replaces. */
  killWorker(choose: (pids: readonly number[]) => number): Promise<void>
  /** Messages of its log that tell of errors, since its first start, each once. */
  errors(): ReadonlySet<string>
  close(): Promise<void>
}

export async function startNode(options: {
  issuer: string
  databaseUrl: string
  workers: number
}): Promise<MortalNode> {
  const port = await findFreePort()
  const env: Record<string, string> = {
    ...environmentOf(port, options.issuer, options.databaseUrl),
    WORKERS: String(options.workers),
  }
  const programs: MainProcess[] = []
  let program = spawnMain(env)
  programs.push(program)
  await program.started()

  const pids = () => [program.child.pid as number, ...workerPids()]
  const workerPids = () => (options.workers > 1 ? findWorkerPids(program) : [])
  /** What it is told to start while the database is away may fail; a process manager tries again. */
  async function startAgain(): Promise<void> {
    for (;;) {
      program = spawnMain(env)
      programs.push(program)
      const hasStarted = await program.started().then(
        () => true,
        () => false,
      )
      if (hasStarted) return untilWorkersServe()
      await sleep(100)
    }
  }
  async function untilWorkersServe(): Promise<void> {
    while (options.workers > 1 && workerPids().length < options.workers) await sleep(100)
  }

  const node: MortalNode = {
    port,
    workers: options.workers,
    deaths: 0,
    async killWhole() {
      node.deaths += 1
      for (const pid of pids()) if (isAlive(pid)) process.kill(pid, 'SIGKILL')
      await program.ended
      await startAgain()
    },
    async killSupervisor() {
      node.deaths += 1
      const left = workerPids()
      program.child.kill('SIGKILL')
      while (left.some(isAlive)) await sleep(20)
      await program.ended
      await startAgain()
    },
    async killWorker(choose) {
      node.deaths += 1
      const victim = choose(workerPids())
      process.kill(victim, 'SIGKILL')
      while (isAlive(victim)) await sleep(5)
      await untilWorkersServe()
    },
    errors: () => new Set(programs.flatMap(describeErrors)),
    async close() {
      program.child.kill('SIGTERM')
      await program.ended
      await rm(env['DATA_DIR'] as string, { recursive: true, force: true })
    },
  }
  return node
}

function describeErrors(program: MainProcess): string[] {
  return readLines(program)
    .filter(({ level }) => level === 'error')
    .map(({ msg }) => msg)
}
