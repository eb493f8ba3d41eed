import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { appendFile, chmod, mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { dirname, join } from 'node:path'
import { silentLog } from '@auth-agent/server/log'
import pg from 'pg'
import { describe, expect, it, onTestFinished } from 'vitest'
import { findPostmaster } from '../../tests/support/embedded_processes.ts'
import { makeFolder } from '../../tests/support/folders.ts'
import { isUnix, itWhere } from '../../tests/support/it_where.ts'
import { joinEmbeddedDatabase } from './embedded_database.ts'
import { readMigrations } from './migrations.ts'
import { PostmasterConflict, readPostmaster, startPostgres } from './postgres_cluster.ts'
import { findPlace } from './postgres_place.ts'

async function start(dataDir: string) {
  const database = await joinEmbeddedDatabase({ dataDir, migrations: await readMigrations(), log: silentLog })
  onTestFinished(() => database.leave())
  return database
}

async function ask(url: string, sql: string): Promise<Record<string, unknown>> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  const { rows } = await client.query(sql).finally(() => client.end())
  return rows[0]
}

describe('the embedded database', () => {
  it('is made, migrated, and still there at the next start', async () => {
    const dataDir = join(await makeFolder(), 'data')
    const first = await start(dataDir)
    await ask(first.url, `insert into auth_agent.organizations (id, name) values ('org_1', 'one')`)
    await first.leave()
    expect(await findPostmaster(dataDir)).toBeUndefined()

    const second = await start(dataDir)
    expect(await ask(second.url, `select name from auth_agent.organizations where id = 'org_1'`)).toEqual({
      name: 'one',
    })
  })

  it('lets nothing get lost, and the server be no superuser', async () => {
    const { url } = await start(join(await makeFolder(), 'data'))
    const settings = `select current_setting('fsync') fsync, current_setting('synchronous_commit') commit,
      current_setting('full_page_writes') pages, current_setting('data_checksums') checksums,
      current_setting('is_superuser') superuser`
    expect(await ask(url, settings)).toEqual({
      fsync: 'on',
      commit: 'on',
      pages: 'on',
      checksums: 'on',
      superuser: 'off',
    })
  })

  itWhere(isUnix)('listens on no port, and to nobody without the password', async () => {
    const { url } = await start(join(await makeFolder(), 'data'))
    expect(await ask(url, `select current_setting('listen_addresses') addresses`)).toEqual({
      addresses: '',
    })
    const wrong = new URL(url)
    wrong.password = 'wrong'
    await expect(ask(wrong.href, 'select 1')).rejects.toThrow('password authentication failed')
  })

  it('is shared, and stopped by the last one that leaves', async () => {
    const dataDir = join(await makeFolder(), 'data')
    const [first, second] = await Promise.all([start(dataDir), start(dataDir)])
    expect(second.url).toBe(first.url)
    await first.leave()
    expect(await ask(second.url, 'select 1 as alive')).toEqual({ alive: 1 })
    await second.leave()
    expect(await findPostmaster(dataDir)).toBeUndefined()
  })

  it('is told from one that cannot start, whatever another process writes to its log meanwhile', async () => {
    const dataDir = join(await makeFolder(), 'data')
    await start(dataDir)
    const cluster = await findPlace(dataDir)
    const log = join(dataDir, 'postgres.log')
    const postmaster = await readPostmaster(cluster.directory)
    if (postmaster === undefined) throw new Error('It does not run.')
    let isOver = false
    const writing = (async () => {
      while (!isOver) await appendFile(log, '2026-11-30 12:00:00.000 UTC [1] LOG:  of another\n'.repeat(3))
    })()
    const starting = startPostgres(cluster, postmaster.listening, log).finally(() => {
      isOver = true
    })
    await expect(starting).rejects.toThrow(PostmasterConflict)
    await writing
  })

  describe('that went away and cannot start', () => {
    /** Its data are away, as those of a disk that is gone. */
    async function takeAway() {
      const dataDir = join(await makeFolder(), 'data')
      const failed = Promise.withResolvers<void>()
      const log = { ...silentLog, error: () => failed.resolve() }
      const database = await joinEmbeddedDatabase({ dataDir, migrations: await readMigrations(), log })
      onTestFinished(() => database.leave())
      const { directory } = await findPlace(dataDir)
      const pid = await findPostmaster(dataDir)
      if (pid === undefined) throw new Error('It does not run.')
      await rename(directory, `${directory}.away`)
      process.kill(pid, 'SIGKILL')
      await failed.promise
      return { database, directory, bringBack: () => rename(`${directory}.away`, directory) }
    }

    itWhere(isUnix)('is tried until it can', async () => {
      const { database, bringBack } = await takeAway()
      await bringBack()
      await expect
        .poll(() => ask(database.url, 'select 1 as alive').catch(() => undefined), { timeout: 40_000 })
        .toEqual({ alive: 1 })
    })

    itWhere(isUnix)('can be left', async () => {
      const { database } = await takeAway()
      await expect(database.leave()).resolves.toBeUndefined()
    })

    itWhere(isUnix)(
      'can be left while it is there and takes no connections',
      async () => {
        const { database, directory, bringBack } = await takeAway()
        const idle = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)', directory])
        onTestFinished(() => void idle.kill())
        const sockets = await makeFolder()
        const asked = Promise.withResolvers<void>()
        const refusing = createServer((socket) => {
          socket.destroy()
          asked.resolve()
        })
        onTestFinished(() => void refusing.close())
        await once(refusing.listen(join(sockets, '.s.PGSQL.5432')), 'listening')
        const postmaster = `${idle.pid}\n${directory}\n1\n5432\n${sockets}\n\n1 1\nrecovering\n`
        await writeFile(join(`${directory}.away`, 'postmaster.pid'), postmaster)
        await bringBack()
        await asked.promise
        await expect(database.leave()).resolves.toBeUndefined()
      },
      45_000,
    )
  })

  it('can be joined while another one stops it', async () => {
    const dataDir = join(await makeFolder(), 'data')
    const first = await start(dataDir)
    const [, second] = await Promise.all([first.leave(), start(dataDir)])
    expect(await ask(second.url, 'select 1 as alive')).toEqual({ alive: 1 })
  })

  itWhere(isUnix)('keeps what it writes from other accounts', async () => {
    const dataDir = join(await makeFolder(), 'data')
    await start(dataDir)
    const { directory } = await findPlace(dataDir)
    expect((await stat(dataDir)).mode & 0o007).toBe(0)
    expect((await stat(directory)).mode & 0o777).toBe(0o700)
    for (const name of (await readdir(dataDir)).filter((each) => each !== 'postgres'))
      expect([name, (await stat(join(dataDir, name))).mode & 0o777]).toEqual([name, 0o600])
  })

  itWhere(isUnix)('puts its socket elsewhere where the path is too long', async () => {
    const dataDir = join(await makeFolder(), 'deep'.repeat(25), 'data')
    const first = await start(dataDir)
    const socketFolder = new URL(first.url).searchParams.get('host') ?? ''
    expect(socketFolder.length).toBeLessThan(90)
    expect((await stat(socketFolder)).mode & 0o077).toBe(0)
    await first.leave()
    const second = await start(dataDir)
    expect(second.url).toBe(first.url)
    // As root the cluster lies in this folder as well: what writes to it must have stopped before it is removed.
    await second.leave()
    await rm(socketFolder, { recursive: true, force: true })
  })

  itWhere(process.getuid?.() === 0)(
    'goes where its account can reach it when root cannot run it here',
    async () => {
      const folder = await makeFolder()
      await chmod(folder, 0o700)
      const dataDir = join(folder, 'data')
      const first = await start(dataDir)
      const place = (await readFile(join(dataDir, 'postgres.place'), 'utf8')).trim()
      onTestFinished(() => rm(dirname(place), { recursive: true, force: true }))
      expect(place).toMatch(/^\/var\/lib\/auth-agent\/[0-9a-f]{16}\/postgres$/)
      await first.leave()

      await rm(place, { recursive: true })
      await expect(start(dataDir)).rejects.toThrow(`is in ${place}, which is gone`)
    },
  )

  it('refuses a cluster of another major version in one sentence', async () => {
    const dataDir = join(await makeFolder(), 'data')
    await mkdir(join(dataDir, 'postgres'), { recursive: true, mode: 0o700 })
    await writeFile(join(dataDir, 'postgres', 'PG_VERSION'), '16\n')
    await expect(start(dataDir)).rejects.toThrow(
      'was made by PostgreSQL 16, but this release brings PostgreSQL 18',
    )
  })

  itWhere(process.platform === 'linux')(
    'starts although its old process id is another process now',
    async () => {
      const dataDir = join(await makeFolder(), 'data')
      await (await start(dataDir)).leave()
      const { directory } = await findPlace(dataDir)
      await writeFile(
        join(directory, 'postmaster.pid'),
        `${process.pid}\n${directory}\n1\n5432\n${directory}\n\n1 1\nready\n`,
      )
      const { url } = await start(dataDir)
      expect(await ask(url, 'select 1 as alive')).toEqual({ alive: 1 })
    },
  )
})
