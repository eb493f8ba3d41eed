import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { z } from 'zod'

/** What the suite says of one requirement. A requirement may be checked several times, in one order. */
export interface Check {
  scenario: string
  id: string
  name: string
  description: string
  status: 'SUCCESS' | 'FAILURE' | 'WARNING' | 'SKIPPED'
  errorMessage?: string | undefined
}

const checksSchema = z.array(
  z.object({
    id: z.string(),
    name: z.string(),
    description: z.string(),
    status: z.enum(['SUCCESS', 'FAILURE', 'WARNING', 'SKIPPED', 'INFO']),
    errorMessage: z.string().optional(),
  }),
)

/**
 * Runs all scenarios that MCP's conformance suite has for servers of a revision: those that it calls active, and those
 * that it calls pending since its own example does not pass them.
 *
 * The suite gives a server 500 ms for some answers, which a busy machine may miss: what does not pass is run once more.
 */
export async function runServerSuite(url: string, revision: string): Promise<Check[]> {
  const checks = await runOnce(url, revision)
  return findFlaws(checks).length === 0 ? checks : runOnce(url, revision)
}

/** What did not pass, and why. */
export function findFlaws(checks: readonly Check[]): string[] {
  return checks
    .filter(({ status }) => status !== 'SUCCESS')
    .map(({ scenario, id, status, errorMessage }) => `${status} ${scenario}, ${id}: ${errorMessage}`)
}

export function countScenarios(checks: readonly Check[]): number {
  return new Set(checks.map(({ scenario }) => scenario)).size
}

async function runOnce(url: string, revision: string): Promise<Check[]> {
  const folder = await mkdtemp(join(tmpdir(), 'conformance-'))
  try {
    const args = ['--url', url, '--suite', 'all', '--spec-version', revision, '--output-dir', folder]
    const suite = spawn('npx', ['--no-install', 'conformance', 'server', ...args], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    const [output] = await Promise.all([text(suite.stdout), once(suite, 'exit')])
    if (!output.includes('=== SUMMARY ===')) throw new Error(`The suite broke off:\n${output}`)
    return await readChecks(folder)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/** The suite writes a folder for each scenario, `server-<scenario>-<time>`. What only informs is left out. */
async function readChecks(folder: string): Promise<Check[]> {
  const names = (await readdir(folder)).sort()
  const checks = await Promise.all(
    names.map(async (name) => {
      const scenario = name.replace(/^server-|-\d{4}-\d\d-\d\dT.*$/g, '')
      const written = checksSchema.parse(
        JSON.parse(await readFile(join(folder, name, 'checks.json'), 'utf8')),
      )
      return written.flatMap(({ status, ...check }): Check[] =>
        status === 'INFO' ? [] : [{ scenario, status, ...check }],
      )
    }),
  )
  return checks.flat()
}
