import { type ChildProcessByStdio, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { launchChromium } from '../support/chromium.ts'
import { startListeningServer } from '../support/listening_server.ts'
import { listenOnLoopback } from '../support/loopback.ts'
import { signInAndAllow } from '../support/person.ts'
import { type ProtectedMcpServer, startProtectedMcpServer } from '../support/protected_mcp_server.ts'
import type { TestServer } from '../support/server.ts'

type Suite = ChildProcessByStdio<null, Readable, null>

interface Check {
  id: string
  status: string
  errorMessage?: string
}

let server: TestServer
let mcp: ProtectedMcpServer
let browser: Browser
let outputDir: string
let conformance: Suite | undefined

beforeAll(async () => {
  server = await startListeningServer()
  // The suite names neither scope nor resource: there has to be one server that can be meant.
  mcp = await startProtectedMcpServer(server)
  browser = await launchChromium()
  outputDir = await mkdtemp(join(tmpdir(), 'conformance-'))
})
afterAll(async () => {
  conformance?.kill()
  await browser.close()
  await mcp.close()
  await server.close()
  await rm(outputDir, { recursive: true })
})

it("passes every check of MCP's conformance suite for authorization servers", async () => {
  const port = await findFreePort()
  const { client_id } = await server.manage<{ client_id: string }>('POST', '/clients', {
    client_name: 'Conformance suite',
    token_endpoint_auth_method: 'none',
    redirect_uris: [`http://127.0.0.1:${port}/callback`],
  })
  conformance = runConformance(['--url', server.issuer, '--client-id', client_id, '-p', `${port}`])
  const exit = once(conformance, 'exit')
  const output = text(conformance.stdout)
  const url = await findInOutput(conformance, `${server.issuer}/authorize?`)
  await signInAndAllow(await browser.newPage(), url)

  const [exitCode] = await exit
  expect(await output).toContain('Total: 3 passed, 0 failed')
  expect(exitCode).toBe(0)
  const checks = await readChecks()
  expect(checks.map((check) => check.id)).toContain('authorization-code-grant')
  expect(checks).toEqual(checks.map(({ id }) => expect.objectContaining({ id, status: 'SUCCESS' })))
  expect(checks).toHaveLength(3)
})

function runConformance(args: readonly string[]): Suite {
  return spawn('npx', ['--no-install', 'conformance', 'authorization', ...args, '-o', outputDir], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
}

/** Waits for a line that begins so. */
function findInOutput(child: Suite, beginning: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let output = ''
    child.stdout.on('data', (chunk: Buffer) => {
      output += chunk
      const line = output
        .split('\n')
        .slice(0, -1)
        .find((one) => one.startsWith(beginning))
      if (line !== undefined) resolve(line)
    })
    child.once('exit', () => reject(new Error(`The suite ended without a line ${beginning}: ${output}`)))
  })
}

/** What the suite wrote. */
async function readChecks(): Promise<Check[]> {
  const folders = await readdir(outputDir)
  const files = await Promise.all(
    folders.map((name) => readFile(join(outputDir, name, 'checks.json'), 'utf8')),
  )
  return files.flatMap((file) => JSON.parse(file) as Check[])
}

async function findFreePort(): Promise<number> {
  const { port, close } = await listenOnLoopback(() => () => new Response())
  await close()
  return port
}
