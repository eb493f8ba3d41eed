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

describe('the services of compose.yaml, one after the other, as processes of this machine', () => {
  itWhere(hasOpenssl)('end in an example that is protected, with a key of its own', async () => {
    const compose = await readCompose()
    const superuser = await startCluster(18)
    const { host } = new URL(superuser)
    await runStatements(superuser, statementsOf(compose.configs.roles.content))
    const migration = runMain(environmentOf(compose, 'migrate', host), ['migrate'])
    expect([await migration.ended, migration.stderr()]).toEqual([0, ''])

    const port = String(await findFreePort())
    const issuer = `http://localhost:${port}`
    const settings = environmentOf(compose, 'auth-agent', host)
    expect(settings['ISSUER_URL']).toBe('http://localhost:8787')
    const volume = await makeFolder()
    const server = runMain({ ...settings, ISSUER_URL: issuer, PORT: port, DATA_DIR: join(volume, 'data') })
    await server.started()

    const registration = await makeFolder()
    const serverUrl = `http://localhost:${await findFreePort()}/mcp`
    const [command = ''] = compose.services['register']?.command ?? []
    const register = openShell(registration, {
      PATH,
      ...environmentOf(compose, 'register', host),
      AUTH_AGENT_URL: issuer,
      SERVER_URL: serverUrl,
    })
    const script = `(${command.replaceAll('/examples/', join(ROOT, 'examples/'))})`
    expect(await register.run(script)).toMatch(/^Registered /)
    const written = await readFile(join(registration, '.env'), 'utf8')
    expect(await register.run(script)).toBe('')
    expect(await readFile(join(registration, '.env'), 'utf8')).toBe(written)

    const { HOST = '' } = environmentOf(compose, 'filesystem-server', host)
    const answer = await askExample(registration, { HOST, ROOT: join(volume, 'files') }, serverUrl)
    expect(answer.status).toBe(401)
    const metadata =
      /resource_metadata="([^"]+)"/.exec(answer.headers.get('WWW-Authenticate') ?? '')?.[1] ?? ''
    expect(await (await fetch(metadata)).json()).toMatchObject({
      resource: serverUrl,
      authorization_servers: [issuer],
    })
  })
})

/** Starts the example where its `.env` is, and asks it without a token. */
async function askExample(cwd: string, env: Record<string, string>, url: string): Promise<Response> {
  const child = spawn(findPython(), ['-m', 'filesystem_server'], {
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
