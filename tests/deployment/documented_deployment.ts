import { readdir, stat, symlink, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect } from 'vitest'
import { createCertificate } from '../support/certificate.ts'
import { makeFolder } from '../support/folders.ts'
import { findFreePort, type MainProcess, runMain } from '../support/main_process.ts'
import { runStatements, startCluster } from './cluster.ts'
import { type Block, findBlock, openShell, type Shell, statementsOf } from './document.ts'

const ROOT = fileURLToPath(new URL('../../', import.meta.url))
const PASSWORDS = { owner: 'password-of-the-owner', server: 'password-of-the-server' }
const ADMIN_TOKEN = 'an-admin-token-for-tests-only-0123456789'

type Sections = ReadonlyMap<string, Block[]>

/** A deployment that was made by the commands of "A first production start". */
export interface DocumentedDeployment {
  shell: Shell
  /** Puts what belongs to this test in the place of the document's hosts, passwords and certificate. */
  fill(block: string): string
  /** Another PostgreSQL, with nothing in it; what the shell runs from then on is about that one. */
  moveToNewCluster(): Promise<string>
  /** Starts a node with what the shell exports, and perhaps more. */
  serve(env?: Readonly<Record<string, string>>): Promise<Node>
}

export interface Node {
  get(path: string, init?: RequestInit): Promise<unknown>
  /** As the service manager does. */
  stop(): Promise<void>
}

/** The document names hosts and leaves out passwords; the commands are its own. */
export async function deployAsDocumented(sections: Sections): Promise<DocumentedDeployment> {
  const folder = await makeFolder()
  for (const name of ['dist', 'supabase']) await symlink(join(ROOT, name), join(folder, name))
  const certificate = createCertificate(['localhost'])
  const ca = join(folder, 'database-ca.pem')
  await writeFile(ca, certificate.cert)
  let superuser = await startCluster(15, certificate)
  const path = `${dirname(process.execPath)}:${process.env['PATH'] ?? ''}`
  const fill = (block: string) => fillIn(block, superuser, ca)
  const opened = openShell(folder, { PATH: path })
  const shell: Shell = {
    get env() {
      return opened.env
    },
    async run(block) {
      // As machines have it, unless a command says otherwise.
      const output = await opened.run(`umask 022\n${fill(block)}`)
      await checkModes(folder)
      return output
    },
  }
  const start = 'A first production start'
  await runStatements(superuser, statementsOf(fill(findBlock(sections, start, 'create database'))))
  await shell.run(findBlock(sections, start, 'openssl rand'))
  await shell.run(findBlock(sections, start, 'main.js migrate'))
  const server = findBlock(sections, start, 'export ISSUER_URL')
  await shell.run(server.replace(/^node .*$/m, ''))
  return {
    fill,
    shell,
    async moveToNewCluster() {
      superuser = await startCluster(15, certificate)
      for (const name of ['MIGRATION_DATABASE_URL', 'DATABASE_URL']) {
        const url = new URL(shell.env[name] ?? '')
        url.port = new URL(superuser).port
        shell.env[name] = url.href
      }
      return superuser
    },
    serve: (env) => serve({ ...shell.env, ...env }),
  }
}

function fillIn(block: string, superuser: string, ca: string): string {
  const { port } = new URL(superuser)
  return block
    .replaceAll('/etc/auth-agent/database-ca.pem', ca)
    .replaceAll(
      /(auth_agent_(owner|server)):…@db\.example\.com/g,
      (_, user: string, role: 'owner' | 'server') => `${user}:${PASSWORDS[role]}@localhost:${port}`,
    )
    .replaceAll(
      /(auth_agent_(owner|server)\b.*password) '…'/g,
      (_, head: string, role: 'owner' | 'server') => `${head} '${PASSWORDS[role]}'`,
    )
    .replace('AUTH_AGENT_OWNER_PASSWORD=…', 'AUTH_AGENT_OWNER_PASSWORD=plum-wagon-tundra-seven')
}

/** What the commands leave behind holds secrets or people's data: nobody else on the machine may read it. */
async function checkModes(folder: string): Promise<void> {
  for (const name of (await readdir(folder)).filter((each) => /\.(secret|admin_token|sql)$/.test(each))) {
    const { mode } = await stat(join(folder, name))
    expect([name, (mode & 0o777).toString(8)]).toEqual([name, '600'])
  }
}

async function serve(env: Readonly<Record<string, string>>): Promise<Node> {
  const port = String(await findFreePort())
  const program = runMain({
    ...env,
    PORT: port,
    AUTH_AGENT_ADMIN_TOKEN: ADMIN_TOKEN,
    PBKDF2_ITERATIONS: '100000',
  })
  await program.started()
  return {
    async get(path, init = {}) {
      const headers = { Authorization: `Bearer ${ADMIN_TOKEN}`, 'Content-Type': 'application/json' }
      return (await fetch(`http://127.0.0.1:${port}${path}`, { headers, ...init })).json()
    },
    stop: () => end(program),
  }
}

async function end(program: MainProcess): Promise<void> {
  program.child.kill('SIGTERM')
  expect(await program.ended).toBe(0)
}
