import cluster, { type Worker } from 'node:cluster'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Logger } from '@auth-agent/server/log'
import { type AnswerWatch, type WatchOptions, watchAnswers } from './answer_watch.ts'
import { GrowingPause } from './growing_pause.ts'
import type { CloseOptions } from './listen.ts'
import { WORKER_MS } from './stop_times.ts'
import { closeUnclaimedConnections } from './unclaimed_connections.ts'
import { untilAborted } from './until_aborted.ts'
import type { Order, Report } from './worker.ts'

/** One that hangs (an endless loop, a process that somebody stopped) is killed when it has not answered for half a minute. */
const WATCH: WatchOptions = { intervalMs: 5_000, turns: 6 }

/** What the workers of a supervisor have in common. */
export interface WorkersOptions {
  count: number
  /** Of the development inbox, the same on all. */
  inboxSecret: string | undefined
  log: Logger
  /** Gives the start up, where not all of them serve yet: it rejects with the signal's reason. */
  signal?: AbortSignal | undefined
  /** How they are watched. */
  watch?: WatchOptions
}

/** The processes that serve. One that ends unasked, or hangs, is replaced. */
export interface Workers {
  /** Replaces all, one by one, each only when its successor serves. */
  replace(): Promise<void>
  /** Lets all finish what is under way. */
  stop(): Promise<void>
}

/**
 * Starts workers that share the port, and returns when all of them serve. Rejects with the sentence of the first that
 * cannot start, and stops the others. Why connections are handed out in turns: docs/decisions/0016_several_processes.md.
 */
export async function startWorkers(options: WorkersOptions): Promise<Workers> {
  cluster.schedulingPolicy = cluster.SCHED_RR
  const supervisor = new Supervisor(options)
  await supervisor.start()
  return { replace: () => supervisor.replace(), stop: () => supervisor.stop() }
}

class Supervisor {
  readonly #options: WorkersOptions
  readonly #running = new Set<WorkerProcess>()
  readonly #pause = new GrowingPause()
  readonly #stopping = new AbortController()
  #replacing: Promise<void> | undefined
  /** One is replaced at a time, whoever wants it. */
  #turn: Promise<unknown> = Promise.resolve()

  constructor(options: WorkersOptions) {
    this.#options = options
  }

  async start(): Promise<void> {
    const { signal } = this.#options
    const workers = Array.from({ length: this.#options.count }, () => this.#launch())
    try {
      await untilAborted(Promise.all(workers.map(({ serving }) => serving)), signal)
    } catch (error) {
      await this.stop()
      throw error
    }
    this.#options.log.info({ workerPids: workers.map(({ pid }) => pid) }, 'The workers have started.')
    for (const worker of workers) this.#keep(worker)
  }

  replace(): Promise<void> {
    this.#replacing ??= this.#replaceAll().finally(() => {
      this.#replacing = undefined
    })
    return this.#replacing
  }

  async stop(): Promise<void> {
    this.#stopping.abort()
    await Promise.all([...this.#running].map((worker) => this.#retire(worker, { isReplaced: false })))
  }

  async #replaceAll(): Promise<void> {
    const { log } = this.#options
    log.info({}, 'The workers are replaced.')
    for (const worker of [...this.#running]) {
      if (!(await this.#replaceOne(worker))) {
        if (this.#isStopping) return
        log.error({}, 'The workers that have no successor go on as they are.')
        return
      }
    }
    log.info({}, 'The workers have been replaced.')
  }

  #replaceOne(worker: WorkerProcess): Promise<boolean> {
    const replaced = this.#turn.then(() => this.#replaceNow(worker))
    this.#turn = replaced
    return replaced
  }

  /** Starts a successor, and lets the worker go when that serves. Answers whether it did. */
  async #replaceNow(worker: WorkerProcess): Promise<boolean> {
    if (worker.isLeaving) return true
    const successor = await this.#tryToLaunch()
    if (successor === undefined || this.#isStopping) return false
    this.#keep(successor)
    await this.#retire(worker, { isReplaced: true })
    return true
  }

  /** From now on, a successor is started when this one ends, or when somebody tells it alone to end. */
  #keep(worker: WorkerProcess): void {
    const { log } = this.#options
    worker.isOnTrial = false
    void worker.ended.then((ending) => {
      if (worker.isLeaving || this.#isStopping) return
      log.error({ workerPid: worker.pid, ...ending }, 'A worker has ended unasked.')
      return this.#restart()
    })
    void worker.asksToLeave.then(async () => {
      if (worker.isLeaving || this.#isStopping) return
      log.warn({ workerPid: worker.pid }, 'A worker was told to end; it is replaced.')
      if (await this.#replaceOne(worker)) return
      await this.#retire(worker, { isReplaced: true })
      await this.#restart()
    })
  }

  /** Starts one in place of one that ended. While it cannot start, such as without a database, the pauses grow. */
  async #restart(): Promise<void> {
    let worker: WorkerProcess | undefined
    while (worker === undefined) {
      const pauseMs = this.#pause.next()
      this.#options.log.warn({ pauseMs }, 'Another worker is started after a pause.')
      await sleep(pauseMs, undefined, { signal: this.#stopping.signal }).catch(() => {})
      if (this.#isStopping || this.#kept >= this.#options.count) return
      worker = await this.#tryToLaunch()
    }
    if (this.#kept < this.#options.count) this.#keep(worker)
    else await this.#retire(worker, { isReplaced: true })
  }

  async #tryToLaunch(): Promise<WorkerProcess | undefined> {
    if (this.#isStopping) return undefined
    const worker = this.#launch()
    try {
      await worker.serving
      this.#options.log.info({ workerPid: worker.pid }, 'A worker has started.')
      return worker
    } catch (error) {
      if (!this.#isStopping) {
        this.#options.log.error({ reason: (error as Error).message }, 'A worker could not start.')
      }
      return undefined
    }
  }

  #launch(): WorkerProcess {
    const { inboxSecret, log, watch = WATCH } = this.#options
    const worker = new WorkerProcess(inboxSecret)
    this.#running.add(worker)
    void worker.ended.then(() => this.#running.delete(worker))
    worker.watch(watch, () => {
      log.error({ workerPid: worker.pid }, 'A worker does not answer, and is killed.')
      worker.kill()
    })
    return worker
  }

  async #retire(worker: WorkerProcess, how: CloseOptions): Promise<void> {
    worker.stop(how)
    const late = setTimeout(() => {
      this.#options.log.error({ workerPid: worker.pid }, 'A worker did not stop in time, and is killed.')
      worker.kill()
    }, WORKER_MS)
    await worker.ended.finally(() => clearTimeout(late))
  }

  get #kept(): number {
    return [...this.#running].filter(({ isLeaving, isOnTrial }) => !isLeaving && !isOnTrial).length
  }

  get #isStopping(): boolean {
    return this.#stopping.signal.aborted
  }
}

/** One process that serves, as its supervisor sees it. */
class WorkerProcess {
  readonly #worker: Worker
  /** Whether it was told to stop. */
  isLeaving = false
  /** Whether it has yet to show that it can serve. */
  isOnTrial = true
  readonly ended: Promise<{ exitCode: number | null; signal: string | null }>
  /** Rejects with why it cannot. */
  readonly serving: Promise<void>
  readonly asksToLeave: Promise<void>
  #watch: AnswerWatch | undefined

  constructor(inboxSecret: string | undefined) {
    const worker = cluster.fork()
    closeUnclaimedConnections(worker)
    this.#worker = worker
    this.ended = new Promise((resolve) => {
      worker.once('exit', (exitCode: number | null, signal: string | null) => resolve({ exitCode, signal }))
      // Of a process that could not be made, or a message to one that has just ended.
      worker.on('error', () => {
        if (worker.process.pid === undefined) resolve({ exitCode: null, signal: null })
      })
    })
    const { promise: asksToLeave, resolve: leave } = Promise.withResolvers<void>()
    this.asksToLeave = asksToLeave
    this.serving = new Promise((resolve, reject) => {
      worker.on('message', (report: Report) => {
        if (report.state === 'serving') resolve()
        if (report.state === 'failed') reject(new Error(report.reason))
        if (report.state === 'asked to leave') leave()
        if (report.state === 'alive') this.#watch?.answered()
      })
      void this.ended.then(({ exitCode, signal }) =>
        reject(new Error(`A worker ended before it served (${signal ?? `exit code ${exitCode}`}).`)),
      )
    })
    this.serving.catch(() => {})
    this.#send({ do: 'serve', inboxSecret })
  }

  get pid(): number | undefined {
    return this.#worker.process.pid
  }

  /** Tells once it has not answered for too long. One that stops may be busy with it, and has a limit of its own. */
  watch(options: WatchOptions, giveUp: () => void): void {
    const watch = watchAnswers(options, () => this.#send({ do: 'answer' }), giveUp)
    this.#watch = watch
    void this.ended.then(watch.stop)
  }

  stop(how: CloseOptions): void {
    this.#watch?.stop()
    this.isLeaving = true
    this.#send({ do: 'stop', ...how })
  }

  kill(): void {
    this.#worker.process.kill('SIGKILL')
  }

  #send(order: Order): void {
    if (this.#worker.isConnected()) this.#worker.send(order, () => {})
  }
}
