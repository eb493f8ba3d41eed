import { symlink, writeFile } from 'node:fs/promises'
import { get } from 'node:http'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { beforeAll, expect, onTestFinished, vi } from 'vitest'
import { main as build } from '../../scripts/build.ts'
import { type Block, findBlock, openShell, readBlocks } from '../deployment/document.ts'
import { hasClients } from '../deployment/has_clients.ts'
import { startSupabaseProject } from '../supabase/supabase_project.ts'
import { createCertificate } from '../support/certificate.ts'
import { makeFolder } from '../support/folders.ts'
import { itWhere } from '../support/it_where.ts'
import { findFreePort, spawnMain } from '../support/main_process.ts'
import { startBareWorkerd } from './bare_workerd.ts'
import { startTcpRelay } from './tcp_relay.ts'

vi.setConfig({ testTimeout: 180_000 })

const ROOT = fileURLToPath(new URL('../../', import.meta.url))
const PASSWORD = 'password-of-the-server'

let sections: Map<string, Block[]>
beforeAll(async () => {
  sections = await readBlocks(new URL('../../docs/workers.md', import.meta.url))
  await build()
})

itWhere(hasClients)('a database that was made by the documented commands is served by workerd', async () => {
  const certificate = createCertificate(['localhost'])
  const { operator } = await startSupabaseProject(18, certificate)
  const folder = await makeFolder()
  for (const name of ['dist', 'supabase']) await symlink(join(ROOT, name), join(folder, name))
  const ca = join(folder, 'database-ca.pem')
  await writeFile(ca, certificate.cert)
  const shell = openShell(folder, { PATH: `${dirname(process.execPath)}:${process.env['PATH'] ?? ''}` })
  const find = (part: string) => fillIn(findBlock(sections, 'Deploying', part), operator, ca)

  await shell.run(find('openssl rand'))
  await shell.run(find('main.js migrate'))
  const { link, env } = await makeOwner(find('export DATABASE_URL'))

  const server = new URL(env['DATABASE_URL'] ?? '')
  expect(server.username).toBe('auth_agent_server')
  server.search = ''
  const relay = await startTcpRelay(server.href)
  onTestFinished(() => relay.close())
  const port = await findFreePort()
  const { ISSUER_URL = '', AUTH_AGENT_SECRET = '' } = env
  await startBareWorkerd(port, relay.url, { ISSUER_URL, AUTH_AGENT_SECRET })
  expect(await statusOf(port, '/ready')).toBe(200)
  expect(await statusOf(port, link.pathname + link.search)).toBe(200)
  expect(await statusOf(port, `${link.pathname}?token=another`)).not.toBe(200)

  /** The last line of the block starts the program, which goes on until it is stopped. */
  async function makeOwner(block: string) {
    const [, exports = '', program] = /^(.*\n)(node .*)\n$/s.exec(block) ?? []
    expect(program).toBe('node dist/node/main.js')
    await shell.run(exports)
    const started = spawnMain({ ...shell.env, PORT: String(await findFreePort()) })
    onTestFinished(() => void started.child.kill('SIGKILL'))
    await started.started()
    started.child.kill('SIGTERM')
    expect(await started.ended).toBe(0)
    const [found = ''] = /https:\/\/auth\.example\.com\/setup\S*/.exec(started.stdout()) ?? []
    return { link: new URL(found), env: shell.env }
  }
})

/** Puts what belongs to this test in the place of the document's project and passwords. */
function fillIn(block: string, operator: string, ca: string): string {
  const { username, password, port } = new URL(operator)
  return block
    .replaceAll('postgres://postgres:…@', `postgres://${username}:${password}@`)
    .replaceAll('auth_agent_server:…@', `auth_agent_server:${PASSWORD}@`)
    .replaceAll('db.<project>.supabase.co:5432', `localhost:${port}`)
    .replaceAll('database-ca.pem', ca)
    .replaceAll("password '…'", `password '${PASSWORD}'`)
}

function statusOf(port: number, path: string): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    get({ host: '127.0.0.1', port, path, agent: false }, (answer) => resolve(answer.resume().statusCode)).on(
      'error',
      reject,
    )
  })
}
