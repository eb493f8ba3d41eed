import { join } from 'node:path'
import { beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest'
import { isAlive } from '../../node/src/postgres_cluster.ts'
import { main as build } from '../../scripts/build.ts'
import { findPostmaster } from '../support/embedded_processes.ts'
import { makeFolder } from '../support/folders.ts'
import { countLines, findWorkerPids, type Line, readLines, waitForWorkers } from '../support/log_lines.ts'
import { findFreePort, type MainProcess, runMain } from '../support/main_process.ts'
import { createTestDatabase } from '../support/postgres.ts'

vi.setConfig({ testTimeout: 120_000 })

beforeAll(() => build())

async function makeEnv(workers = 3) {
  const DATA_DIR = join(await makeFolder(), 'data')
  return { DATA_DIR, PORT: String(await findFreePort()), WORKERS: String(workers) }
}

const isReady = (port: string) =>
  fetch(`http://localhost:${port}/ready`, { headers: { Connection: 'close' } }).then(
    ({ ok }) => ok,
    () => false,
  )

/** Asks on new connections until so many workers have answered, by what they log. Returns their numbers. */
async function findWorkers(program: MainProcess, port: string, count: number): Promise<Set<number>> {
  const path = `/asked-${Math.random()}`
  const answered = () =>
    new Set(
      program
        .stderr()
        .split('\n')
        .filter((line) => line.includes(path))
        .map((line) => (JSON.parse(line) as Line).worker ?? 0),
    )
  const ask = async () => {
    await fetch(`http://localhost:${port}${path}`, { headers: { Connection: 'close' } }).catch(() => {})
    return answered().size
  }
  await expect.poll(ask, { timeout: 60_000, interval: 20 }).toBe(count)
  return answered()
}

describe('WORKERS=3', () => {
  it('greets, migrates and makes the setup link once; all serve, and all stop on SIGTERM', async () => {
    const env = await makeEnv()
    const program = runMain(env)
    await program.started()
    expect(program.stdout().match(/Auth-Agent is running/g)).toHaveLength(1)
    expect(program.stdout().match(/\/setup\?token=/g)).toHaveLength(1)
    expect(countLines(program, 'The database was migrated.')).toBe(1)
    await findWorkers(program, env.PORT, 3)
    const pids = await waitForWorkers(program, 3)

    program.child.kill('SIGTERM')
    expect(await program.ended).toBe(0)
    expect(pids.filter(isAlive)).toEqual([])
    expect(await findPostmaster(env.DATA_DIR)).toBeUndefined()
  })

  it('show the same development inbox', async () => {
    const env = await makeEnv()
    const program = runMain(env)
    await program.started()
    const [, secret] = /\/dev\/inbox\?secret=(\S+)/.exec(program.stdout()) ?? []
    for (let count = 0; count < 6; count += 1) {
      const url = `http://localhost:${env.PORT}/dev/inbox?secret=${secret}`
      const { status } = await fetch(url, { headers: { Connection: 'close' }, redirect: 'manual' })
      expect(status).toBe(303)
    }
  })

  it('are started again when they are killed, and the log says so', async () => {
    const env = await makeEnv()
    const program = runMain(env)
    await program.started()
    const [victim = 0, ...others] = await waitForWorkers(program, 3)
    process.kill(victim, 'SIGKILL')
    await expect
      .poll(() => readLines(program).map(({ msg }) => msg), { timeout: 60_000 })
      .toContain('A worker has started.')
    const lines = readLines(program)
    expect(lines).toContainEqual(
      expect.objectContaining({
        level: 'error',
        msg: 'A worker has ended unasked.',
        workerPid: victim,
        signal: 'SIGKILL',
      }),
    )
    expect(lines).toContainEqual(expect.objectContaining({ pauseMs: 100 }))
    expect(findWorkerPids(program)).toEqual(expect.arrayContaining(others))
    await findWorkers(program, env.PORT, 3)
  })

  it('are started again, with growing pauses, also when all of them die at once', async () => {
    const env = await makeEnv()
    const program = runMain(env)
    await program.started()
    for (const pid of await waitForWorkers(program, 3)) process.kill(pid, 'SIGKILL')
    await findWorkers(program, env.PORT, 3)
    const pauses = readLines(program).flatMap(({ pauseMs }) => pauseMs ?? [])
    expect(pauses).toEqual([100, 200, 400])
  })

  it('are replaced one by one on SIGUSR2', async () => {
    const env = await makeEnv()
    const program = runMain(env)
    await program.started()
    const before = await waitForWorkers(program, 3)
    program.child.kill('SIGUSR2')
    await expect
      .poll(() => readLines(program).map(({ msg }) => msg), { timeout: 60_000 })
      .toContain('The workers have been replaced.')
    const after = await waitForWorkers(program, 3)
    expect(after.filter((pid) => before.includes(pid))).toEqual([])
    await findWorkers(program, env.PORT, 3)
  })

  it('finish and leave when their supervisor is killed; the database stops with the last', async () => {
    const env = await makeEnv()
    const program = runMain(env)
    await program.started()
    const pids = await waitForWorkers(program, 3)
    program.child.kill('SIGKILL')
    await expect.poll(() => pids.filter(isAlive), { timeout: 60_000 }).toEqual([])
    expect(await findPostmaster(env.DATA_DIR)).toBeUndefined()
    const again = runMain(env)
    await again.started()
    expect(await isReady(env.PORT)).toBe(true)
  })

  it('use the database that DATABASE_URL names', async () => {
    const { url, drop } = await createTestDatabase()
    onTestFinished(drop)
    const env = { ...(await makeEnv()), DATABASE_URL: url, AUTH_AGENT_SECRET: 'x'.repeat(32) }
    const program = runMain(env)
    await program.started()
    await findWorkers(program, env.PORT, 3)
    program.child.kill('SIGTERM')
    expect(await program.ended).toBe(0)
  })
})

describe('workers that cannot start', () => {
  it('end the whole with their sentence, told once', async () => {
    const env = await makeEnv()
    await runMain({ ...env, WORKERS: '1' }).started()
    const second = runMain({ ...env, LOG_LEVEL: 'silent' })
    expect(await second.ended).toBe(1)
    expect(second.stderr()).toMatch(new RegExp(`^PORT is ${env.PORT}, which another program uses .*\\.\\n$`))
    expect(second.stdout()).toBe('')
  })

  it('are not even tried where the configuration makes no sense', async () => {
    const program = runMain({ ...(await makeEnv()), ACCESS_TOKEN_TTL: 'long' })
    expect(await program.ended).toBe(1)
    expect(program.stderr()).toMatch(/^ACCESS_TOKEN_TTL is "long", [^\n]*\.\n$/)
  })
})

it('SIGUSR2 leaves a process without workers running', async () => {
  const env = await makeEnv(1)
  const program = runMain(env)
  await program.started()
  program.child.kill('SIGUSR2')
  await expect.poll(() => program.stderr(), { timeout: 30_000 }).toContain('WORKERS is 1')
  expect(await isReady(env.PORT)).toBe(true)
})
