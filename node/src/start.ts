import { join } from 'node:path'
import { createServer } from '@auth-agent/server'
import type { Logger } from '@auth-agent/server/log'
import type { DevelopmentInbox, Mailer } from '@auth-agent/server/mail'
import { prepareDataDirectory, readOrCreateSecret } from './data_directory.ts'
import { openDatabase } from './database.ts'
import { createDevelopmentMail } from './development_mail.ts'
import type { Settings } from './environment.ts'
import { greet } from './greeting.ts'
import { createGuardedFetch } from './guarded_fetch.ts'
import { listen } from './listen.ts'
import { createSmtpMailer, createWebhookMailer } from './mail.ts'
import { repeat } from './repeat.ts'

const MAINTENANCE_INTERVAL_MS = 60_000

/**
 * Starts everything, tells the person at the terminal, and returns what stops it. Whatever was started before a
 * failure is stopped again.
 */
export async function start(
  settings: Settings,
  log: Logger,
  print: (text: string) => void,
): Promise<() => Promise<void>> {
  const stops: (() => Promise<void>)[] = []
  const stop = async () => {
    for (const each of stops.splice(0).toReversed()) await each()
  }
  try {
    const secrets = settings.secrets ?? [await findSecret(settings.dataDir)]
    const { database, migrated, close } = await openDatabase(settings, log)
    stops.push(close)
    if (migrated.length > 0) log.info({ migrations: migrated }, 'The database was migrated.')

    const mail = await openMail(settings, print)
    const server = await createServer({
      issuer: settings.issuer,
      database,
      secrets,
      signingAlg: settings.signingAlg,
      accessTokenTtl: settings.accessTokenTtl,
      refreshTokenTtl: settings.refreshTokenTtl,
      signUp: settings.signUp,
      pbkdf2Iterations: settings.pbkdf2Iterations,
      adminToken: settings.adminToken,
      owner: settings.owner,
      mailer: mail.mailer,
      inbox: mail.inbox,
      fetchPublicUrl: createGuardedFetch({ allowLoopback: settings.allowLoopbackFetch }),
      log,
    })
    stops.push(repeat(() => server.maintain(), MAINTENANCE_INTERVAL_MS, log))
    const listener = await listen(server.fetch, settings)
    stops.push(listener.close)

    if (settings.allowLoopbackFetch) log.warn({}, 'ALLOW_LOOPBACK_FETCH is on; it is for development only.')
    log.info({ issuer: settings.issuer, host: settings.host, port: listener.port }, 'The server is running.')
    print(greet(settings, await server.setupLink(), mail.inbox?.secret))
    return stop
  } catch (error) {
    await stop()
    throw error
  }
}

async function findSecret(dataDir: string): Promise<string> {
  return readOrCreateSecret(join(await prepareDataDirectory(dataDir), 'secret'))
}

/**
 * How mail leaves. Without a way, it stays on this machine when the issuer is for this machine alone; the page that
 * shows it needs a listener for this machine alone as well. Any other issuer goes without mail.
 */
async function openMail(
  { issuer, loopback, smtpUrl, emailWebhookUrl, dataDir }: Settings,
  print: (text: string) => void,
): Promise<{ mailer?: Mailer; inbox?: DevelopmentInbox }> {
  if (smtpUrl !== undefined) return { mailer: createSmtpMailer(smtpUrl, issuer) }
  if (emailWebhookUrl !== undefined) return { mailer: createWebhookMailer(emailWebhookUrl) }
  if (!loopback.issuer) return {}
  const folder = join(await prepareDataDirectory(dataDir), 'mail')
  const { mailer, inbox } = createDevelopmentMail(folder, print)
  return loopback.listener ? { mailer, inbox } : { mailer }
}
