import { readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest'
import { main as build } from '../../scripts/build.ts'
import { findPostmaster } from '../../tests/support/embedded_processes.ts'
import { makeFolder } from '../../tests/support/folders.ts'
import { findFreePort, runMain } from '../../tests/support/main_process.ts'
import { createTestDatabase } from '../../tests/support/postgres.ts'

vi.setConfig({ testTimeout: 90_000 })

const SECRET = { AUTH_AGENT_SECRET: 'a server secret of 32 bytes or more for tests' }

beforeAll(() => build())

async function makeEnv() {
  return { DATA_DIR: join(await makeFolder(), 'data'), PORT: String(await findFreePort()) }
}

describe('the program', () => {
  it('makes everything at the first start, serves, and stops on SIGTERM', async () => {
    const env = await makeEnv()
    const program = runMain(env)
    await program.started()
    expect(program.stdout()).toContain(`Auth-Agent is running: http://localhost:${env.PORT}\n`)
    expect((await fetch(`http://localhost:${env.PORT}/ready`)).status).toBe(200)
    expect((await stat(join(env.DATA_DIR, 'secret'))).mode & 0o077).toBe(0)

    program.child.kill('SIGTERM')
    expect(await program.ended).toBe(0)
    expect(await findPostmaster(env.DATA_DIR)).toBeUndefined()
  })

  it('tells secrets to the terminal and never to the log, which is JSON lines', async () => {
    const env = await makeEnv()
    const program = runMain(env)
    await program.started()
    program.child.kill('SIGINT')
    expect(await program.ended).toBe(0)

    const [, token = 'no setup link'] = /\/setup\?token=(\S+)/.exec(program.stdout()) ?? []
    const [, inbox = 'no inbox'] = /\/dev\/inbox\?secret=(\S+)/.exec(program.stdout()) ?? []
    const secrets = [token, inbox, await readFile(join(env.DATA_DIR, 'postgres.password'), 'utf8')]
    expect(secrets.every((secret) => secret.trim().length >= 32)).toBe(true)
    for (const secret of secrets) expect(program.stderr()).not.toContain(secret.trim())
    const lines = program.stderr().trim().split('\n')
    expect(lines.map((line) => (JSON.parse(line) as { msg: string }).msg)).toContain(
      'The server has stopped.',
    )
  })

  it('starts twice on one DATA_DIR, and keeps its keys from start to start', async () => {
    const env = await makeEnv()
    const first = runMain(env)
    const otherEnv = { ...env, PORT: String(await findFreePort()) }
    const second = runMain(otherEnv)
    await Promise.all([first.started(), second.started()])
    const [keys, otherKeys] = await Promise.all([readKeys(env.PORT), readKeys(otherEnv.PORT)])
    expect(otherKeys).toEqual(keys)

    first.child.kill('SIGKILL')
    await first.ended
    expect(await readKeys(otherEnv.PORT)).toEqual(keys)
    const again = runMain(env)
    await again.started()
    expect(await readKeys(env.PORT)).toEqual(keys)
  })

  it('serves on the database that DATABASE_URL names', async () => {
    const { url, drop } = await createTestDatabase()
    onTestFinished(drop)
    const env = await makeEnv()
    const program = runMain({ ...env, ...SECRET, DATABASE_URL: url })
    await program.started()
    expect((await fetch(`http://localhost:${env.PORT}/ready`)).status).toBe(200)
    program.child.kill('SIGTERM')
    expect(await program.ended).toBe(0)
  })

  it('tells of a failed start at debug with its stack, and with nothing else that the error carries', async () => {
    const program = runMain({ ...(await makeEnv()), LOG_LEVEL: 'debug', ACCESS_TOKEN_TTL: 'long' })
    expect(await program.ended).toBe(1)
    const told = JSON.parse(program.stderr()) as Record<string, unknown>
    expect(Object.keys(told).toSorted()).toEqual(['message', 'stack', 'type'])
    expect(told).toMatchObject({
      type: 'EnvironmentError',
      message: expect.stringMatching(/^ACCESS_TOKEN_TTL is "long"/),
    })
  })

  it('outlives those who read its output', async () => {
    const env = await makeEnv()
    const program = runMain({ ...env, LOG_LEVEL: 'debug' })
    program.child.stdout?.destroy()
    program.child.stderr?.destroy()
    const isReady = () =>
      fetch(`http://localhost:${env.PORT}/ready`).then(
        ({ ok }) => ok,
        () => false,
      )
    await expect.poll(isReady, { timeout: 30_000 }).toBe(true)
    // It greets after it listens.
    await sleep(500)
    expect(await isReady()).toBe(true)
    program.child.kill('SIGTERM')
    expect(await program.ended).toBe(0)
    expect(await findPostmaster(env.DATA_DIR)).toBeUndefined()
  })

  it('makes the owner that the environment names, and then needs no link', async () => {
    const owner = {
      AUTH_AGENT_OWNER_EMAIL: 'owner@example.com',
      AUTH_AGENT_OWNER_PASSWORD: 'plum wagon tundra seven',
    }
    const program = runMain({ ...(await makeEnv()), ...owner })
    await program.started()
    expect(program.stdout()).not.toContain('/setup?token=')
  })
})

describe('what makes no sense is told in one sentence', () => {
  it.each([
    [{ PORT: 'http' }, [], /^PORT is "http", .*\.$/],
    [{ ISSUER_URL: 'http://auth.example.com' }, [], /^ISSUER_URL is .*\.$/],
    [{}, ['serve'], /^There is no command serve: .*\.$/],
    [
      { ...SECRET, DATABASE_URL: 'postgres://u:hidden@127.0.0.1:1/a' },
      [],
      /^DATABASE_URL names a database that cannot be reached \(.*ECONNREFUSED.*\): .*\.$/,
    ],
    [
      {
        ISSUER_URL: 'https://auth.example.com',
        AUTH_AGENT_OWNER_EMAIL: 'o@example.com',
        AUTH_AGENT_OWNER_PASSWORD: 'password',
      },
      [],
      /^AUTH_AGENT_OWNER_PASSWORD .*\.$/,
    ],
  ])('%j %j', async (env, args, sentence) => {
    const program = runMain({ ...(await makeEnv()), LOG_LEVEL: 'silent', ...env }, args)
    expect(await program.ended).toBe(1)
    expect(program.stderr().trim()).toMatch(sentence)
    expect(program.stderr()).not.toContain('hidden')
  })

  it('a port that is taken', async () => {
    const env = await makeEnv()
    await runMain(env).started()
    const second = runMain({ ...env, LOG_LEVEL: 'silent' })
    expect(await second.ended).toBe(1)
    expect(second.stderr()).toMatch(new RegExp(`^PORT is ${env.PORT}, which another program uses .*\\.\\n$`))
    expect((await fetch(`http://localhost:${env.PORT}/ready`)).status).toBe(200)
  })
})

it('migrate migrates and ends', async () => {
  const env = await makeEnv()
  const first = runMain(env, ['migrate'])
  expect([await first.ended, first.stderr()]).toEqual([0, ''])
  expect(first.stdout()).toMatch(/^Migrated: \d+_initial/)
  const second = runMain(env, ['migrate'])
  expect([await second.ended, second.stdout()]).toEqual([0, 'Nothing to migrate.\n'])
  expect(await findPostmaster(env.DATA_DIR)).toBeUndefined()
})

async function readKeys(port: string): Promise<unknown> {
  return (await fetch(`http://localhost:${port}/.well-known/jwks.json`)).json()
}
