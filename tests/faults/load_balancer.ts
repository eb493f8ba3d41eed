import { Agent } from 'node:http'
import { setImmediate, setTimeout as sleep } from 'node:timers/promises'
import { parse } from 'node-html-parser'
import { createRemoteServer } from '../support/remote_server.ts'
import type { TestServer } from '../support/server.ts'
import type { FaultyCluster } from './cluster.ts'
import type { Figures } from './figures.ts'
import type { Outages } from './outages.ts'
import type { Random } from './random.ts'

/** Nobody knows whether it was done: the answer was 503, or the connection ended. Who asked tries again. */
export class Unclear extends Error {}

/** The answer is none that may come. It is in the figures; who asked begins with something else. */
export class Wrong extends Error {}

/** What was answered, by which node. */
export interface Answer {
  status: number
  headers: Headers
  text: string
  node: number
  sentAt: number
}

export interface Asked {
  /** For the figures. */
  kind: string
  /** What may be answered beside 503. */
  allowed: readonly number[]
  node?: number
  clientAddress?: string
}

const FORGOTTEN_AFTER_MS = 60_000

/** Hands requests to the nodes, whether they are there or not; retries nothing, and judges every answer. */
export class LoadBalancer {
  readonly #nodes: readonly TestServer[]
  readonly #agents: readonly Agent[]
  readonly issuer: string

  readonly outages: Outages
  readonly figures: Figures
  readonly random: Random

  constructor(cluster: FaultyCluster, outages: Outages, figures: Figures, random: Random) {
    this.outages = outages
    this.figures = figures
    this.random = random
    this.issuer = cluster.issuer
    this.#agents = cluster.nodes.map(() => new Agent({ keepAlive: true }))
    this.#nodes = cluster.nodes.map(({ port }, index) =>
      createRemoteServer(cluster.issuer, { port, agent: this.#agents[index] as Agent }),
    )
  }

  /** All nodes, in an order that is drawn. */
  draw(): number[] {
    const left = this.#nodes.map((_, index) => index)
    return this.#nodes.map(() => left.splice(this.random.between(0, left.length), 1)[0] as number)
  }

  /** @throws {@link Unclear}, {@link Wrong} */
  async ask(path: string, init: RequestInit, asked: Asked): Promise<Answer> {
    const node = asked.node ?? this.random.between(0, this.#nodes.length)
    const info = asked.clientAddress === undefined ? {} : { clientAddress: asked.clientAddress }
    // An agent learns that the other side has closed a connection in the next turn of the event loop.
    await setImmediate()
    const sentAt = performance.now()
    const answering = (this.#nodes[node] as TestServer).fetch(path, init, info).then(async (response) => ({
      status: response.status,
      headers: response.headers,
      text: await response.text(),
      node,
      sentAt,
    }))
    const outcome = await Promise.race([answering, forget()]).catch((error: Error) => error)
    return this.#judge(outcome, { ...asked, node, path, sentAt })
  }

  close(): void {
    for (const agent of this.#agents) agent.destroy()
  }

  #judge(outcome: Answer | Error, request: Asked & { node: number; path: string; sentAt: number }): Answer {
    const { kind, allowed, node, sentAt } = request
    const { pathname: path } = new URL(request.path, this.issuer)
    const answeredAt = performance.now()
    const wasAway = (subject: 'database' | number) => this.outages.wasAway(subject, sentAt, answeredAt)
    if (outcome instanceof Error) {
      if (!wasAway(node))
        this.#refuse('A connection ended without cause.', { kind, path, node, error: outcome })
      this.figures.count(kind, 'cut')
      throw new Unclear(outcome.message)
    }
    const { status, headers, text } = outcome
    if (status === 503 && headers.has('Retry-After')) {
      this.figures.count(kind, 'unavailable')
      if (!wasAway('database') && !wasAway(node)) this.figures.unexplained += 1
      throw new Unclear(text)
    }
    if (!allowed.includes(status))
      this.#refuse('An answer that may not come.', { kind, path, node, status, text: shorten(text) })
    this.figures.count(kind, status < 400 ? 'ok' : 'refused')
    return outcome
  }

  #refuse(what: string, detail: Record<string, unknown>): never {
    this.figures.report(what, detail)
    throw new Wrong(`${what} ${JSON.stringify(detail)}`)
  }
}

/** What a page says, or a body as it is. */
function shorten(text: string): string {
  return text.startsWith('<') ? (parse(text).querySelector('main')?.structuredText ?? text) : text
}

async function forget(): Promise<never> {
  await sleep(FORGOTTEN_AFTER_MS, undefined, { ref: false })
  throw new Error('Nothing came for a minute.')
}
