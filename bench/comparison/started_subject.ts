import { connectPostgres } from '@auth-agent/server/storage/postgres'
import { urlOfDatabase } from '../../tests/support/postgres_server.ts'
import { type DurablePostgres, startDurablePostgres } from '../durable_postgres.ts'
import { bindToCore } from '../processor.ts'
import { OTHER_CORE, SERVER_CORE } from './measure.ts'
import type { Subject, SubjectDescription } from './subject.ts'

/** Starts one subject on a core of its own, with a database, and stops both when the work is done. */
export async function withSubject<Result>(
  description: SubjectDescription,
  work: (subject: Subject, postgres: DurablePostgres) => Promise<Result>,
): Promise<Result> {
  await description.prepare?.()
  const postgres = await startDurablePostgres()
  await bindToCore(process.pid, OTHER_CORE)
  await bindToCore(postgres.pid, OTHER_CORE)
  try {
    const subject = await startSubject(description, postgres, 'alone')
    try {
      return await work(subject, postgres)
    } finally {
      await subject.close()
    }
  } finally {
    await postgres.close()
  }
}

/** Starts a subject on the server's core, on a new database of this name. */
export async function startSubject(
  description: SubjectDescription,
  postgres: DurablePostgres,
  database: string,
): Promise<Subject> {
  const cluster = connectPostgres(postgres.url, { maxConnections: 1 })
  await cluster.runScript(`create database ${database}`)
  await cluster.close()
  return description.start({ databaseUrl: urlOfDatabase(postgres.url, database), core: SERVER_CORE })
}
