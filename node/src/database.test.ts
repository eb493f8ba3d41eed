import { silentLog } from '@auth-agent/server/log'
import { expect, it, onTestFinished } from 'vitest'
import { createTestDatabase } from '../../tests/support/postgres.ts'
import { openDatabase } from './database.ts'

it('a statement that hangs does not hold up the end', async () => {
  const test = await createTestDatabase()
  onTestFinished(test.drop)
  const { database, close } = await openDatabase({ databaseUrl: test.url, dataDir: '/nowhere' }, silentLog, 2)
  const hanging = database.runScript('select pg_sleep(3600)').catch(() => 'cut off')
  await expect.poll(() => database.connections?.().idle).toBe(0)
  await close()
  expect(await Promise.race([hanging, 'hangs'])).toBe('hangs')
})
