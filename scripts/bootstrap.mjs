// The one script that any Node from 20 on can run: it brings a newer Node and the packages, then goes on with those.
// Usage: node scripts/bootstrap.mjs start | test | test:fast | exec <file> [arguments]
import { spawn, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { delimiter, dirname, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'

const ROOT = dirname(dirname(fileURLToPath(import.meta.url)))
const TOOLS = join(ROOT, '.tools')
const OLDEST_NODE = [22, 19]
const NODE_FROM_NPM = '26.10.0'

/** A failure with a sentence for the person at the terminal; anything else is a defect and shows its stack. */
class Failure extends Error {}

endWithNpm()
try {
  await run(process.argv.slice(2))
} catch (error) {
  console.error(error instanceof Failure ? error.message : error)
  process.exit(1)
}

async function run([command, ...rest]) {
  if (!['start', 'test', 'test:fast', 'exec'].includes(command))
    throw new Failure('Usage: node scripts/bootstrap.mjs start | test | test:fast | exec <file> [arguments]')
  if (!isRecent(process.versions.node)) return continueWith(findNewerNode() ?? installNode())
  // What we start by name, npm and packages' programs among it, runs on this very Node.
  const paths = [dirname(process.execPath), join(ROOT, 'node_modules', '.bin'), process.env.PATH]
  process.env.PATH = paths.join(delimiter)
  installPackages()
  if (command === 'exec') return execute(rest)
  if (command !== 'start') return execute([join(ROOT, 'scripts', 'test.ts'), command, ...rest])
  build()
  return execute([join(ROOT, 'dist', 'node', 'main.js'), ...rest])
}

/**
 * npm starts a shell that starts us, and passes a SIGTERM to the shell alone, which dies of it and tells nobody: who
 * stops `npm start` would leave the server behind. We learn of it by having another parent (not on Windows, where a
 * process keeps the number of its dead parent), and then behave as if the signal had been for us.
 */
function endWithNpm() {
  if (process.env.npm_lifecycle_event === undefined) return
  const parent = process.ppid
  const watch = setInterval(() => {
    if (process.ppid === parent) return
    clearInterval(watch)
    process.kill(process.pid, 'SIGTERM')
  }, 250)
  watch.unref()
}

function isRecent(version) {
  const [major, minor] = version.split('.').map(Number)
  return major > OLDEST_NODE[0] || (major === OLDEST_NODE[0] && minor >= OLDEST_NODE[1])
}

/** Runs a script in this process, as if Node had been started with it. */
async function execute([file, ...rest]) {
  if (!file) throw new Failure('exec needs a file to run.')
  process.argv = [process.execPath, file, ...rest]
  const { main } = await import(pathToFileURL(file).href)
  await main?.(rest)
}

/** In a process that ends with it: what reads TypeScript and bundles it would take 20 to 60 MB beside the server. */
function build() {
  const script = fileURLToPath(import.meta.url)
  const args = [script, 'exec', join(ROOT, 'scripts', 'build.ts')]
  const { status } = spawnSync(process.execPath, args, { stdio: 'inherit' })
  if (status !== 0) throw new Failure('The server could not be built (see above).')
}

function nodePackage() {
  const platform = process.platform === 'win32' ? 'win' : process.platform
  return `node-${platform}-${process.arch}`
}

function findNewerNode() {
  const file = process.platform === 'win32' ? 'node.exe' : 'node'
  const path = join(TOOLS, 'node_modules', nodePackage(), 'bin', file)
  if (!existsSync(path)) return undefined
  const { stdout } = spawnSync(path, ['--version'], { encoding: 'utf8' })
  return stdout?.trim() === `v${NODE_FROM_NPM}` ? path : undefined
}

function installNode() {
  const wanted = `${nodePackage()}@${NODE_FROM_NPM}`
  console.error(`Node ${process.versions.node} is too old; fetching ${wanted} from npm into .tools …`)
  mkdirSync(TOOLS, { recursive: true })
  // Without a package.json of its own, npm would install into the folder above.
  writeFileSync(join(TOOLS, 'package.json'), '{ "private": true }\n')
  npm(['install', '--no-save', '--no-package-lock', '--ignore-scripts', '--loglevel=error', wanted], TOOLS)
  const path = findNewerNode()
  if (!path)
    throw new Failure(
      `${wanted} does not run on this machine: install Node ${OLDEST_NODE.join('.')} or newer and try again.`,
    )
  return path
}

/** Starts this script anew with a newer Node and ends as that one ends; signals are passed on. */
function continueWith(node) {
  const child = spawn(node, process.argv.slice(1), { stdio: 'inherit' })
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal))
  return new Promise((_resolve, reject) => {
    child.once('error', (error) => reject(new Failure(`${node} could not be started: ${error.message}.`)))
    child.once('exit', (code, signal) => process.exit(code ?? (signal === 'SIGINT' ? 130 : 143)))
  })
}

/**
 * Installs exactly what the lock file says, unless that is there already. No package's own script runs: none
 * of ours needs one (PostgreSQL's library links are made where it is started).
 */
function installPackages() {
  const lockFile = readFileSync(join(ROOT, 'package-lock.json'))
  const stamp = join(ROOT, 'node_modules', '.auth-agent-lock')
  const hash = createHash('sha256').update(lockFile).digest('hex')
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === hash) return
  if (!isInstalled(JSON.parse(lockFile.toString('utf8')))) {
    console.error('Installing packages …')
    npm(['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'], ROOT)
  }
  writeFileSync(stamp, hash)
}

/** Whether npm's own record in node_modules agrees with the lock file, as after a developer's `npm install`. */
function isInstalled(lock) {
  const record = join(ROOT, 'node_modules', '.package-lock.json')
  if (!existsSync(record)) return false
  const installed = JSON.parse(readFileSync(record, 'utf8')).packages
  return Object.entries(lock.packages)
    .filter(([path]) => path.startsWith('node_modules/'))
    .every(([path, { version, optional }]) =>
      installed[path] ? installed[path].version === version : optional === true,
    )
}

function npm(args, cwd) {
  // Started by npm, we know which one; it is a script, and runs on the Node that runs us.
  const script = process.env.npm_execpath
  const byScript = script?.endsWith('.js') === true
  const { status, error } = byScript
    ? spawnSync(process.execPath, [script, ...args], npmOptions(cwd))
    : spawnSync('npm', args, { ...npmOptions(cwd), shell: process.platform === 'win32' })
  if (error) throw new Failure(`npm could not be started: ${error.message}.`)
  if (status !== 0)
    throw new Failure(
      `npm ${args[0]} failed (see above): check the network and the registry, then try again.`,
    )
}

/** Output goes to stderr; what `npm run` set for the script at hand would confuse another npm. */
function npmOptions(cwd) {
  const env = Object.fromEntries(
    Object.entries(process.env).filter(
      ([name]) => !/^npm_(package|lifecycle|command|config_local_prefix)/.test(name),
    ),
  )
  return { cwd, env, stdio: ['ignore', 2, 2] }
}
