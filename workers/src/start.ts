import { createServer, type Server } from '@auth-agent/server'
import { createWebhookMailer } from '@auth-agent/server/mail'
import type { Bindings } from './bindings.ts'
import { checkNoCaching } from './caching_check.ts'
import { MAX_PBKDF2_ITERATIONS, readEnvironment } from './environment.ts'
import { currentWorkerInvocation, invocationDatabase } from './invocation.ts'
import { createLog } from './log.ts'
import { createPublicFetch } from './public_fetch.ts'

/** In milliseconds. The database of an isolate is asked for denials this often at the most, and only when somebody asks. */
const DENIALS_MAX_AGE = 1_000

/** Makes the server of an isolate. Rejects with a sentence for the operator where something makes no sense. */
export async function start(bindings: Readonly<Bindings>): Promise<Server> {
  const { emailWebhookUrl, logLevel, allowLoopbackFetch, ...settings } = readEnvironment(bindings)
  const log = createLog(logLevel)
  if (allowLoopbackFetch) log.warn({}, 'ALLOW_LOOPBACK_FETCH is on; it is for development only.')
  await checkNoCaching(invocationDatabase)
  return createServer({
    ...settings,
    database: invocationDatabase,
    maxPbkdf2Iterations: MAX_PBKDF2_ITERATIONS,
    mailer: emailWebhookUrl === undefined ? undefined : createWebhookMailer(emailWebhookUrl),
    fetchPublicUrl: createPublicFetch({ allowLoopback: allowLoopbackFetch }),
    log,
    denialsMaxAge: DENIALS_MAX_AGE,
    feedMaxAge: DENIALS_MAX_AGE,
    waitUntil: (work) => currentWorkerInvocation().continueAfterAnswer(work),
  })
}
