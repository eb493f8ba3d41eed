import cluster, { type Worker } from 'node:cluster'
import { AggregatorRegistry, type Registry } from 'prom-client'
import { z } from 'zod'
import type { ReadMetrics } from './metrics_answer.ts'

/**
 * How several processes add up. The supervisor asks every worker for its numbers, each with a label that says whose they
 * are, and puts them into one text; a worker that is scraped asks the supervisor for that text. A worker that is
 * replaced takes its series along, so no sum ever goes back, as it would if a total of all were kept.
 */
const MESSAGE = z.object({
  /** `numbers` go up to the supervisor, `text` comes down to a worker. */
  metrics: z.enum(['ask numbers', 'numbers', 'ask text', 'text']),
  id: z.number(),
  content: z.unknown().optional(),
})
type Message = z.infer<typeof MESSAGE>
type Numbers = Awaited<ReturnType<Registry['getMetricsAsJSON']>>

/** A worker that is busy for longer is left out of this scrape. In milliseconds. */
const PATIENCE_MS = 3_000

/** In the supervisor: reads its own numbers and those of all workers, and answers workers that ask for them. */
export function superviseMetrics(registry: Registry): { read: ReadMetrics; stop(): void } {
  const asked = createQuestions<Numbers>()
  const read = async () => {
    const workers = Object.values(cluster.workers ?? {}).filter((worker) => worker?.isConnected())
    const numbers = await Promise.all(
      workers.map((worker) =>
        asked.ask((id) => send(worker, { metrics: 'ask numbers', id })).catch(() => []),
      ),
    )
    return AggregatorRegistry.aggregate([await registry.getMetricsAsJSON(), ...numbers]).metrics()
  }
  const listen = (worker: Worker, received: unknown) => {
    const message = parseMessage(received)
    if (message?.metrics === 'numbers') asked.answer(message.id, message.content as Numbers)
    if (message?.metrics === 'ask text')
      // Who does not hear from us gives up by himself.
      read()
        .then((content) => send(worker, { metrics: 'text', id: message.id, content }))
        .catch(() => {})
  }
  cluster.on('message', listen)
  return { read, stop: () => void cluster.off('message', listen) }
}

/** In a worker: gives its numbers when the supervisor asks, and reads those of all. */
export function joinMetrics(registry: Registry): { read: ReadMetrics; stop(): void } {
  const asked = createQuestions<string>()
  const listen = (received: unknown) => {
    const message = parseMessage(received)
    if (message?.metrics === 'text') asked.answer(message.id, String(message.content))
    if (message?.metrics === 'ask numbers')
      registry
        .getMetricsAsJSON()
        .then((content) => send(process, { metrics: 'numbers', id: message.id, content }))
        .catch(() => {})
  }
  process.on('message', listen)
  return {
    read: () => asked.ask((id) => send(process, { metrics: 'ask text', id })),
    stop: () => void process.off('message', listen),
  }
}

interface Questions<Answer> {
  /** Rejects where no answer comes in time. */
  ask(send: (id: number) => void): Promise<Answer>
  answer(id: number, answer: Answer): void
}

function createQuestions<Answer>(): Questions<Answer> {
  const waiting = new Map<number, (answer: Answer) => void>()
  let last = 0
  return {
    ask: (send) => {
      const id = ++last
      return new Promise<Answer>((resolve, reject) => {
        const timer = setTimeout(
          () => reject(new Error('Another process did not tell its metrics.')),
          PATIENCE_MS,
        )
        waiting.set(id, (answer) => {
          clearTimeout(timer)
          resolve(answer)
        })
        send(id)
      }).finally(() => waiting.delete(id))
    },
    answer: (id, answer) => waiting.get(id)?.(answer),
  }
}

/** Who has gone meanwhile needs no answer. */
function send(
  to: Worker | NodeJS.Process | undefined,
  message: Omit<Message, 'content'> & { content?: unknown },
): void {
  to?.send?.(message, undefined, undefined, () => {})
}

function parseMessage(received: unknown): Message | undefined {
  return MESSAGE.safeParse(received).data
}
