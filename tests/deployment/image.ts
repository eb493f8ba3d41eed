import { type ChildProcess, execFile, spawn, spawnSync } from 'node:child_process'
import { cp, lstat, mkdir, mkdtemp, realpath, rm, symlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { copyBuildContext } from './build_context.ts'
import { type ContainerConfig, readDockerfile, type Stage } from './dockerfile.ts'

const run = promisify(execFile)
const ROOT = fileURLToPath(new URL('../../', import.meta.url))
const ENTER = fileURLToPath(new URL('enter.sh', import.meta.url))
const PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'

/** Root on a Linux that lets it mount; nobody else can stand in for a container. */
export const canMakeImages: boolean =
  process.platform === 'linux' &&
  process.getuid?.() === 0 &&
  spawnSync('unshare', ['--mount', 'mount', '-t', 'tmpfs', 'none', '/mnt'], { stdio: 'ignore' }).status === 0

/**
 * What `docker build` makes of our Dockerfile, where there is no Docker: its instructions are carried out one after the
 * other, in a mount namespace. What the base images bring, /usr and /etc, is this machine's (or that of the folder
 * IMAGE_BASE), with the Node that runs us and its npm.
 */
export interface Image {
  /** The folder that holds what the last stage has beyond its base. */
  root: string
  config: ContainerConfig
  /**
   * Runs a program in a container whose root is read-only but for /tmp, which is empty and in memory, and for the
   * volume, which is `data`.
   */
  run(program: readonly string[], data: string, env: Readonly<Record<string, string>>): ChildProcess
  remove(): Promise<void>
}

export async function buildImage(): Promise<Image> {
  const { stages, config } = await readDockerfile(join(ROOT, 'Dockerfile'))
  const folder = await mkdtemp(join(tmpdir(), 'auth-agent-image-'))
  const roots = new Map<string, string>()
  for (const [index, stage] of stages.entries()) {
    const root = join(folder, String(index))
    roots.set(stage.name, root)
    await layBase(root)
    await buildStage(stage, root, roots)
  }
  const root = join(folder, String(stages.length - 1))
  return {
    root,
    config,
    run: (program, data, env) => runContainer({ root, config }, program, data, env),
    remove: () => rm(folder, { recursive: true, force: true }),
  }
}

/** Folders that every base has; those of the machine lie below /usr and /etc. */
async function layBase(root: string): Promise<void> {
  for (const name of ['usr', 'etc', 'tmp', 'proc', 'dev', 'root', 'run'])
    await mkdir(join(root, name), { recursive: true })
  for (const name of ['bin', 'sbin', 'lib', 'lib64']) await symlink(`usr/${name}`, join(root, name))
  await mkdir(join(root, 'usr/local/bin'), { recursive: true })
  await cp(process.execPath, join(root, 'usr/local/bin/node'))
  const npm = await realpath((await run('which', ['npm'])).stdout.trim())
  await cp(dirname(dirname(npm)), join(root, 'usr/local/lib/node_modules/npm'), { recursive: true })
  await symlink('../lib/node_modules/npm/bin/npm-cli.js', join(root, 'usr/local/bin/npm'))
}

async function buildStage({ steps }: Stage, root: string, roots: ReadonlyMap<string, string>): Promise<void> {
  let workdir = '/'
  for (const step of steps) {
    if (step.kind === 'workdir') {
      workdir = resolve(workdir, step.path)
      await mkdir(join(root, workdir), { recursive: true })
    } else if (step.kind === 'run') {
      await enter(root, ['sh', '-euc', `cd ${workdir}\n${step.command}`])
    } else {
      const target = join(root, resolve(workdir, step.target))
      const source = step.from === undefined ? undefined : roots.get(step.from)
      if (source === undefined) await copyBuildContext(ROOT, target)
      else for (const each of step.sources) await copyTree(join(source, each), target)
    }
  }
}

async function copyTree(source: string, target: string): Promise<void> {
  await mkdir(dirname(target), { recursive: true })
  const isFolder = (await lstat(source)).isDirectory()
  await run('cp', ['--archive', ...(isFolder ? ['--no-target-directory'] : []), source, target])
}

/** Runs a build step as root. What it writes stays in the stage's folder. */
async function enter(root: string, program: readonly string[]): Promise<void> {
  const args = ['--mount', '--propagation', 'private', 'sh', ENTER, 'build', root, baseFolder(), ...program]
  await run('unshare', args, { env: { ...buildEnvironment(), PATH }, maxBuffer: 2 ** 26 })
}

function runContainer(
  { root, config }: Pick<Image, 'root' | 'config'>,
  program: readonly string[],
  data: string,
  env: Readonly<Record<string, string>>,
): ChildProcess {
  const [volume = ''] = config.volumes
  const inside = ['env', `--chdir=${config.workdir}`, ...program]
  const args = [ENTER, 'run', root, baseFolder(), data, volume, config.user, ...inside]
  return spawn('unshare', ['--mount', '--propagation', 'private', 'sh', ...args], {
    env: { PATH, ...config.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
}

function baseFolder(): string {
  return process.env['IMAGE_BASE'] ?? '/'
}

/** How npm reaches its registry is this machine's affair; what `npm run` sets for a script of ours is not for another npm. */
function buildEnvironment(): Record<string, string> {
  const entries = Object.entries(process.env).filter(
    (entry): entry is [string, string] =>
      entry[1] !== undefined &&
      !/^npm_(package|lifecycle|command|execpath|node_execpath|config_local_prefix)/.test(entry[0]),
  )
  const { NODE_ENV: _, NODE_OPTIONS: __, ...env } = Object.fromEntries(entries)
  return env
}
