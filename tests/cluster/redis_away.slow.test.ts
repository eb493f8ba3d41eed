import { rm, writeFile } from 'node:fs/promises'
import { Agent } from 'node:http'
import { connect, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createServer, type Server } from 'node:tls'
import { createClient } from '@redis/client'
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { main as build } from '../../scripts/build.ts'
import { createBrowser, type Page } from '../support/browser.ts'
import { createCertificate } from '../support/certificate.ts'
import { environmentOf } from '../support/cluster.ts'
import { type Granted, grant, refresh, registerServer } from '../support/flow.ts'
import { findFreePort, type MainProcess, runMain, spawnMain } from '../support/main_process.ts'
import { createTestDatabase, type TestDatabase } from '../support/postgres.ts'
import { parseScrape } from '../support/prometheus_text.ts'
import { createRemoteServer } from '../support/remote_server.ts'
import { OWNER, type TestServer } from '../support/server.ts'
import { startValkey, type Valkey } from '../support/valkey.ts'
import { createSeverableDatabase, type SeverableDatabase } from './severable_database.ts'

vi.setConfig({ testTimeout: 120_000 })

const PASSWORD = 'the password of a Valkey for tests'
const METRICS_TOKEN = 'a-token-that-reads-metrics'

let database: TestDatabase
let valkey: Valkey
let port: number

beforeAll(async () => {
  await build()
  database = await createTestDatabase()
  valkey = await startValkey('--requirepass', PASSWORD)
  port = await findFreePort()
})
afterAll(async () => {
  await valkey.stop()
  await database.drop()
})

function withPassword(url: string, password = PASSWORD): string {
  return url.replace('//', `//default:${encodeURIComponent(password)}@`)
}

function environment(REDIS_URL: string): Record<string, string> {
  return { ...environmentOf(port, `http://localhost:${port}`, database.url), REDIS_URL, METRICS_TOKEN }
}

describe('while Redis is away', () => {
  let severable: SeverableDatabase
  let program: MainProcess
  let env: Record<string, string>
  let server: TestServer
  let granted: Granted

  beforeAll(async () => {
    severable = await createSeverableDatabase(withPassword(valkey.url))
    env = environment(severable.url)
    program = spawnMain(env)
    await program.started()
    server = createRemoteServer(`http://localhost:${port}`, { port, agent: new Agent() })
    await registerServer(server)
    granted = await grant(server)
  })
  afterAll(async () => {
    program.child.kill('SIGTERM')
    await program.ended
    await severable.close()
    await rm(env['DATA_DIR'] as string, { recursive: true, force: true })
  })
  beforeEach(() => recover())

  async function recover(): Promise<void> {
    severable.become('open')
    await expect.poll(ready, { timeout: 60_000 }).toEqual([200, { status: 'ready' }])
  }
  async function ready(): Promise<[number, unknown]> {
    const response = await server.fetch('/ready')
    return [response.status, await response.json()]
  }
  async function signIn(email: string, password: string, address: string): Promise<Page> {
    const browser = createBrowser(server, address)
    return browser.submit(await browser.open('/sign-in'), { email, password }, '/sign-in')
  }

  it.each(['refused', 'silent'] as const)(
    '(%s) what is limited is refused with 503, the rest goes on, and it recovers by itself',
    async (way) => {
      const someone = `${way}@example.com`
      for (let count = 0; count < 10; count += 1)
        expect((await signIn(someone, 'wrong', `198.51.100.${count}`)).status).toBe(401)

      severable.become(way)
      const refused = await signIn(OWNER.email, OWNER.password, '203.0.113.1')
      expect([refused.status, refused.headers.get('Retry-After')]).toEqual([503, '5'])
      expect(refused.text()).toContain('a passkey still works')
      const mail = await createBrowser(server).open('/password-reset')
      expect(mail.status).toBe(200)
      expect(await ready()).toEqual([200, { status: 'ready', attempt_counters: 'unavailable' }])
      const { status, body } = await refresh(server, granted, granted.tokens.refresh_token)
      expect(status).toBe(200)
      granted.tokens.refresh_token = body.refresh_token

      await recover()
      expect((await signIn(OWNER.email, OWNER.password, '203.0.113.1')).status).toBe(200)
      expect((await signIn(someone, 'wrong', '203.0.113.2')).status).toBe(429)
    },
  )

  it('(silent) many at once are each answered, and none is kept for later', async () => {
    severable.become('silent')
    const answers = await Promise.all(
      Array.from({ length: 40 }, (_, index) => signIn('many@example.com', 'wrong', `192.0.2.${index}`)),
    )
    expect(answers.map(({ status }) => status)).toEqual(Array(40).fill(503))
    await recover()
    // The forty have counted against nobody, but for those that had reached it by then: at most the first.
    expect([401, 429]).toContain((await signIn('many@example.com', 'wrong', '192.0.2.99')).status)
  })

  it('(a replica, after a failover) is as good as away, and is left for whoever answers there then', async () => {
    const operator = createClient({ url: withPassword(valkey.url) })
    await operator.connect()
    try {
      await operator.sendCommand(['REPLICAOF', '127.0.0.1', '1'])
      expect((await signIn('failover@example.com', 'wrong', '192.0.2.200')).status).toBe(503)
      await operator.sendCommand(['REPLICAOF', 'NO', 'ONE'])
      const status = async () => (await signIn('failover@example.com', 'wrong', '192.0.2.200')).status
      await expect.poll(status, { timeout: 30_000 }).toBe(401)
    } finally {
      operator.destroy()
    }
  })

  it('tells the log what the matter is, once in an outage, and never the password', () => {
    const lines = program.stderr().split('\n')
    expect(lines.filter((line) => line.includes('"Redis is away."')).length).toBeGreaterThan(0)
    expect(lines.filter((line) => line.includes('"Redis is there again."')).length).toBeGreaterThan(0)
    expect(lines.filter((line) => line.includes('"Redis is away."')).length).toBeLessThan(20)
    expect(program.stderr()).not.toContain(PASSWORD)
    expect(program.stderr()).not.toContain(encodeURIComponent(PASSWORD))
  })

  it('metrics time what is counted there, and tell of what could not be', async () => {
    const headers = { Authorization: `Bearer ${METRICS_TOKEN}` }
    const { sum } = parseScrape(await (await server.fetch('/metrics', { headers })).text())
    const counts = { statement: 'attempt_counters_count' }
    expect(sum('auth_agent_database_statement_duration_seconds_count', counts)).toBeGreaterThan(60)
    expect(sum('auth_agent_database_failures_total', counts)).toBeGreaterThanOrEqual(40)
  })
})

describe('at the start', () => {
  let tls: Server
  let tlsPort: number
  let authority: string

  beforeAll(async () => {
    const { key, cert } = createCertificate(['localhost'])
    authority = join(tmpdir(), `${process.pid}cacert.pem`)
    await writeFile(authority, cert)
    tls = createServer({ key, cert }, (near) => {
      const far: Socket = connect(valkey.port, '127.0.0.1')
      near.pipe(far).pipe(near)
      for (const socket of [near, far]) socket.on('error', () => {})
    })
    tls.on('tlsClientError', () => {})
    tlsPort = await findFreePort()
    await new Promise<void>((resolve) => tls.listen(tlsPort, 'localhost', resolve))
  })
  afterAll(async () => {
    tls.close()
    await rm(authority)
  })

  async function refusalOf(url: string): Promise<string> {
    const program = runMain(environment(url))
    expect(await program.ended).toBe(1)
    const sentence = program.stderr().trim().split('\n').at(-1) ?? ''
    expect(sentence).toMatch(/^REDIS_URL names a Redis that cannot be used \(.+\): check .+\.$/)
    expect(program.stdout() + program.stderr()).not.toContain('password-in-the-url')
    return sentence
  }

  it('a Redis that cannot be used is named in a sentence, and its password is not', async () => {
    const free = await findFreePort()
    expect(await refusalOf(`redis://:password-in-the-url@127.0.0.1:${free}`)).toContain('ECONNREFUSED')
    expect(await refusalOf(withPassword(valkey.url, 'password-in-the-url'))).toContain('WRONGPASS')
    expect(await refusalOf(valkey.url)).toContain('NOAUTH')
    expect(await refusalOf(withPassword(valkey.url).replace('redis:', 'rediss:'))).toContain('(')
    expect(await refusalOf(withPassword(`rediss://localhost:${tlsPort}`))).toContain('self-signed')
  })

  it('TLS is spoken where the URL says so, to a certificate of somebody that is trusted', async () => {
    const url = withPassword(`rediss://localhost:${tlsPort}`)
    const program = runMain({ ...environment(url), NODE_EXTRA_CA_CERTS: authority })
    await program.started()
    const server = createRemoteServer(`http://localhost:${port}`, { port, agent: new Agent() })
    expect(await (await server.fetch('/ready')).json()).toEqual({ status: 'ready' })
  })

  it('a user of Redis needs few rights, and our keys alone', async () => {
    const rights = '~auth-agent:* -@all +ping +select +eval +evalsha +get +set +incr +decr +del +pttl'
    const strict = await startValkey('--user', 'limited', 'on', '>a-password', ...rights.split(' '))
    try {
      const url = strict.url.replace('//', '//limited:a-password@')
      const program = runMain(environment(`${url}/1`))
      await program.started()
      const browser = createBrowser(
        createRemoteServer(`http://localhost:${port}`, { port, agent: new Agent() }),
      )
      const page = await browser.submit(await browser.open('/sign-in'), { ...OWNER }, '/sign-in')
      expect(page.status).toBe(200)
      program.child.kill('SIGTERM')
      await program.ended
    } finally {
      await strict.stop()
    }
  })
})
