import { join } from 'node:path'
import { createServer, type Server } from '@auth-agent/server'
import { AttemptCountersUnavailable } from '@auth-agent/server/attempt_counters'
import type { Logger } from '@auth-agent/server/log'
import type { DevelopmentInbox, Mailer } from '@auth-agent/server/mail'
import { BackgroundWork } from './background_work.ts'
import { prepareDataDirectory, readOrCreateSecret } from './data_directory.ts'
import { openDatabase } from './database.ts'
import { createDevelopmentMail } from './development_mail.ts'
import { createEndOfTurn } from './end_of_turn.ts'
import type { Settings } from './environment.ts'
import { createGuardedFetch } from './guarded_fetch.ts'
import { createSmtpMailer, createWebhookMailer } from './mail.ts'
import { createPasswordQueue } from './password_queue.ts'
import { MAX_CONNECTIONS } from './postgres_cluster.ts'
import type { RedisAttemptCounters } from './redis_attempt_counters.ts'
import { BACKGROUND_MS, leftOf } from './stop_times.ts'
import { observe } from './telemetry/observation.ts'

/** A server over an open database; nobody listens yet. */
export interface OpenServer {
  server: Server
  /** Of the development inbox, if there is one. */
  inboxSecret: string | undefined
  /**
   * Waits for what goes on in the background, such as mail, then ends its connections, and the embedded database with the last
   * process that uses it.
   *
   * @param since when the stop began, on the clock of `performance.now()`; now, otherwise
   */
  close(since?: number): Promise<void>
}

/** What a server is opened with, beside its settings. */
export interface OpenOptions {
  log: Logger
  /** For the person at the terminal. */
  print(text: string): void
  /** Of the development inbox, where several processes show the same; generated otherwise. */
  inboxSecret?: string | undefined
  /** Gives it up: it rejects with the signal's reason, and has not claimed the database. */
  signal?: AbortSignal | undefined
}

/** Opens everything that a server stands on. What was opened before a failure is closed again. */
export async function openServer(
  settings: Settings,
  { log, print, inboxSecret, signal }: OpenOptions,
): Promise<OpenServer> {
  const secrets = settings.secrets ?? [await findSecret(settings.dataDir)]
  const observation = await observe(settings, log)
  const {
    database,
    migrated,
    close: closeDatabase,
  } = await openDatabase(settings, log, connectionsOf(settings), signal).catch(async (error: unknown) => {
    await observation.close()
    throw error
  })
  const background = new BackgroundWork()
  let counters: RedisAttemptCounters | undefined
  const close = async (since = performance.now()) => {
    const left = await background.settle(leftOf(BACKGROUND_MS, since))
    if (left > 0) log.error({ left }, 'Work in the background was cut off, such as mail that had not left.')
    counters?.close()
    await Promise.all([observation.close(), closeDatabase()])
  }
  try {
    if (migrated.length > 0) log.info({ migrations: migrated }, 'The database was migrated.')
    counters = await openCounters(settings, log)
    const mail = await openMail(settings, print, inboxSecret)
    signal?.throwIfAborted()
    const upstreamOrigin = settings.upstream && new URL(settings.upstream.issuer).origin
    const server = await createServer({
      issuer: settings.issuer,
      database: observation.database(database),
      attemptCounters: counters && observation.attemptCounters(counters),
      secrets,
      signingAlg: settings.signingAlg,
      accessTokenTtl: settings.accessTokenTtl,
      refreshTokenTtl: settings.refreshTokenTtl,
      signUp: settings.signUp,
      pbkdf2Iterations: settings.pbkdf2Iterations,
      attemptBudget: settings.attemptBudget,
      adminToken: settings.adminToken,
      owner: settings.owner,
      mailer: mail.mailer && observation.mailer(mail.mailer),
      inbox: mail.inbox,
      upstream: settings.upstream,
      fetchPublicUrl: observation.fetchPublicUrl(
        createGuardedFetch({ allowLoopback: settings.allowLoopbackFetch }),
        'client metadata',
      ),
      fetchUpstream: observation.fetchPublicUrl(
        createGuardedFetch({ allowLoopback: settings.allowLoopbackFetch, ownOrigin: upstreamOrigin }),
        'upstream provider',
      ),
      log,
      passwordQueue: createPasswordQueue(),
      endOfTurn: createEndOfTurn(),
      waitUntil: (work) => background.add(work),
      telemetry: observation.telemetry,
    })
    return { server: await observation.server(server, database), inboxSecret: mail.inbox?.secret, close }
  } catch (error) {
    await close()
    throw error
  }
}

/** The embedded database has so many for all; each process also holds one that says that it is there. */
function connectionsOf({ databaseUrl, databaseConnections, workers }: Settings): number {
  if (databaseUrl !== undefined) return databaseConnections
  return Math.max(2, Math.min(databaseConnections, Math.floor((0.6 * MAX_CONNECTIONS) / workers)))
}

/** The client takes its time and some megabytes, so only those load it who name a Redis. */
async function openCounters(
  { redisUrl }: Pick<Settings, 'redisUrl'>,
  log: Logger,
): Promise<RedisAttemptCounters | undefined> {
  if (redisUrl === undefined) return undefined
  const { openRedisAttemptCounters } = await import('./redis_attempt_counters.ts')
  try {
    return await openRedisAttemptCounters(redisUrl, log)
  } catch (error) {
    if (!(error instanceof AttemptCountersUnavailable)) throw error
    throw new Error(
      `REDIS_URL names a Redis that cannot be used (${error.reason}): check that it runs, its host and port, its user and password, and that rediss:// is for TLS only.`,
      { cause: error },
    )
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
  inboxSecret: string | undefined,
): Promise<{ mailer?: Mailer; inbox?: DevelopmentInbox }> {
  if (smtpUrl !== undefined) return { mailer: createSmtpMailer(smtpUrl, issuer) }
  if (emailWebhookUrl !== undefined) return { mailer: createWebhookMailer(emailWebhookUrl) }
  if (!loopback.issuer) return {}
  const folder = join(await prepareDataDirectory(dataDir), 'mail')
  const { mailer, inbox } = createDevelopmentMail(folder, print, inboxSecret)
  return loopback.listener ? { mailer, inbox } : { mailer }
}
