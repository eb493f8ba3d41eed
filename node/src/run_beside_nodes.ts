import type { Server } from '@auth-agent/server'
import { readEnvironment } from './environment.ts'
import { createLog } from './log.ts'
import { openServer } from './open_server.ts'

/** Lets a command work with a server that nobody listens to, in the environment of the nodes that run beside it. */
export async function runBesideNodes(
  env: Readonly<Record<string, string | undefined>>,
  work: (server: Server) => Promise<void>,
): Promise<void> {
  const settings = readEnvironment(env)
  const { server, close } = await openServer(
    { ...settings, owner: undefined, redisUrl: undefined, workers: 1, databaseConnections: 2 },
    createLog(settings.logLevel),
    () => {},
  )
  await work(server).finally(close)
}
