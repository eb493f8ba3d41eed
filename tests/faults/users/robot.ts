import { generateKeyPairSync, type KeyObject, randomUUID } from 'node:crypto'
import { signJwt } from '../../support/forged_jwt.ts'
import type { Random } from '../random.ts'
import type { World } from '../world.ts'
import { revokeAccessToken } from './revoking.ts'
import type { MakeUser, VirtualUser } from './virtual_user.ts'

/** A client in its own name, by a secret and by assertions that may be presented once. */
export const makeRobot: MakeUser = async (world, random, number) => {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const register = async (metadata: object) => {
    const { result } = await world.untilClear('client', () =>
      world.manage(
        'POST',
        '/clients',
        { kind: 'client created', allowed: [201] },
        {
          client_name: `Robot ${number}`,
          grant_types: ['client_credentials'],
          servers: [{ server_id: world.mcp.server_id, scopes: ['files:read'] }],
          ...metadata,
        },
      ),
    )
    world.ledger.acknowledge('client')
    return result.body
  }
  const bySecret = await register({ token_endpoint_auth_method: 'client_secret_post' })
  const byKey = await register({
    token_endpoint_auth_method: 'private_key_jwt',
    jwks: { keys: [{ ...publicKey.export({ format: 'jwk' }), kid: 'a-key', use: 'sig' }] },
  })
  const secret = {
    client_id: String(bySecret['client_id']),
    client_secret: String(bySecret['client_secret']),
  }
  const key = { clientId: String(byKey['client_id']), privateKey }
  return new Robot(world, random, number, secret, key)
}

class Robot implements VirtualUser {
  readonly name: string

  readonly world: World
  readonly random: Random
  readonly secret: Record<string, string>
  readonly key: { clientId: string; privateKey: KeyObject }

  constructor(
    world: World,
    random: Random,
    number: number,
    secret: Record<string, string>,
    key: { clientId: string; privateKey: KeyObject },
  ) {
    this.world = world
    this.random = random
    this.secret = secret
    this.key = key
    this.name = `robot ${number}`
  }

  async round(): Promise<void> {
    await (this.random.isTrue(0.5) ? this.#useSecret() : this.#useAssertion())
  }

  async #useSecret(): Promise<void> {
    const { world, random } = this
    const form = { grant_type: 'client_credentials', ...this.secret }
    const { result } = await world.untilClear('client credentials', () =>
      world.post('/token', form, { kind: 'client credentials', allowed: [200] }),
    )
    const token = world.keepAccessToken(result.body)
    for (const node of world.balancer.draw()) await world.checkToken(token, node)
    if (random.isTrue(0.3)) await revokeAccessToken(world, random, token, this.secret)
  }

  /** The same at several nodes at once: one accepts it at the most (RFC 7523 §3). */
  async #useAssertion(): Promise<void> {
    const { world } = this
    const form = {
      grant_type: 'client_credentials',
      client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
      client_assertion: this.#signAssertion(),
    }
    const asked = { kind: 'client assertion', allowed: [200, 401] }
    const nodes = world.balancer.draw().slice(0, this.random.between(1, 4))
    const answers = await Promise.all(
      nodes.map((node) =>
        world.untilClear('assertion', () => world.post('/token', form, { ...asked, node })),
      ),
    )
    const accepted = answers.filter(({ result }) => result.status === 200)
    world.ledger.assertions.push(accepted.length)
    if (accepted.length > 1) world.refuse('An assertion was accepted twice.', { nodes })
    if (accepted.length === 0 && answers.every(({ unclear }) => unclear === 0))
      world.refuse('A good assertion was refused.', { answers: answers.map(({ result }) => result.text) })
  }

  #signAssertion(): string {
    const { clientId, privateKey } = this.key
    const now = Math.floor(Date.now() / 1000)
    return signJwt(
      { alg: 'ES256', kid: 'a-key', typ: 'JWT' },
      {
        iss: clientId,
        sub: clientId,
        aud: this.world.balancer.issuer,
        jti: randomUUID(),
        iat: now,
        exp: now + 300,
      },
      privateKey,
    )
  }
}
