import { expect } from 'vitest'
import { isAlive } from '../../node/src/postgres_cluster.ts'
import type { MainProcess } from './main_process.ts'

/** A line of the log, as far as it tells of workers. */
export interface Line {
  level: string
  msg: string
  /** The number of the worker that wrote it. */
  worker?: number
  workerPid?: number
  workerPids?: number[]
  pauseMs?: number
}

/** What a program has logged so far. */
export function readLines(program: MainProcess): Line[] {
  return program
    .stderr()
    .split('\n')
    .slice(0, -1)
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line) as Line)
}

export function countLines(program: MainProcess, message: string): number {
  return readLines(program).filter(({ msg }) => msg === message).length
}

/** The processes that serve now, oldest first. */
export function findWorkerPids(program: MainProcess): number[] {
  return readLines(program)
    .filter(({ msg }) => /^(The workers have|A worker has) started\.$/.test(msg))
    .flatMap(({ workerPids, workerPid }) => workerPids ?? workerPid ?? [])
    .filter(isAlive)
}

/** Waits until so many serve. The log may come a moment after the greeting. */
export async function waitForWorkers(program: MainProcess, count: number): Promise<number[]> {
  await expect.poll(() => findWorkerPids(program), { timeout: 60_000 }).toHaveLength(count)
  return findWorkerPids(program)
}
