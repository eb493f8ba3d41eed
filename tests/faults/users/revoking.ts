import type { AccessToken, Grant } from '../ledger.ts'
import type { Random } from '../random.ts'
import type { World } from '../world.ts'
import { checkNotRefreshed } from './refreshing.ts'

/** Revokes a refresh token, and with it the grant (RFC 7009 §2.1). */
export async function revokeGrant(world: World, grant: Grant): Promise<void> {
  grant.end()
  const form = { token: grant.refreshToken, client_id: grant.clientId }
  await world.untilClear('revocation', () =>
    world.post('/revoke', form, { kind: 'revocation of a grant', allowed: [200] }),
  )
  grant.ended()
  world.ledger.acknowledge('grant revoked')
  await checkNotRefreshed(world, grant)
}

/** Revokes an access token alone, as its client or as its MCP server. The grant goes on. */
export async function revokeAccessToken(
  world: World,
  random: Random,
  token: AccessToken,
  client: Record<string, string> = { client_id: token.grant?.clientId ?? '' },
): Promise<void> {
  token.end()
  const asked = { kind: 'revocation of a token', allowed: [200] }
  const isByServer = random.isTrue(0.5)
  await world.untilClear('revocation', () =>
    isByServer
      ? world.post('/revoke', { token: token.token }, { ...asked, authorization: `Bearer ${world.mcp.key}` })
      : world.post('/revoke', { token: token.token, ...client }, asked),
  )
  token.ended()
  world.ledger.revokedTokens.push(token)
  world.ledger.acknowledge('access token revoked')
}
