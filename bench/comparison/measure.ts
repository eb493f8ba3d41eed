import { cpuSecondsOf, memoryOf, timesOfCore } from '../processor.ts'
import { type LoadOptions, load, type VirtualUser } from './load.ts'
import type { Subject } from './subject.ts'

/** Where the server works, alone; and where PostgreSQL and whoever asks do. */
export const SERVER_CORE = 0
export const OTHER_CORE = 1

/** Of a run in which the other core was idle for less than this, nobody knows what the server could have done. */
const LEAST_IDLE = 0.03

/** What one run of one work came to. */
export interface Run {
  /** Pieces of work a second. */
  rate: number
  /** Milliseconds. */
  p50: number
  p99: number
  p999: number
  /** p99 / p50 in the median second. */
  steadyRatio: number
  /** Of what was finished, from 0 to 1. */
  untimed: number
  errors: number
  firstError: string | undefined
  /** Of the server, and of PostgreSQL, for each piece of work; in microseconds. */
  serverCpu: number
  databaseCpu: number
  /** How much of the other core was idle, from 0 to 1. */
  otherIdle: number
  /** Whether the other core was busy all the time, so that the rate says nothing of the server. */
  isSaturated: boolean
  /** Bytes, afterwards. */
  memory: number
}

/** Has users work for a while, and takes the measure of everybody. */
export async function measureRun(
  subject: Subject,
  port: number,
  users: readonly VirtualUser[],
  options: LoadOptions & { databasePid: number },
): Promise<Run> {
  const before = await readClocks(subject.pid, options.databasePid)
  const result = await load(port, users, options)
  const after = await readClocks(subject.pid, options.databasePid)
  const pieces = result.finished + result.errors
  const other = { busy: after.other.busy - before.other.busy, idle: after.other.idle - before.other.idle }
  const otherIdle = other.idle / (other.busy + other.idle)
  return {
    rate: result.finished / result.seconds,
    p50: result.p50,
    p99: result.p99,
    p999: result.p999,
    steadyRatio: result.steadyRatio,
    untimed: result.untimed,
    errors: result.errors,
    firstError: result.firstError,
    serverCpu: ((after.server - before.server) / pieces) * 1e6,
    databaseCpu: ((after.database - before.database) / pieces) * 1e6,
    otherIdle,
    isSaturated: otherIdle < LEAST_IDLE,
    memory: await memoryOf(subject.pid),
  }
}

async function readClocks(serverPid: number, databasePid: number) {
  const [server, database, other] = await Promise.all([
    cpuSecondsOf(serverPid),
    cpuSecondsOf(databasePid),
    timesOfCore(OTHER_CORE),
  ])
  return { server, database, other }
}
