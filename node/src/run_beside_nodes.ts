import type { Server } from '@auth-agent/server'
import { readEnvironment } from './environment.ts'
import { createLog } from './log.ts'
import { openServer } from './open_server.ts'

/** What is a node's own, and what a command neither needs nor may take: the port of its metrics, an owner to be made. */
const NOT_FOR_COMMANDS = {
  owner: undefined,
  redisUrl: undefined,
  metrics: undefined,
  otelEndpoint: undefined,
  otelMetricsEndpoint: undefined,
}

/** Lets a command work with a server that nobody listens to, in the environment of the nodes that run beside it. */
export async function runBesideNodes(
  env: Readonly<Record<string, string | undefined>>,
  work: (server: Server) => Promise<void>,
): Promise<void> {
  const settings = readEnvironment(env)
  const { server, close } = await openServer(
    { ...settings, ...NOT_FOR_COMMANDS, workers: 1, databaseConnections: 2 },
    { log: createLog(settings.logLevel), print() {} },
  )
  await work(server).finally(close)
}
