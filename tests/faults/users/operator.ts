import { ManagedKey, ManagedServer } from '../ledger.ts'
import type { Random } from '../random.ts'
import type { World } from '../world.ts'
import type { MakeUser, VirtualUser } from './virtual_user.ts'

/** Registers MCP servers and makes keys for them by the management API, and removes some. */
export const makeOperator: MakeUser = async (world, random, number) => new Operator(world, random, number)

class Operator implements VirtualUser {
  readonly name: string
  #count = 0

  readonly world: World
  readonly random: Random
  readonly number: number

  constructor(world: World, random: Random, number: number) {
    this.world = world
    this.random = random
    this.number = number
    this.name = `operator ${number}`
  }

  async round(): Promise<void> {
    const server = await this.#createServer()
    if (server === undefined) return
    const key = await this.#createKey(server)
    await this.#checkThere(key)
    const draw = this.random.next()
    if (draw < 0.3) await this.#revokeKey(key)
    else if (draw < 0.45) await this.#removeServer(key)
  }

  async #createServer(): Promise<ManagedServer | undefined> {
    const { world } = this
    this.#count += 1
    const server_url = `https://mcp-${this.number}-${this.#count}.example.com/mcp`
    const fields = { server_url, server_name: 'Made under load', scopes: ['files:read'] }
    const { result, unclear } = await world.untilClear('server', () =>
      world.manage('POST', '/servers', { kind: 'server created', allowed: [201, 409] }, fields),
    )
    // An address belongs to one server: an attempt whose answer was lost may have taken it.
    if (result.status === 409 && unclear > 0) return undefined
    if (result.status === 409) world.refuse('An address was taken that nobody took.', { server_url })
    const server = new ManagedServer(String(result.body['server_id']), server_url)
    world.ledger.servers.push(server)
    world.ledger.acknowledge('server')
    return server
  }

  async #createKey(server: ManagedServer): Promise<ManagedKey> {
    const { world } = this
    const path = `/servers/${server.id}/keys`
    const { result } = await world.untilClear('key', () =>
      world.manage('POST', path, { kind: 'key created', allowed: [201] }, { name: 'made under load' }),
    )
    const key = new ManagedKey(String(result.body['key_id']), String(result.body['key_secret']), server)
    world.ledger.keys.push(key)
    world.ledger.acknowledge('key')
    return key
  }

  /** Acknowledged is there, on every node. */
  async #checkThere(key: ManagedKey): Promise<void> {
    for (const node of this.world.balancer.draw()) await checkKey(this.world, key, node)
  }

  async #revokeKey(key: ManagedKey): Promise<void> {
    key.end()
    const path = `/servers/${key.server.id}/keys/${key.id}`
    await this.world.untilClear('key', () =>
      this.world.manage('DELETE', path, { kind: 'key revoked', allowed: [204] }),
    )
    key.ended()
    this.world.ledger.acknowledge('key revoked')
  }

  async #removeServer(key: ManagedKey): Promise<void> {
    for (const one of [key.server, key]) one.end()
    const { result, unclear } = await this.world.untilClear('server', () =>
      this.world.manage('DELETE', `/servers/${key.server.id}`, {
        kind: 'server removed',
        allowed: [204, 404],
      }),
    )
    if (result.status === 404 && unclear === 0)
      this.world.refuse('A server is not there.', { id: key.server.id })
    for (const one of [key.server, key]) one.ended()
    this.world.ledger.acknowledge('server removed')
  }
}

/** A node knows a key that is good: it answers, and says nothing of a token that is for nobody. */
export async function checkKey(world: World, key: ManagedKey, node: number): Promise<void> {
  const { body } = await world.post(
    '/introspect',
    { token: 'no token' },
    {
      kind: 'introspection by a new key',
      allowed: [200],
      node,
      authorization: `Bearer ${key.secret}`,
    },
  )
  if (body['active'] !== false) world.refuse('What is no token is active.', { body })
}
