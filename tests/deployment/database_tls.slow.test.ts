import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { silentLog } from '@auth-agent/server/log'
import { type Database, DatabaseUnavailable, statement } from '@auth-agent/server/storage/database'
import { connectPostgres } from '@auth-agent/server/storage/postgres'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { openDatabase } from '../../node/src/database.ts'
import { createCertificate } from '../support/certificate.ts'
import { makeFolder } from '../support/folders.ts'
import { startCluster } from './cluster.ts'

vi.setConfig({ testTimeout: 120_000 })

const IS_TLS = statement<{ ssl: boolean }>(
  'test_is_tls',
  'select ssl from pg_stat_ssl where pid = pg_backend_pid()',
)

/** A PostgreSQL whose certificate is for these names, and a file with that certificate. */
async function startTlsCluster(names: readonly string[]) {
  const certificate = createCertificate(names)
  const url = await startCluster(18, certificate)
  const ca = join(await makeFolder(), 'database-ca.pem')
  await writeFile(ca, certificate.cert)
  /** By this name, which leads there, with these parameters. */
  const urlBy = (host: string, query: string) => {
    const { password, port } = new URL(url)
    return `postgres://postgres:${password}@${host}:${port}/postgres?${query}`
  }
  return { urlBy, ca }
}

async function open(databaseUrl: string): Promise<Database> {
  const { database, close } = await openDatabase({ databaseUrl, dataDir: '/nowhere' }, silentLog, 2)
  onTestFinished(close)
  return database
}

/** What `pg` makes of the URL's parameters is said in docs/configuration.md; another major version of it may differ. */
describe('TLS to the database', () => {
  it('with sslmode=verify-full and sslrootcert: for the name in the certificate, and for no other', async () => {
    const { urlBy, ca } = await startTlsCluster(['localhost'])
    const database = await open(urlBy('localhost', `sslmode=verify-full&sslrootcert=${ca}`))
    expect(await database.query(IS_TLS)).toEqual([{ ssl: true }])
    const byAddress = open(urlBy('127.0.0.1', `sslmode=verify-full&sslrootcert=${ca}`))
    await expect(byAddress).rejects.toThrow(/^DATABASE_URL .* cannot be trusted .*127\.0\.0\.1/)
  })

  it('the other way round, for an address', async () => {
    const { urlBy, ca } = await startTlsCluster(['127.0.0.1'])
    const database = await open(urlBy('127.0.0.1', `sslmode=verify-full&sslrootcert=${ca}`))
    expect(await database.query(IS_TLS)).toEqual([{ ssl: true }])
    const byName = open(urlBy('localhost', `sslmode=verify-full&sslrootcert=${ca}`))
    await expect(byName).rejects.toThrow(/^DATABASE_URL .* cannot be trusted .*localhost/)
  })

  it('believes no authority but those of Node, or the one that is named', async () => {
    const { urlBy } = await startTlsCluster(['localhost'])
    const other = join(await makeFolder(), 'other.pem')
    await writeFile(other, createCertificate(['localhost']).cert)
    for (const query of [
      'sslmode=verify-full',
      'sslmode=require',
      `sslmode=verify-full&sslrootcert=${other}`,
    ])
      await expect(open(urlBy('localhost', query))).rejects.toThrow(
        /^DATABASE_URL .* cannot be trusted .*certificate/,
      )
  })

  it('is not spoken unless the URL asks for it; no-verify speaks it with anybody', async () => {
    const { urlBy } = await startTlsCluster(['elsewhere.example.com'])
    expect(await (await open(urlBy('localhost', ''))).query(IS_TLS)).toEqual([{ ssl: false }])
    expect(await (await open(urlBy('localhost', 'sslmode=no-verify'))).query(IS_TLS)).toEqual([{ ssl: true }])
  })

  it('is never given up for plaintext', async () => {
    const { password, port } = new URL(await startCluster(18))
    const url = `postgres://postgres:${password}@localhost:${port}/postgres`
    for (const mode of ['verify-full', 'no-verify', 'prefer'])
      await expect(open(`${url}?sslmode=${mode}`)).rejects.toThrow(/does not support SSL/)
  })

  it('that fails later is a database that is away', async () => {
    const { urlBy } = await startTlsCluster(['localhost'])
    const database = connectPostgres(urlBy('localhost', 'sslmode=verify-full'))
    onTestFinished(() => database.close())
    await expect(database.query(IS_TLS)).rejects.toThrow(DatabaseUnavailable)
  })
})
