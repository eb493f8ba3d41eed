import { setTimeout as sleep } from 'node:timers/promises'
import type { FaultyCluster } from './cluster.ts'
import type { StopMode } from './database_server.ts'
import type { Outages } from './outages.ts'
import type { Random } from './random.ts'

/** Causes faults, one round after the other, and counts them by their name. */
export interface Faults {
  counts: ReadonlyMap<string, number>
  /** Kills a process and restarts the database, in either order, and waits until all are there again. */
  cause(): Promise<void>
  /** Kills every process and crashes the database, at once. */
  causeAll(): Promise<void>
}

export function createFaults(cluster: FaultyCluster, outages: Outages, random: Random): Faults {
  const counts = new Map<string, number>()
  let mode: StopMode = 'fast'

  function count(name: string): void {
    counts.set(name, (counts.get(name) ?? 0) + 1)
  }
  function restartDatabase(): Promise<void> {
    if (random.isTrue(0.2)) {
      count('kill -9 of a process of the database')
      return outages.during(['database'], () => cluster.database.killBackend())
    }
    // In turns: a good end, and a crash.
    mode = mode === 'fast' ? 'immediate' : 'fast'
    count(`database restarted (${mode})`)
    return outages.during(['database'], () => cluster.database.restart(mode))
  }
  function killNode(index: number): Promise<void> {
    const node = cluster.nodes[index]
    if (node === undefined) throw new Error(`There is no node ${index}.`)
    const way = node.workers > 1 ? random.one(['whole', 'supervisor', 'worker', 'worker'] as const) : 'whole'
    count(
      node.workers > 1
        ? `kill -9 of ${way === 'whole' ? 'supervisor and workers' : `a ${way}`}`
        : 'kill -9 of a node',
    )
    const draw = random.next()
    return outages.during([index], () => {
      if (way === 'whole') return node.killWhole()
      if (way === 'supervisor') return node.killSupervisor()
      return node.killWorker((pids) => pids[Math.floor(draw * pids.length)] as number)
    })
  }

  return {
    counts,
    async cause() {
      const [first, second] = random.isTrue(0.5)
        ? [() => killNode(random.between(0, cluster.nodes.length)), restartDatabase]
        : [restartDatabase, () => killNode(random.between(0, cluster.nodes.length))]
      const pause = random.between(0, 1_000)
      const begun = first()
      await sleep(pause)
      await Promise.all([begun, second()])
    },
    async causeAll() {
      mode = 'fast'
      await Promise.all([restartDatabase(), ...cluster.nodes.map((_, index) => killNode(index))])
    },
  }
}
