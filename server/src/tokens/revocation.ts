import type { ServerContext } from '../context.ts'
import { MAX_ACCESS_TOKEN_TTL, MAX_LEEWAY } from '../options.ts'
import type { DenialRow } from '../storage/denials.ts'
import type { RevokedGrant } from '../storage/tokens.ts'

/** Why access ended; stored with the grant and in the audit log. */
export type RevocationReason =
  | 'theft'
  | 'code_replay'
  | 'client_request'
  | 'user_request'
  | 'password_reset'
  | 'access_policy'
  | 'client_policy'
  | 'client_removed'
  | 'server_removed'

/** How far the clocks of two nodes may be apart, in milliseconds: what is removed for good is denied for as long after. */
const MAX_CLOCK_SKEW = 5_000

/** Ends one authorization of the account page: what the person approved for a client at a server, and every grant of it. */
export async function endAuthorization(
  context: ServerContext,
  { userId, authorizationId }: { userId: string; authorizationId: string },
): Promise<boolean> {
  const now = new Date(context.now())
  const ended = await context.storage.transaction(async (tables) => {
    const removed = await tables.removeUserAuthorization(userId, authorizationId)
    if (removed === undefined) return undefined
    const of = { user_id: userId, client_digest: removed.client_digest, server_id: removed.server_id }
    await tables.voidPendingCodes(of, now)
    return { ...removed, grants: await tables.revokeGrantsOfAuthorization(of, 'user_request', now) }
  })
  if (ended === undefined) return false
  learnRevoked(context, 'user_request', ended.grants)
  await context.audit.record({
    type: 'authorization.revoked',
    organization_id: ended.organization_id,
    user_id: userId,
    server_id: ended.server_id ?? undefined,
    detail: { grants: ended.grants.length },
  })
  return true
}

/** Ends the grant that a refresh token belongs to, for the client that holds it (RFC 7009 §2.1). */
export function endFamily(context: ServerContext, family: string, clientDigest: Buffer): Promise<number> {
  return endGrants(context, 'client_request', (reason, now) =>
    context.storage.revokeFamily(family, clientDigest, reason, now),
  )
}

/** Ends one grant. */
export function endGrant(context: ServerContext, grantId: string, reason: RevocationReason): Promise<number> {
  return endGrants(context, reason, (reason, now) => context.storage.revokeGrant(grantId, reason, now))
}

/** Ends every grant of a person. */
export async function endAllOfUser(
  context: ServerContext,
  userId: string,
  reason: RevocationReason,
): Promise<void> {
  await endGrants(context, reason, (reason, now) => context.storage.revokeGrantsOfUser(userId, reason, now))
}

/** Ends every grant of a client that is removed, and the tokens that it got in its own name. */
export async function endAllOfClient(context: ServerContext, client: NamedClient): Promise<void> {
  await endGrants(context, 'client_removed', (reason, now) =>
    context.storage.revokeGrantsOfClient(client.digest, reason, now),
  )
  await denyClient(context, client, context.now() + MAX_CLOCK_SKEW)
}

/**
 * Ends the access tokens of a client that is there, after less was left to it: it asks for new ones, and gets what it may
 * have now. Grants of people go on, by their refresh tokens.
 */
export function endTokensOfClient(context: ServerContext, client: NamedClient): Promise<void> {
  return denyClient(context, client, context.now())
}

/** A client as its denials and its grants name it. */
export interface NamedClient {
  organizationId: string
  clientId: string
  digest: Buffer
}

function denyClient(context: ServerContext, client: NamedClient, cutoff: number): Promise<void> {
  return deny(context, {
    organization_id: client.organizationId,
    kind: 'client',
    subject: client.clientId,
    server_id: null,
    cutoff: new Date(cutoff),
    expires_at: lastExpiry(context),
  })
}

/** Ends every token for a server. */
export async function endAllOfServer(
  context: ServerContext,
  server: { id: string; organization_id: string; server_url: string },
): Promise<void> {
  await endGrants(context, 'server_removed', (reason, now) =>
    context.storage.revokeGrantsOfServer(server.id, reason, now),
  )
  await deny(context, {
    organization_id: server.organization_id,
    kind: 'server',
    subject: server.server_url,
    server_id: server.id,
    cutoff: new Date(context.now() + MAX_CLOCK_SKEW),
    expires_at: lastExpiry(context),
  })
}

/** Ends what a server's access policy does not allow any more, after the policy or the members have changed. */
export function endDisallowed(context: ServerContext, serverId: string): Promise<number> {
  return endGrants(context, 'access_policy', (reason, now) =>
    context.storage.revokeDisallowedGrants(serverId, reason, now),
  )
}

/** Ends the grants of clients that an organisation does not let in any more, after its policy has changed. */
export function endNotAdmitted(context: ServerContext, organizationId: string): Promise<number> {
  return endGrants(context, 'client_policy', (reason, now) =>
    context.storage.revokeGrantsNotAdmitted(organizationId, reason, now),
  )
}

/** Ends an API key on every node. */
export function endKey(
  context: ServerContext,
  key: { keyId: string; organizationId: string; serverId: string },
): Promise<void> {
  return deny(context, {
    organization_id: key.organizationId,
    kind: 'key',
    subject: key.keyId,
    server_id: key.serverId,
    cutoff: new Date(context.now()),
    // Nodes keep what they looked up about a key until they hear of this; a day outlasts any of them.
    expires_at: new Date(context.now() + 86_400_000),
  })
}

/** Records a denial and honours it on this node at once. */
export async function deny(context: ServerContext, denial: DenialRow): Promise<void> {
  await context.storage.recordDenial(denial, new Date(context.now()))
  context.denials.learn([denial])
  context.telemetry.denialRecorded(denial.kind)
}

async function endGrants(
  context: ServerContext,
  reason: RevocationReason,
  revoke: (reason: RevocationReason, now: Date) => Promise<RevokedGrant[]>,
): Promise<number> {
  const grants = await revoke(reason, new Date(context.now()))
  learnRevoked(context, reason, grants)
  if (grants[0] !== undefined) {
    const organization_id = grants[0].organization_id
    await context.audit.record({
      type: 'grants.revoked',
      organization_id,
      detail: { reason, grants: grants.length },
    })
  }
  return grants.length
}

/** The statement that revoked the grants recorded their denials; this node need not wait to read them. */
export function learnRevoked(
  context: ServerContext,
  reason: RevocationReason,
  grants: readonly RevokedGrant[],
): void {
  context.telemetry.grantsRevoked(reason, grants.length)
  context.denials.learn(
    grants.map((grant) => ({
      organization_id: grant.organization_id,
      kind: 'grant',
      subject: grant.grant_id,
      server_id: grant.server_id,
      cutoff: null,
      expires_at: new Date(grant.access_expires_at.getTime() + MAX_LEEWAY * 1000),
    })),
  )
}

/** When the last token issued until now has expired everywhere, whatever the lifetime was when it was issued. */
function lastExpiry(context: ServerContext): Date {
  return new Date(context.now() + (MAX_ACCESS_TOKEN_TTL + MAX_LEEWAY) * 1000)
}
