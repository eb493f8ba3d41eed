import { type DurablePostgres, startDurablePostgres } from '../durable_postgres.ts'
import { bindToCore } from '../processor.ts'
import type { VirtualUser } from './load.ts'
import { measureRun, OTHER_CORE, type Run } from './measure.ts'
import { describeAll, describeWork, type Outcome } from './report.ts'
import { startSubject } from './started_subject.ts'
import { type Subject, type SubjectDescription, WORKS, type Work } from './subject.ts'

export interface ComparisonOptions {
  subjects: readonly SubjectDescription[]
  /** All that a subject can do, without it. */
  works?: readonly Work[]
  connections: number
  /** Of each run. */
  seconds: number
  /** How many runs of each subject and work count at the most. */
  rounds: number
  /** Before the runs that count, each subject works as long as this, or as long as it says itself, whichever is longer. */
  warmUpSeconds: number
  /** Takes the figures in full as they come, and the one table at the end, in Markdown. */
  print(text: string): void
}

/** A subject that runs. */
interface Contender {
  description: SubjectDescription
  subject: Subject
}

/**
 * Measures subjects side by side: they all run, each on a database of its own in one PostgreSQL, and take turns, of which each is of one
 * work; the order is turned around each time. Servers have one core, PostgreSQL and this process the other.
 */
export async function compare(options: ComparisonOptions): Promise<ReadonlyMap<Work, readonly Outcome[]>> {
  for (const { prepare } of options.subjects) await prepare?.()
  const postgres = await startDurablePostgres()
  await bindToCore(process.pid, OTHER_CORE)
  await bindToCore(postgres.pid, OTHER_CORE)
  const contenders: Contender[] = []
  const results = new Map<Work, readonly Outcome[]>()
  try {
    for (const description of options.subjects)
      contenders.push(await start(description, postgres, contenders.length, options))
    for (const work of options.works ?? WORKS) {
      const able = contenders.filter(({ description }) => description.works.includes(work))
      if (able.length === 0) continue
      const outcomes = await compareWork(work, able, postgres, options)
      results.set(work, outcomes)
      options.print(describeWork(work, outcomes))
    }
  } finally {
    for (const { subject } of contenders) await subject.close()
    await postgres.close()
  }
  options.print(
    `\n${describeAll(
      options.subjects.map(({ name }) => name),
      results,
    )}`,
  )
  return results
}

async function start(
  description: SubjectDescription,
  postgres: DurablePostgres,
  index: number,
  { print }: Pick<ComparisonOptions, 'print'>,
): Promise<Contender> {
  const subject = await startSubject(description, postgres, `subject_${index}`)
  print(`${description.name}: answers after ${subject.startUp.toFixed(2)} s`)
  return { description, subject }
}

async function compareWork(
  work: Work,
  contenders: readonly Contender[],
  postgres: DurablePostgres,
  { connections, seconds, rounds, warmUpSeconds, print }: ComparisonOptions,
): Promise<readonly Outcome[]> {
  const turns = []
  for (const { description, subject } of contenders) {
    const users = await subject.users(work, connections)
    const runs: Run[] = []
    const takeTurn = async (seconds: number): Promise<Run> => {
      const run = await runOnce(subject, work, users, seconds, postgres)
      // A server that refuses is not fast.
      if (run.errors > 0)
        print(`${description.name}, ${work}: ${run.errors} errors, the first: ${run.firstError}`)
      return { ...run, isSaturated: run.isSaturated && description.usesBothCores !== true }
    }
    await takeTurn(Math.max(warmUpSeconds, description.warmUpSeconds ?? 0))
    turns.push({ subject: description.name, runs, takeTurn })
  }
  for (let round = 0; round < rounds; round += 1)
    for (const { runs, takeTurn } of round % 2 === 0 ? turns : turns.toReversed())
      runs.push(await takeTurn(seconds))
  return turns
}

function runOnce(
  subject: Subject,
  work: Work,
  users: readonly VirtualUser[],
  seconds: number,
  { pid }: DurablePostgres,
): Promise<Run> {
  const { databasePid = pid } = subject
  return measureRun(subject, subject.portOf?.(work) ?? subject.port, users, { seconds, databasePid })
}
