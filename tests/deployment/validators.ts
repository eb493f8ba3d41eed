import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { findPython } from '../support/python.ts'

const run = promisify(execFile)
const ENVIRONMENT = fileURLToPath(new URL('../../.tools/deployment', import.meta.url))
const REQUIREMENTS = fileURLToPath(new URL('requirements.txt', import.meta.url))
const BIN = join(ENVIRONMENT, process.platform === 'win32' ? 'Scripts' : 'bin')

/** Prepares an environment with the validators of `requirements.txt`, where it is missing. */
export async function prepareValidators(): Promise<void> {
  const requirements = await readFile(REQUIREMENTS)
  const hash = createHash('sha256').update(requirements).digest('hex')
  const stamp = join(ENVIRONMENT, '.installed')
  if ((await readFile(stamp, 'utf8').catch(() => '')) === hash) return
  await mkdir(dirname(ENVIRONMENT), { recursive: true })
  await run(findPython(), ['-m', 'venv', '--clear', ENVIRONMENT])
  await validate('python', '-m', 'pip', 'install', '--quiet', '--requirement', REQUIREMENTS)
  await writeFile(stamp, hash)
}

/**
 * Runs one of the validators.
 *
 * @returns what it complains of; empty where it is content
 */
export async function validate(program: string, ...args: string[]): Promise<string> {
  try {
    await run(join(BIN, program), args)
    return ''
  } catch (error) {
    const { stdout, stderr } = error as { stdout?: string; stderr?: string }
    return `${stdout ?? ''}${stderr ?? ''}` || String(error)
  }
}
