// Starts the server, or migrates its database: `node dist/node/main.js [migrate]`.
import type { Logger } from '@auth-agent/server/log'
import { openDatabase } from './database.ts'
import { EnvironmentError, readEnvironment } from './environment.ts'
import { createLog, outliveReaders } from './log.ts'
import { start } from './start.ts'

const print = (text: string) => void process.stdout.write(`${text}\n`)

outliveReaders()
try {
  const [command = 'start'] = process.argv.slice(2)
  if (command === 'start') await serve()
  else if (command === 'migrate') await migrate()
  else
    throw new EnvironmentError(`There is no command ${command}: use start, which is the default, or migrate.`)
} catch (error) {
  const isVerbose = /^(debug|trace)$/.test(process.env['LOG_LEVEL'] ?? '')
  console.error(error instanceof Error && !isVerbose ? error.message : error)
  process.exitCode = 1
}

async function serve(): Promise<void> {
  const settings = readEnvironment(process.env)
  const log = createLog(settings.logLevel)
  const starting = start(settings, log, print)
  stopOnSignal(starting, log)
  await starting
}

/** Also while we start: what was started by then is stopped in good order. */
function stopOnSignal(starting: Promise<() => Promise<void>>, log: Logger): void {
  const stop = async (signal: string) => {
    // A start that failed has cleaned up after itself, and the failure is told elsewhere.
    const stopAll = await starting.catch(() => undefined)
    if (stopAll === undefined) return
    await stopAll().catch((error: unknown) => {
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

async function migrate(): Promise<void> {
  const settings = readEnvironment(process.env, 'migrate')
  const { migrated, close } = await openDatabase(settings, createLog(settings.logLevel))
  await close()
  print(migrated.length === 0 ? 'Nothing to migrate.' : `Migrated: ${migrated.join(', ')}`)
}
