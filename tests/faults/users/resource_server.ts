import type { MakeUser } from './virtual_user.ts'

/** An MCP server that asks about tokens, whoever holds them: good ones and revoked ones, at any node. */
export const makeResourceServer: MakeUser = async (world, random, number) => ({
  name: `resource server ${number}`,
  async round() {
    if (world.ledger.shown.length === 0) return
    const token = random.one(world.ledger.shown)
    for (const node of world.balancer.draw()) await world.checkToken(token, node)
  },
})
