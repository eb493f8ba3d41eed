import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { cp, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { introspect } from '../support/flow.ts'
import { makeFolder } from '../support/folders.ts'
import { startListeningServer } from '../support/listening_server.ts'
import { ADMIN_TOKEN, type TestServer } from '../support/server.ts'

const EXAMPLES = fileURLToPath(new URL('../../examples/', import.meta.url))

describe.each(['filesystem-server', 'notes-server'])('register.mjs in %s', (example) => {
  let authServer: TestServer

  beforeAll(async () => {
    authServer = await startListeningServer()
  })
  afterAll(() => authServer.close())

  /** A folder with what the script reads, and nothing else. */
  async function makeExample(): Promise<string> {
    const folder = await makeFolder()
    for (const file of ['.env.example', 'register.json']) {
      await cp(join(EXAMPLES, example, file), join(folder, file))
    }
    return folder
  }

  async function register(cwd: string, adminToken: string) {
    const child = spawn(process.execPath, [join(EXAMPLES, 'register.mjs')], {
      cwd,
      env: { ...process.env, AUTH_AGENT_URL: authServer.issuer, AUTH_AGENT_ADMIN_TOKEN: adminToken },
    })
    const output = Promise.all([text(child.stdout), text(child.stderr)])
    const [exitCode] = await once(child, 'exit')
    return { exitCode, output: (await output).join('') }
  }

  it('writes an API key that works, for our eyes only', async () => {
    const folder = await makeExample()
    expect(await register(folder, ADMIN_TOKEN)).toMatchObject({ exitCode: 0 })
    const env = await readFile(join(folder, '.env'), 'utf8')
    const key = /^AUTH_AGENT_API_KEY=(sk_\S+)$/m.exec(env)?.[1] ?? ''
    expect(env).toContain(`AUTH_AGENT_URL=${authServer.issuer}\n`)
    expect(await introspect(authServer, key, 'no token')).toEqual({ active: false })
    if (process.platform !== 'win32') expect((await stat(join(folder, '.env'))).mode & 0o077).toBe(0)
    expect(await register(folder, ADMIN_TOKEN)).toMatchObject({ exitCode: 1 })
    expect(await readFile(join(folder, '.env'), 'utf8')).toBe(env)
  })

  it('says in a sentence that the token is wrong', async () => {
    const { exitCode, output } = await register(await makeExample(), 'a-wrong-admin-token-of-some-length')
    expect(exitCode).toBe(1)
    expect(output).toContain('refused')
    expect(output).not.toContain('    at ')
  })
})
