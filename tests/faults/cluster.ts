import { findFreePort } from '../support/main_process.ts'
import { type DatabaseServer, startDatabaseServer } from './database_server.ts'
import { type MortalNode, startNode } from './mortal_node.ts'

/** One authorization server of three nodes, the first of them with two workers, and its database. */
export interface FaultyCluster {
  issuer: string
  database: DatabaseServer
  nodes: readonly MortalNode[]
  close(): Promise<void>
}

const WORKERS = [2, 1, 1]

export async function startFaultyCluster(): Promise<FaultyCluster> {
  const database = await startDatabaseServer()
  // Where a load balancer would listen. Ours is in the client: see load_balancer.ts.
  const issuer = `http://localhost:${await findFreePort()}`
  const nodes: MortalNode[] = []
  const close = async () => {
    await Promise.all(nodes.map((node) => node.close()))
    await database.close()
  }
  try {
    for (const workers of WORKERS) nodes.push(await startNode({ issuer, databaseUrl: database.url, workers }))
    return { issuer, database, nodes, close }
  } catch (error) {
    await close()
    throw error
  }
}
