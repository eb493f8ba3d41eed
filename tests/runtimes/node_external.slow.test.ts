import { createTestDatabase } from '../support/postgres.ts'
import { describeFlow } from './flow.ts'
import { startOneNode } from './one_node.ts'

describeFlow('Node with an external PostgreSQL', async () => {
  const database = await createTestDatabase()
  const node = await startOneNode({ DATABASE_URL: database.url })
  return {
    ...node,
    async close() {
      await node.close()
      await database.drop()
    },
  }
})
