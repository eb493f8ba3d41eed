// Starts the server, migrates its database, or rotates its keys: `node dist/node/main.js [start | migrate |
// rotate-signing-keys [--immediately] | rotate-purpose-key <purpose> [--immediately] | withdraw-purpose-keys <purpose>]`.
import cluster from 'node:cluster'
import type { Logger } from '@auth-agent/server/log'
import { openDatabase } from './database.ts'
import { EnvironmentError, readEnvironment } from './environment.ts'
import { createLog, outliveReaders } from './log.ts'
import { rotatePurposeKey, withdrawPurposeKeys } from './rotate_purpose_key.ts'
import { rotateSigningKeys } from './rotate_signing_keys.ts'
import { type Running, start } from './start.ts'
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
  console.error(error instanceof Error && !isVerbose ? error.message : error)
  process.exitCode = 1
}

async function serve(): Promise<void> {
  const settings = readEnvironment(process.env)
  const log = createLog(settings.logLevel)
  if (cluster.isWorker) return work(settings, log, print)
  const starting = start(settings, log, print)
  stopOnSignal(starting, log)
  replaceOnSignal(starting, log)
  await starting
}

/** Also while we start: what was started by then is stopped in good order. */
function stopOnSignal(starting: Promise<Running>, log: Logger): void {
  const stop = async (signal: string) => {
    // A start that failed has cleaned up after itself, and the failure is told elsewhere.
    const running = await starting.catch(() => undefined)
    if (running === undefined) return
    await running.stop().catch((error: unknown) => {
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
