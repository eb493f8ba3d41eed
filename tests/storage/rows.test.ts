import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'
import { generateRows, ROWS_FILE } from '../../scripts/generate_rows.ts'
import { createTestDatabase } from '../support/postgres.ts'

it.each([15, 18] as const)('the types of rows are those of the migrated PostgreSQL %i', async (version) => {
  const test = await createTestDatabase({ version })
  await expect(await generateRows(test.url)).toMatchFileSnapshot(fileURLToPath(ROWS_FILE))
  await test.drop()
})
