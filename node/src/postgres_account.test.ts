import { chmod, mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { makeFolder } from '../../tests/support/folders.ts'
import { isUnix, itWhere } from '../../tests/support/it_where.ts'
import { isReachable, parsePasswd } from './postgres_account.ts'

it('reads accounts from passwd(5)', () => {
  const text = `# a comment\nroot:x:0:0:root:/root:/bin/bash\nnobody:*:-2:-2:Nobody:/var/empty:/bin/false\nbroken:x::\n`
  expect([...parsePasswd(text)]).toEqual([
    ['root', { uid: 0, gid: 0 }],
    ['nobody', { uid: -2, gid: -2 }],
  ])
})

itWhere(isUnix)('knows which folders an account can pass through', async () => {
  const folder = await makeFolder()
  const inner = join(folder, 'inner')
  await mkdir(inner)
  const me = { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 }
  const stranger = { uid: 65_534, gid: 65_534 }

  await chmod(folder, 0o755)
  expect([await isReachable(inner, me), await isReachable(inner, stranger)]).toEqual([true, true])
  await chmod(folder, 0o711)
  expect(await isReachable(inner, stranger)).toBe(true)
  await chmod(folder, 0o750)
  expect([
    await isReachable(inner, { ...stranger, gid: me.gid }),
    await isReachable(inner, stranger),
  ]).toEqual([true, false])
  await chmod(folder, 0o700)
  expect([await isReachable(inner, me), await isReachable(inner, stranger)]).toEqual([true, false])
})
