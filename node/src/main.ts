// Starts the server, migrates its database, or rotates its keys: `node dist/node/main.js [start | migrate |
// rotate-signing-keys [--immediately] | rotate-purpose-key <purpose> [--immediately] | withdraw-purpose-keys <purpose>]`.
import cluster from 'node:cluster'
import { describeError, type Logger } from '@auth-agent/server/log'
import { openDatabase } from './database.ts'
import { EnvironmentError, readEnvironment } from './environment.ts'
import { createLog, outliveReaders } from './log.ts'
import { rotatePurposeKey, withdrawPurposeKeys } from './rotate_purpose_key.ts'
import { rotateSigningKeys } from './rotate_signing_keys.ts'
import { type Running, start } from './start.ts'
import { START_MS } from './stop_times.ts'
import { work } from './worker.ts'

const COMMANDS = 'migrate, rotate-signing-keys, rotate-purpose-key, or withdraw-purpose-keys'
const print = (text: string) => void process.stdout.write(`${text}\n`)

outliveReaders()
try {
  const [command = 'start', ...rest] = process.argv.slice(2)
  if (command === 'start') await serve()
  else if (command === 'migrate') await migrate()
  else if (command === 'rotate-signing-keys') print(await rotateSigningKeys(rest, process.env))
  else if (command === 'rotate-purpose-key') print(await rotatePurposeKey(rest, process.env))
  else if (command === 'withdraw-purpose-keys') print(await withdrawPurposeKeys(rest, process.env))
  else
    throw new EnvironmentError(
      `There is no command ${command}: use start, which is the default, ${COMMANDS}.`,
    )
} catch (error) {
  const isVerbose = /^(debug|trace)$/.test(process.env['LOG_LEVEL'] ?? '')
  // Not the error as it is: those of PostgreSQL carry rows.
  console.error(
    isVerbose || !(error instanceof Error) ? JSON.stringify(describeError(error, true)) : error.message,
  )
  process.exitCode = 1
}

async function serve(): Promise<void> {
  const settings = readEnvironment(process.env)
  const log = createLog(settings.logLevel)
  if (cluster.isWorker) return work(settings, log, print)
  const stopping = new AbortController()
  const starting = start(settings, log, print, stopping.signal)
  stopOnSignal(starting, stopping, log)
  replaceOnSignal(starting, log)
  await starting.catch((error: unknown) => {
    if (error !== stopping.signal.reason) throw error
  })
}

/** Also while we start: the start is given up, and what was started by then is stopped in good order. */
function stopOnSignal(starting: Promise<Running>, stopping: AbortController, log: Logger): void {
  let hasStarted = false
  let isFailure = false
  const started = () => {
    hasStarted = true
  }
  starting.then(started, started)
  const stop = async (signal: string) => {
    if (!hasStarted) log.info({ signal }, 'The server is told to stop before it has started.')
    const late = setTimeout(() => {
      log.error({ signal }, 'The start did not end in time, and is cut off.')
      process.exit(1)
    }, START_MS)
    stopping.abort()
    // A start that was given up, or failed, has cleaned up after itself; a failure is told elsewhere.
    const running = await starting.catch((error: unknown) => {
      if (error !== stopping.signal.reason) isFailure = true
    })
    clearTimeout(late)
    if (isFailure) return
    await running?.stop().catch((error: unknown) => {
      log.error({ err: error }, 'The server did not stop in good order.')
      process.exitCode = 1
    })
    log.info({ signal }, 'The server has stopped.')
    process.exit()
  }
  // A signal can come twice: from the terminal, and from the script that started us.
  let isStopping = false
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'])
    process.on(signal, () => {
      if (!isStopping) void stop(signal)
      isStopping = true
    })
}

/** Not SIGHUP, which a terminal that closes sends. Without a listener SIGUSR2 would end the process. */
function replaceOnSignal(starting: Promise<Running>, log: Logger): void {
  process.on('SIGUSR2', async () => {
    const running = await starting.catch(() => undefined)
    if (running?.replaceWorkers) await running.replaceWorkers()
    else log.warn({}, 'SIGUSR2 replaces workers, and there is none: WORKERS is 1.')
  })
}

async function migrate(): Promise<void> {
  const settings = readEnvironment(process.env, 'migrate')
  const { migrated, close } = await openDatabase(settings, createLog(settings.logLevel), 2)
  await close()
  print(migrated.length === 0 ? 'Nothing to migrate.' : `Migrated: ${migrated.join(', ')}`)
}
