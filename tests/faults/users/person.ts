import type { Browser } from '../../support/browser.ts'
import { decodeJwt } from '../../support/forged_jwt.ts'
import { type Code, Grant } from '../ledger.ts'
import type { Random } from '../random.ts'
import type { JsonAnswer, World } from '../world.ts'
import { endOnAccountPage } from './account_page.ts'
import { obtainCode, openBrowser, register, signOut } from './authorization.ts'
import { refreshOnce } from './refreshing.ts'
import { revokeAccessToken, revokeGrant } from './revoking.ts'
import type { MakeUser, VirtualUser } from './virtual_user.ts'

/** A person and the client that he uses: authorizes, refreshes, uses what he got, and ends some of it. */
export const makePerson: MakeUser = async (world, random, number) => {
  const name = `person ${number}`
  const clientName = `Client of ${name}`
  const clientId = await register(world, clientName)
  return new Person(
    world,
    random,
    { name, clientName, clientId },
    openBrowser(world, `203.0.113.${number + 1}`),
  )
}

class Person implements VirtualUser {
  readonly name: string
  readonly clientName: string
  readonly clientId: string
  readonly #grants: Grant[] = []

  readonly world: World
  readonly random: Random
  readonly browser: Browser

  constructor(
    world: World,
    random: Random,
    named: { name: string; clientName: string; clientId: string },
    browser: Browser,
  ) {
    this.world = world
    this.random = random
    this.browser = browser
    this.name = named.name
    this.clientName = named.clientName
    this.clientId = named.clientId
  }

  async round(): Promise<void> {
    const { world, random } = this
    const grant = await this.#authorize()
    if (grant === undefined) return
    this.#grants.push(grant)
    for (let steps = random.between(2, 8); steps > 0; steps -= 1) {
      await refreshOnce(world, random, grant)
      for (const node of world.balancer.draw().slice(0, 2))
        if (grant.accessTokens[0]) await world.checkToken(random.one(grant.accessTokens), node)
    }
    await this.#end(grant)
    const old = random.one(this.#grants)
    if (old.state === 'live') await refreshOnce(world, random, old)
    if (random.isTrue(0.1)) await signOut(world, this.browser)
  }

  /** Exchanges a code, now and then at several nodes at once. Undefined where nothing came that is good. */
  async #authorize(): Promise<Grant | undefined> {
    const { world, clientId } = this
    const { code, verifier } = await obtainCode(world, this)
    const record: Code = { clientId, grantIds: [] }
    world.ledger.codes.push(record)
    const nodes = world.balancer.draw().slice(0, this.random.isTrue(0.25) ? this.random.between(2, 4) : 1)
    const answers = await Promise.all(
      nodes.map((node) =>
        world.untilClear('exchange', () =>
          this.#exchange({ code, verifier }, nodes.length > 1 ? node : undefined),
        ),
      ),
    )
    const accepted = answers.filter(({ result }) => result.status === 200).map(({ result }) => result)
    const isUnclear = answers.some(({ unclear }) => unclear > 0)
    for (const { body } of accepted) record.grantIds.push(grantIdOf(body))
    if (accepted.length > 1) world.refuse('A code was accepted twice.', { grantIds: record.grantIds })
    const [first] = accepted
    if (first === undefined) {
      // Its use was not acknowledged: who asks again is told that it was used, and what came of it is revoked.
      if (!isUnclear)
        world.refuse('A good code was refused.', { answers: answers.map(({ result }) => result.text) })
      return undefined
    }
    const grant = this.#keep(first)
    if (accepted.length === answers.length) return grant
    // RFC 6749 §4.1.2: somebody was told that the code was used before, and so what it issued has ended.
    grant.end()
    grant.ended()
    world.ledger.acknowledge('grant ended by a replay')
    return undefined
  }

  async #exchange(
    { code, verifier }: { code: string; verifier: string },
    node: number | undefined,
  ): Promise<JsonAnswer> {
    const form = {
      grant_type: 'authorization_code',
      client_id: this.clientId,
      code,
      code_verifier: verifier,
    }
    const asked = { kind: 'exchange', allowed: [200, 400], ...(node !== undefined && { node }) }
    const answer = await this.world.post('/token', form, asked)
    const { error, error_description: why } = answer.body
    if (answer.status === 400 && (error !== 'invalid_grant' || !/used before|expired/.test(String(why))))
      this.world.refuse('A code was refused for no good reason.', { error, why })
    return answer
  }

  #keep({ body }: JsonAnswer): Grant {
    const { ledger } = this.world
    const refreshToken = String(body['refresh_token'])
    const family = refreshToken.split('.')[0]?.replace(/^rt_/, '') ?? ''
    const grant = new Grant(grantIdOf(body), family, this.clientId, refreshToken)
    ledger.grants.push(grant)
    ledger.acknowledge('grant')
    this.world.keepAccessToken(body, grant)
    return grant
  }

  async #end(grant: Grant): Promise<void> {
    const draw = this.random.next()
    if (draw < 0.25) await revokeGrant(this.world, grant)
    else if (draw < 0.5) await revokeAccessToken(this.world, this.random, this.random.one(grant.accessTokens))
    else if (draw < 0.6) {
      const grants = this.#grants.filter(({ state }) => state === 'live')
      await endOnAccountPage(this.world, {
        browser: this.browser,
        clientId: this.clientId,
        clientName: this.clientName,
        grants,
      })
    }
  }
}

function grantIdOf(body: Record<string, unknown>): string {
  return String(decodeJwt(String(body['access_token'])).payload['grant_id'])
}
