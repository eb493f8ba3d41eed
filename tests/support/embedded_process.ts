// A process that joins the embedded database of a DATA_DIR (first argument) and does as it is told by messages.
// Tests kill it. It prints nothing: its answers are messages too.
import pg from 'pg'
import { joinEmbeddedDatabase } from '../../node/src/embedded_database.ts'
import { readMigrations } from '../../node/src/migrations.ts'

const [dataDir = ''] = process.argv.slice(2)
const warnings: string[] = []
const note = (_fields: object, message: string) => void warnings.push(message)
const log = { debug() {}, info() {}, warn: note, error: note }

try {
  const database = await joinEmbeddedDatabase({ dataDir, migrations: await readMigrations(), log })
  process.on('message', async (command) => {
    if (command === 'insert') await insertForEver(database.url)
    if (command === 'leave') {
      await database.leave()
      process.exit(0)
    }
  })
  process.send?.({ joined: database.url })
} catch (error) {
  process.send?.({ failed: (error as Error).message })
  process.exit(1)
}

/** Writes row after row and tells each only when it was acknowledged. */
async function insertForEver(url: string): Promise<never> {
  const client = new pg.Client({ connectionString: url })
  client.on('error', () => {})
  await client.connect()
  for (let n = 1; ; n += 1) {
    const id = `org_${process.pid}_${n}`
    await client.query('insert into auth_agent.organizations (id, name) values ($1, $1)', [id])
    process.send?.({ acknowledged: id })
  }
}
