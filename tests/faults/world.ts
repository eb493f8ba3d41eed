import { setTimeout as sleep } from 'node:timers/promises'
import type { RegisteredServer } from '../support/flow.ts'
import { decodeJwt } from '../support/forged_jwt.ts'
import { ADMIN_TOKEN } from '../support/server.ts'
import type { FaultyCluster } from './cluster.ts'
import type { Figures } from './figures.ts'
import { AccessToken, type Grant, type Ledger } from './ledger.ts'
import { type Answer, type Asked, type LoadBalancer, Unclear, Wrong } from './load_balancer.ts'

export type Json = Record<string, unknown>

/** An answer whose body is a JSON object, or empty. */
export interface JsonAnswer extends Answer {
  body: Json
}

/** As many tries as fill the longest outage many times over. */
const MAX_TRIES = 400
/** Outside of this, a revoked token may be active no more: what a node knows may be as old while the database is away. */
const MAX_STALENESS_MS = 30_000
const A_SECOND_MS = 1_000

/** What all virtual users share: the servers, and what is known of them. */
export class World {
  readonly cluster: FaultyCluster
  readonly balancer: LoadBalancer
  readonly ledger: Ledger
  readonly figures: Figures
  readonly mcp: RegisteredServer

  constructor(shared: Pick<World, 'cluster' | 'balancer' | 'ledger' | 'figures' | 'mcp'>) {
    this.cluster = shared.cluster
    this.balancer = shared.balancer
    this.ledger = shared.ledger
    this.figures = shared.figures
    this.mcp = shared.mcp
  }

  /** Tries again, as clients do, until the answer is clear; tells after how many that were not. */
  async untilClear<Result>(
    what: string,
    attempt: () => Promise<Result>,
  ): Promise<{ result: Result; unclear: number }> {
    for (let unclear = 0; unclear < MAX_TRIES; unclear += 1) {
      try {
        return { result: await attempt(), unclear }
      } catch (error) {
        if (!(error instanceof Unclear)) throw error
        await sleep(this.balancer.random.between(20, 20 + 10 * Math.min(unclear + 1, 30)))
      }
    }
    return this.refuse('Somebody could not get on.', { what })
  }

  /** Asks for JSON. */
  async ask(path: string, init: RequestInit, asked: Asked): Promise<JsonAnswer> {
    const answer = await this.balancer.ask(path, init, asked)
    if (answer.text === '') return { ...answer, body: {} }
    const isJson = answer.headers.get('Content-Type')?.startsWith('application/json')
    const body: unknown = isJson ? JSON.parse(answer.text) : undefined
    if (typeof body === 'object' && body !== null) return { ...answer, body: body as Json }
    return this.refuse('An answer that is not JSON.', {
      ...asked,
      path,
      status: answer.status,
      text: answer.text,
    })
  }

  /** Sends a form to an endpoint of OAuth. */
  post(
    path: string,
    form: Record<string, string>,
    asked: Asked & { authorization?: string },
  ): Promise<JsonAnswer> {
    const { authorization } = asked
    const headers = authorization === undefined ? {} : { Authorization: authorization }
    return this.ask(path, { method: 'POST', headers, body: new URLSearchParams(form) }, asked)
  }

  /** Calls the management API as its owner. */
  manage(method: string, path: string, asked: Asked, body?: object): Promise<JsonAnswer> {
    const headers = { Authorization: `Bearer ${ADMIN_TOKEN}`, 'Content-Type': 'application/json' }
    return this.ask(`/api${path}`, { method, headers, body: body ? JSON.stringify(body) : null }, asked)
  }

  /** Keeps an access token that came, and shows it to all. */
  keepAccessToken(body: Json, grant?: Grant): AccessToken {
    const token = String(body['access_token'])
    const { payload } = decodeJwt(token)
    if (grant !== undefined && payload['grant_id'] !== grant.grantId)
      this.refuse('A token of another grant.', { expected: grant.grantId, payload })
    const kept = new AccessToken(token, String(payload['jti']), grant)
    this.ledger.show(kept, this.balancer.random.between(0, 1_000_000))
    if (grant !== undefined) grant.accessTokens = [...grant.accessTokens.slice(-3), kept]
    return kept
  }

  /** Asks a node about a token, and judges what it says. */
  async checkToken(token: AccessToken, node: number): Promise<void> {
    const incarnation = `${node} after ${this.cluster.nodes[node]?.deaths}`
    const before = token.goodness
    const { body, sentAt } = await this.post(
      '/introspect',
      { token: token.token },
      {
        kind: 'introspection',
        allowed: [200],
        node,
        authorization: `Bearer ${this.mcp.key}`,
      },
    )
    const detail = { jti: token.jti, grantId: token.grant?.grantId, node, before }
    if (typeof body['active'] !== 'boolean')
      this.refuse('An introspection says nothing.', { ...detail, body })
    if (body['active'] === false) {
      token.refusedBy.add(incarnation)
      if (before.state === 'live' && token.goodness.state === 'live')
        this.refuse('A good token is not active.', detail)
      return
    }
    if (before.state !== 'ended') return
    const late = sentAt - before.endedAt - A_SECOND_MS
    const wasAway = this.balancer.outages.wasAway('database', sentAt - A_SECOND_MS, performance.now())
    if (late > 0 && !wasAway) this.figures.late.push(Math.round(late))
    const isAlone = this.cluster.nodes[node]?.workers === 1
    if (isAlone && token.refusedBy.has(incarnation))
      this.refuse('A token that was refused is active again.', detail)
    if (late > MAX_STALENESS_MS) this.refuse('A revoked token is active.', { ...detail, late })
  }

  refuse(what: string, detail: Json): never {
    this.figures.report(what, detail)
    throw new Wrong(what)
  }
}
