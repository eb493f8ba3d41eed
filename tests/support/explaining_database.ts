import type { Database, Queryable, Statement } from '../../server/src/storage/database.ts'

/** A node of a plan, as `EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON)` gives it. */
export interface PlanNode {
  'Node Type': string
  Operation?: string
  'Parent Relationship'?: string
  'Relation Name'?: string
  'Index Name'?: string
  'Actual Rows': number
  'Actual Loops': number
  'Shared Hit Blocks': number
  'Shared Read Blocks': number
  Plans?: PlanNode[]
}

/** How PostgreSQL ran a statement. */
export interface Explained {
  name: string
  mode: PlanMode
  plan: PlanNode
  /** The foreign keys that were checked for each row: the row that they name is locked for key share. */
  foreignKeys: string[]
}

/** A database that asks, of each statement that it runs, how PostgreSQL runs it. */
export interface ExplainingDatabase {
  database: Database
  /** What was explained since the last call. */
  take(): Explained[]
}

/**
 * What PostgreSQL does about a prepared statement: a plan for these values, as the first five times, or one for any, as
 * from then on where that looks no worse.
 */
export type PlanMode = 'force_custom_plan' | 'force_generic_plan'

/** Each statement is explained within a savepoint that is given up, and then run. */
export function explainStatements(database: Database, mode: PlanMode): ExplainingDatabase {
  let explained: Explained[] = []
  const explaining = (db: Queryable): Queryable => ({
    async query(statement, values = []) {
      explained.push(await explain(db, statement, values, mode))
      return db.query(statement, values)
    },
    runScript: (sql) => db.runScript(sql),
  })
  return {
    database: {
      // The pool has many connections, and a prepared statement belongs to one.
      query: (statement, values) => database.transaction((tx) => explaining(tx).query(statement, values)),
      runScript: (sql) => database.runScript(sql),
      transaction: (work) => database.transaction((tx) => work(explaining(tx))),
      close: () => database.close(),
    },
    take() {
      const taken = explained
      explained = []
      return taken
    },
  }
}

async function explain<Row>(
  db: Queryable,
  { name, text }: Statement<Row>,
  values: readonly unknown[],
  mode: PlanMode,
): Promise<Explained> {
  const run = <Result>(sql: string) => db.query<Result>({ name: '', text: sql })
  const literals = values.length === 0 ? '' : `(${values.map(literal).join(', ')})`
  const analyze = async () => {
    await run('savepoint explained')
    await run(`set local plan_cache_mode = ${mode}`)
    const [row] = await run<{ 'QUERY PLAN': [{ Plan: PlanNode; Triggers: Trigger[] }] }>(
      `explain (analyze, buffers, format json) execute explained ${literals}`,
    )
    await run('rollback to savepoint explained')
    return row
  }
  await run(`prepare explained as ${text}`)
  // A connection that meets a type or a function for the first time reads catalogs, whose pages would count.
  await analyze()
  const row = await analyze()
  await run('deallocate explained')
  if (row === undefined) throw new Error('EXPLAIN returned no row.')
  const [{ Plan: plan, Triggers: triggers }] = row['QUERY PLAN']
  const foreignKeys = triggers.flatMap(({ 'Constraint Name': constraint }) => constraint ?? [])
  return { name, mode, plan, foreignKeys }
}

interface Trigger {
  'Constraint Name'?: string
}

/** A value as the driver would bind it, written as text. EXECUTE takes no parameters. */
function literal(value: unknown): string {
  if (value === null || value === undefined) return 'null'
  if (Array.isArray(value)) {
    const items = value.map((item) => (item === null ? 'null' : JSON.stringify(textOf(item))))
    return quote(`{${items.join(',')}}`)
  }
  return quote(textOf(value))
}

function textOf(value: unknown): string {
  if (Buffer.isBuffer(value)) return `\\x${value.toString('hex')}`
  return value instanceof Date ? value.toISOString() : String(value)
}

function quote(text: string): string {
  return `'${text.replaceAll("'", "''")}'`
}

/** Every node of a plan, the root first. */
export function nodesOf(plan: PlanNode): PlanNode[] {
  return [plan, ...(plan.Plans ?? []).flatMap(nodesOf)]
}

/** A plan without its figures: node types, tables and indexes. Equal shapes do the same work for each row. */
export function shapeOf(plan: PlanNode): string {
  const { Plans: children = [] } = plan
  const names = [plan['Index Name'] ?? plan['Relation Name'], ...children.map(shapeOf)]
  const inner = names.filter((name) => name !== undefined).join(', ')
  return `${plan.Operation ?? plan['Node Type']}${inner === '' ? '' : `(${inner})`}`
}

/** Pages of shared memory that were touched, wherever they came from; those of foreign keys are not among them. */
export function buffersOf(plan: PlanNode): number {
  return plan['Shared Hit Blocks'] + plan['Shared Read Blocks']
}
