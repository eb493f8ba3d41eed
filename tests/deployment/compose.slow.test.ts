import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { beforeAll, describe, expect, onTestFinished, vi } from 'vitest'
import { parse } from 'yaml'
import { main as build } from '../../scripts/build.ts'
import { makeFolder } from '../support/folders.ts'
import { isUnix, itWhere } from '../support/it_where.ts'
import { findFreePort, runMain } from '../support/main_process.ts'
import { findPython } from '../support/python.ts'
import { runStatements, startCluster } from './cluster.ts'
import { findBlock, openShell, readBlocks, statementsOf } from './document.ts'

vi.setConfig({ testTimeout: 180_000 })

const ROOT = fileURLToPath(new URL('../../', import.meta.url))
const PATH = `${dirname(process.execPath)}:${process.env['PATH'] ?? ''}`
const hasOpenssl = isUnix && spawnSync('openssl', ['version'], { stdio: 'ignore' }).status === 0

interface Compose {
  services: Record<string, { environment: Record<string, string>; command: string[] }>
  configs: { roles: { content: string } }
}

beforeAll(() => build())

/** compose.yaml with the secrets of a `.env` that the documented command made. */
async function readCompose(): Promise<Compose> {
  const folder = await makeFolder()
  const sections = await readBlocks()
  await openShell(folder, { PATH }).run(findBlock(sections, 'In a container', '> .env'))
  const lines = (await readFile(join(folder, '.env'), 'utf8')).trim().split('\n')
  const secrets = new Map(lines.map((line) => line.split('=', 2) as [string, string]))
  const compose = parse(await readFile(join(ROOT, 'compose.yaml'), 'utf8'), { merge: true }) as object
  // As Compose does it, in values, so that what is empty stays a text.
  const filled = JSON.stringify(compose).replaceAll(
    /\$\{([A-Z_]+)[^}]*\}/g,
    (_, name: string) => secrets.get(name) ?? '',
  )
  return JSON.parse(filled) as Compose
}

/** What a service is told; its PostgreSQL is that of the test. */
function environmentOf({ services }: Compose, name: string, host: string): Record<string, string> {
  const { DATABASE_URL, ...rest } = services[name]?.environment ?? {}
  return DATABASE_URL === undefined
    ? rest
    : { ...rest, DATABASE_URL: DATABASE_URL.replace('@postgres/', `@${host}/`) }
}

/** The issuer's port is forwarded to the server, which is on this machine as well. */
function commandOf({ services }: Compose, name: string, ports: { issuer: number; server: number }): string[] {
  return (services[name]?.command ?? []).map((part) =>
    part
      .replaceAll('/examples/', join(ROOT, 'examples/'))
      .replace('("auth-agent", 8787)', `("127.0.0.1", ${ports.server})`)
      .replace('connect(8787, "auth-agent")', `connect(${ports.server}, "127.0.0.1")`)
      .replaceAll('8787', String(ports.issuer)),
  )
}

describe('the services of compose.yaml, one after the other, as processes of this machine', () => {
  itWhere(hasOpenssl)('end in an example that is protected, with a key of its own', async () => {
    const compose = await readCompose()
    const superuser = await startCluster(18)
    const { host } = new URL(superuser)
    await runStatements(superuser, statementsOf(compose.configs.roles.content))
    const migration = runMain(environmentOf(compose, 'migrate', host), ['migrate'])
    expect([await migration.ended, migration.stderr()]).toEqual([0, ''])

    // In a container of its own each of the two is 8787.
    const ports = { issuer: await findFreePort(), server: await findFreePort() }
    const issuer = `http://localhost:${ports.issuer}`
    const settings = environmentOf(compose, 'auth-agent', host)
    expect(settings['ISSUER_URL']).toBe('http://localhost:8787')
    const volume = await makeFolder()
    const startServer = async () => {
      const [PORT, DATA_DIR] = [String(ports.server), join(volume, 'data')]
      const program = runMain({ ...settings, ISSUER_URL: issuer, PORT, DATA_DIR })
      await program.started()
      return program
    }
    const server = await startServer()

    const registration = await makeFolder()
    const serverUrl = `http://localhost:${await findFreePort()}/mcp`
    const [command = ''] = commandOf(compose, 'register', ports)
    const register = openShell(registration, {
      PATH,
      ...environmentOf(compose, 'register', host),
      AUTH_AGENT_URL: issuer,
      SERVER_URL: serverUrl,
    })
    const script = `(${command})`
    expect(await register.run(script)).toMatch(/^Registered /)
    const written = await readFile(join(registration, '.env'), 'utf8')
    expect(await register.run(script)).toBe('')
    expect(await readFile(join(registration, '.env'), 'utf8')).toBe(written)

    const { HOST = '' } = environmentOf(compose, 'filesystem-server', host)
    const example = commandOf(compose, 'filesystem-server', ports).slice(1)
    const answer = await askExample(example, registration, { HOST, ROOT: join(volume, 'files') }, serverUrl)
    expect(answer.status).toBe(401)
    const metadata =
      /resource_metadata="([^"]+)"/.exec(answer.headers.get('WWW-Authenticate') ?? '')?.[1] ?? ''
    expect(await (await fetch(metadata)).json()).toMatchObject({
      resource: serverUrl,
      authorization_servers: [issuer],
    })

    // As Docker does it: the server alone, and the example, whose port the issuer's is, is told nothing.
    const isServed = async () => (await fetch(`${issuer}/health`).catch(() => undefined))?.ok ?? false
    expect(await isServed()).toBe(true)
    server.child.kill('SIGKILL')
    await server.ended
    expect(await isServed()).toBe(false)
    await startServer()
    expect(await isServed()).toBe(true)
  })
})

/** Starts the example where its `.env` is, and asks it without a token. */
async function askExample(
  command: readonly string[],
  cwd: string,
  env: Record<string, string>,
  url: string,
): Promise<Response> {
  const child = spawn(findPython(), command, {
    cwd,
    env: { PATH, ...env },
    stdio: 'inherit',
  })
  const ended = once(child, 'exit')
  onTestFinished(async () => {
    child.kill()
    await ended
  })
  for (;;) {
    const response = await fetch(url, { method: 'POST' }).catch(() => undefined)
    if (response && response.status !== 503) return response
    if (child.exitCode !== null) throw new Error('The example ended.')
    await sleep(100)
  }
}
