import { spawnSync } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { makeFolder } from '../tests/support/folders.ts'

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
})
