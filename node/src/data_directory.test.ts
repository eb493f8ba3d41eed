import { chmod, mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { makeFolder } from '../../tests/support/folders.ts'
import { isUnix, itWhere } from '../../tests/support/it_where.ts'
import { prepareDataDirectory, readOrCreateSecret } from './data_directory.ts'

describe('DATA_DIR', () => {
  it('is made with the folders above it, for our eyes only', async () => {
    const path = join(await makeFolder(), 'a', 'b')
    expect(await prepareDataDirectory(path)).toBe(path)
    if (process.platform !== 'win32') expect((await stat(path)).mode & 0o777).toBe(0o700)
  })

  itWhere(isUnix)('is closed to others where it stood open', async () => {
    const path = await makeFolder()
    await chmod(path, 0o777)
    await prepareDataDirectory(path)
    expect((await stat(path)).mode & 0o007).toBe(0)
  })

  itWhere(isUnix)('is closed where it was ours before', async () => {
    const path = await makeFolder()
    await writeFile(join(path, 'secret'), 'x'.repeat(43))
    await chmod(path, 0o755)
    await prepareDataDirectory(path)
    expect((await stat(path)).mode & 0o007).toBe(0)
  })

  const SHARED: [string, number, string[]][] = [
    ['a folder that everybody writes to, such as /tmp', 0o1777, []],
    ['the same with something in it', 0o1777, ['report.txt']],
    ['a folder with files of somebody else', 0o755, ['report.txt']],
  ]
  for (const [what, mode, files] of SHARED) {
    itWhere(isUnix)(`is refused, and left as it is, where it names ${what}`, async () => {
      const path = join(await makeFolder(), 'shared')
      await mkdir(path)
      for (const file of files) await writeFile(join(path, file), 'theirs')
      await chmod(path, mode)
      await expect(prepareDataDirectory(path)).rejects.toThrow(
        /^DATA_DIR is .*: name one of its own, such as .*\.$/,
      )
      expect((await stat(path)).mode & 0o7777).toBe(mode)
    })
  }

  itWhere(process.platform === 'linux')('that can never be made is refused at once', async () => {
    await expect(prepareDataDirectory('/proc/nope/deep')).rejects.toThrow(
      /^DATA_DIR is .*cannot be used \(E\w+\): .*\.$/,
    )
  })

  it('that is a file is refused in one sentence', async () => {
    const path = join(await makeFolder(), 'file')
    await writeFile(path, '')
    await expect(prepareDataDirectory(join(path, 'data'))).rejects.toThrow(
      /^DATA_DIR is .*cannot be used \(E\w+\): .*\.$/,
    )
  })
})

describe('a secret', () => {
  it('is made once, and the same for all who start at once', async () => {
    const path = join(await makeFolder(), 'secret')
    const secrets = await Promise.all(Array.from({ length: 20 }, () => readOrCreateSecret(path)))
    expect(new Set(secrets).size).toBe(1)
    expect(secrets[0]).toMatch(/^[\w-]{43}$/)
    expect(await readOrCreateSecret(path)).toBe(secrets[0])
    if (process.platform !== 'win32') expect((await stat(path)).mode & 0o777).toBe(0o600)
  })

  it('leaves no draft behind', async () => {
    const folder = await makeFolder()
    await Promise.all([
      readOrCreateSecret(join(folder, 'secret')),
      readOrCreateSecret(join(folder, 'secret')),
    ])
    expect(await readdir(folder)).toEqual(['secret'])
  })

  it('that was damaged is refused and left as it is', async () => {
    const path = join(await makeFolder(), 'secret')
    await writeFile(path, 'half')
    await expect(readOrCreateSecret(path)).rejects.toThrow('restore it from a backup')
    expect(await readFile(path, 'utf8')).toBe('half')
  })
})
