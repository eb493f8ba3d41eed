import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { findFreePort } from '../../../tests/support/main_process.ts'
import { installedFolder, installPackages, versionOf } from '../installed_packages.ts'
import { startProcess } from '../running_process.ts'
import { type StartOptions, type Subject, type SubjectDescription, WORKS } from '../subject.ts'
import { BASE_URL, RESOURCE, type Services } from './better_auth/site.ts'
import { createUsers } from './better_auth/users.ts'

const PEER = 'better_auth'

/**
 * better-auth with its OAuth provider, each in the newest version that the registry has. They are not the same: the provider asks for
 * better-auth from 1.7.5 on, but for the very versions of three smaller packages that 1.7.5 had, which `overrides` sets aside; with
 * 1.7.5 a token takes a fifth more of the processor. Its own handler for Node serves it, since Hono's takes no less. Passwords are hashed by
 * scrypt (N = 16384, r = 16, p = 1), which is its default.
 */
export const betterAuth: SubjectDescription = {
  name: `better-auth ${versionOf(PEER, 'better-auth')}, PostgreSQL`,
  works: WORKS,
  prepare: () => installPackages(PEER),
  start,
}

async function start({ databaseUrl, core }: StartOptions): Promise<Subject> {
  const port = await findFreePort()
  const cwd = installedFolder(PEER)
  const environment = { NODE_ENV: 'production', DATABASE_URL: databaseUrl, BASE_URL, RESOURCE }
  const services = await migrate(cwd, environment)
  const trusted = `${services.machine.id} ${services.api.id}`
  const { pid, startUp, stop } = await startProcess({
    command: process.execPath,
    args: ['server.mjs'],
    cwd,
    environment: { ...environment, PORT: String(port), TRUSTED_CLIENTS: trusted },
    core,
    readyUrl: `http://127.0.0.1:${port}/api/auth/ok`,
  })
  return { port, pid, startUp, users: createUsers(port, services), close: stop }
}

async function migrate(cwd: string, environment: Readonly<Record<string, string>>): Promise<Services> {
  const env = { PATH: process.env['PATH'], ...environment }
  const { stdout } = await promisify(execFile)(process.execPath, ['migrate.mjs'], { cwd, env })
  return JSON.parse(stdout) as Services
}
