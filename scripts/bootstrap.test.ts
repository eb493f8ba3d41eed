import { spawn, spawnSync } from 'node:child_process'
import { readFile, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it, onTestFinished } from 'vitest'
import { makeFolder } from '../tests/support/folders.ts'
import { isUnix, itWhere } from '../tests/support/it_where.ts'

const SCRIPT = fileURLToPath(new URL('bootstrap.mjs', import.meta.url))

function bootstrap(...args: string[]) {
  return spawnSync(process.execPath, [SCRIPT, ...args], { encoding: 'utf8' })
}

describe('bootstrap', () => {
  it('runs a file with a new enough Node, which comes first for all that the file starts', async () => {
    const file = join(await makeFolder(), 'show.ts')
    await writeFile(
      file,
      `export async function main(args: string[]) { console.log(JSON.stringify([args, process.env['PATH'], process.version])) }`,
    )
    const { status, stdout } = bootstrap('exec', file, 'one', 'two')
    expect(status).toBe(0)
    const [args, path, version] = JSON.parse(stdout) as [string[], string, string]
    expect(args).toEqual(['one', 'two'])
    expect(path.startsWith(dirname(process.execPath))).toBe(true)
    expect(version).toBe(process.version)
  })

  it.each([[[]], [['build']], [['exec']]])('answers %j with one sentence', (args) => {
    const { status, stdout, stderr } = bootstrap(...args)
    expect([status, stdout]).toEqual([1, ''])
    expect(stderr.trim().split('\n')).toHaveLength(1)
  })

  it('shows where a script failed by a defect', async () => {
    const file = join(await makeFolder(), 'broken.ts')
    await writeFile(file, `throw new TypeError('a defect')`)
    const { status, stderr } = bootstrap('exec', file)
    expect(status).toBe(1)
    expect(stderr).toMatch(/TypeError: a defect\n +at /)
  })

  // On Windows nobody learns that its parent is gone.
  itWhere(isUnix)('takes the death of the npm that started it for a SIGTERM', async () => {
    const folder = await makeFolder()
    const [file, log] = [join(folder, 'serve.ts'), join(folder, 'log')]
    await writeFile(
      file,
      `import { appendFileSync } from 'node:fs'
       const log = (text: string) => appendFileSync(${JSON.stringify(log)}, text + '\\n')
       process.on('SIGTERM', () => { log('SIGTERM'); process.exit() })
       setInterval(() => {}, 1000)
       log(String(process.pid))`,
    )
    // What npm and its shell do: they start it, and wait.
    const npm = `require('node:child_process').spawnSync(process.execPath, ${JSON.stringify([SCRIPT, 'exec', file])})`
    const parent = spawn(process.execPath, ['-e', npm], {
      env: { ...process.env, npm_lifecycle_event: 'start' },
    })
    const lines = async () => (await readFile(log, 'utf8').catch(() => '')).split('\n').filter(Boolean)
    await expect.poll(lines, { timeout: 20_000 }).toHaveLength(1)
    const [pid] = await lines()
    onTestFinished(() => {
      if (isRunning(Number(pid))) process.kill(Number(pid), 'SIGKILL')
    })
    parent.kill('SIGKILL')
    await expect.poll(lines, { timeout: 5_000 }).toEqual([pid, 'SIGTERM'])
  })
})

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}
