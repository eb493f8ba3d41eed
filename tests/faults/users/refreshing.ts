import type { Grant } from '../ledger.ts'
import type { Random } from '../random.ts'
import type { JsonAnswer, World } from '../world.ts'

/**
 * Refreshes until that is acknowledged, now and then at several nodes at once. Whatever was lost on the way, the
 * successor is the same: a lost response logs nobody out (docs/refresh_tokens.md).
 */
export async function refreshOnce(world: World, random: Random, grant: Grant): Promise<void> {
  // Five generations in a row that are presented twice would be a thief's.
  const isDoubled = grant.racedInRow === 0 && random.isTrue(0.2)
  const nodes = world.balancer.draw().slice(0, isDoubled ? random.between(2, 4) : 1)
  const answers = await Promise.all(
    nodes.map((node) =>
      world.untilClear('refresh', () => present(world, grant, isDoubled ? node : undefined)),
    ),
  )
  const successors = new Set(answers.map(({ result }) => String(result.body['refresh_token'])))
  if (successors.size !== 1)
    world.refuse('A refresh token has several successors.', {
      grantId: grant.grantId,
      count: successors.size,
    })
  const [successor = ''] = successors
  const generation = Number(successor.split('.')[1])
  if (generation !== grant.generation + 1)
    world.refuse('A refresh token has not the next generation.', { grantId: grant.grantId, generation })
  const wasRaced = isDoubled || answers.some(({ unclear }) => unclear > 0)
  grant.racedInRow = wasRaced ? grant.racedInRow + 1 : 0
  grant.generation = generation
  grant.refreshToken = successor
  world.ledger.acknowledge('refresh')
  for (const { result } of answers) world.keepAccessToken(result.body, grant)
}

function present(world: World, grant: Grant, node: number | undefined): Promise<JsonAnswer> {
  const form = { grant_type: 'refresh_token', client_id: grant.clientId, refresh_token: grant.refreshToken }
  const asked = { kind: 'refresh', allowed: [200], ...(node !== undefined && { node }) }
  return world.post('/token', form, asked)
}

/** What has ended is refreshed nowhere. */
export async function checkNotRefreshed(world: World, grant: Grant): Promise<void> {
  const form = { grant_type: 'refresh_token', client_id: grant.clientId, refresh_token: grant.refreshToken }
  const { body } = await world.post('/token', form, { kind: 'refresh of what ended', allowed: [400] })
  if (body['error'] !== 'invalid_grant') world.refuse('A wrong refusal.', { grantId: grant.grantId, body })
}
