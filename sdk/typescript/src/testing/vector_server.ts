import type { Platform } from '../platform.ts'
import { type Reply, type ServerState, type VectorCase, writeAnswer } from './vectors.ts'

/** The fake authorization server of the vectors. */
export class VectorServer {
  state: ServerState
  readonly #case: VectorCase
  #asked: Partial<Record<keyof ServerState, number>> = {}

  constructor(vector: VectorCase, state: ServerState) {
    this.#case = vector
    this.state = state
  }

  /** How often each member was asked, since the last time that this was read. */
  takeAsked(): Partial<Record<keyof ServerState, number>> {
    const asked = this.#asked
    this.#asked = {}
    return asked
  }

  readonly fetch: Platform['fetch'] = async (url, init) => {
    const { member, key } = this.#find(url, init)
    this.#asked[member] = (this.#asked[member] ?? 0) + 1
    const reply = this.#isRefused(member, init) ? { status: 401, body: {} } : this.#reply(member, key)
    if (reply === 'unreachable') throw new TypeError('fetch failed')
    const { headers, text } = writeAnswer(reply)
    return new Response(reply.status === 204 ? null : text, { status: reply.status, headers })
  }

  #find(url: string, init: RequestInit): { member: keyof ServerState; key: string } {
    const { auth_server: authServer = 'http://localhost:8787', server_id: serverId } = this.#case.options
    const [path, query = ''] = url.slice(String(authServer).length).split('?')
    if (!url.startsWith(String(authServer))) throw new Error(`Nobody should ask ${url}.`)
    const route = `${init.method ?? 'GET'} ${path}`
    if (route === `GET /.well-known/oauth-protected-resource/${serverId}`)
      return { member: 'resource_metadata', key: '' }
    if (route === 'GET /.well-known/jwks.json') return { member: 'jwks', key: '' }
    const form = new URLSearchParams(typeof init.body === 'string' ? init.body : '')
    if (route === 'POST /introspect') return { member: 'introspection', key: form.get('token') ?? '' }
    if (route !== 'GET /revocations') throw new Error(`Nobody should ask ${route}.`)
    return { member: 'revocations', key: new URLSearchParams(query).get('cursor') ?? '' }
  }

  #isRefused(member: keyof ServerState, init: RequestInit): boolean {
    const authorization = new Headers(init.headers).get('Authorization')
    const isPublic = member === 'resource_metadata' || member === 'jwks'
    return !isPublic && authorization !== `Bearer ${this.#case.options['api_key']}`
  }

  #reply(member: keyof ServerState, key: string): Reply {
    const reply = this.state[member]
    if (isReply(reply)) return reply
    return (Object.hasOwn(reply, key) ? reply[key] : undefined) ?? { status: 404, body: {} }
  }
}

function isReply(reply: Reply | Record<string, Reply>): reply is Reply {
  return typeof reply === 'string' || 'status' in reply
}
