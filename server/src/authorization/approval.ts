import { redirectOrigin } from '../checks/redirect_uri.ts'
import { metadataDigest } from '../clients/metadata.ts'
import type { ServerContext } from '../context.ts'
import { newId, newSecret } from '../random.ts'
import type { Session } from '../sign_in/session.ts'
import type { UserAuthorization } from '../storage/user_authorizations.ts'
import type { AuthorizationRequest } from './authorization_request.ts'

/** A request, and what a person approved of it. */
export interface Approval extends Omit<AuthorizationRequest, 'prompt' | 'maxAge' | 'idTokenHint'> {
  session: Session
  /** A part of the scopes that were asked for. */
  approved: readonly string[]
  /** What the person approved before for this client and server. */
  known: readonly UserAuthorization[]
}

/** RFC 6749 §4.1.2 recommends ten minutes at the most; a redirect takes seconds. */
const CODE_TTL = 60_000

/**
 * Remembers the approval and makes the code for it, together. The client gets its row now, when somebody grants
 * something to it for the first time.
 *
 * @returns the authorization code
 */
export async function approve(context: ServerContext, approval: Approval): Promise<string> {
  const { client, server, session } = approval
  const now = new Date(context.now())
  const code = newSecret()
  const organizationId = server?.organization_id ?? client.organizationId
  await context.storage.transaction(async (tables) => {
    if (client.source !== 'registered') {
      const { clientId, digest, source, metadata } = client
      const organization_id = client.organizationId
      await tables.storeClient(
        { digest, client_id: clientId, organization_id, source, metadata, secret_digest: null },
        now,
      )
    }
    await tables.storeUserAuthorization(rememberedAuthorization(approval, organizationId), now)
    await tables.storeCode(
      {
        digest: context.purposeKeys.mac('digest', code),
        organization_id: organizationId,
        client_digest: client.digest,
        user_id: session.user.id,
        server_id: server?.id ?? null,
        session_id: session.id,
        grant_id: newId('grt_'),
        resource: approval.resource,
        redirect_uri: approval.redirectUri,
        scopes: approval.approved,
        identity: server?.identity ?? [],
        nonce: approval.nonce ?? null,
        code_challenge: approval.codeChallenge,
        dpop_jkt: null,
        auth_time: session.authTime,
        expires_at: new Date(context.now() + CODE_TTL),
      },
      now,
    )
  })
  await context.audit.record({
    type: 'authorization.approved',
    organization_id: organizationId,
    user_id: session.user.id,
    client_id: client.clientId,
    server_id: server?.id,
    detail: { scopes: approval.approved },
  })
  return code
}

/**
 * What is remembered: what was approved before and not asked about now, and what is approved now. Where the
 * client's metadata has changed, only the latter.
 */
function rememberedAuthorization(approval: Approval, organizationId: string): UserAuthorization {
  const origin = redirectOrigin(approval.redirectUri)
  const digest = metadataDigest(approval.client.metadata)
  const before = approval.known.find(
    (known) => known.redirect_origin === origin && known.metadata_digest.equals(digest),
  )
  const kept = before?.scopes.filter((scope) => !approval.scopes.includes(scope)) ?? []
  return {
    id: newId('aut_'),
    organization_id: organizationId,
    user_id: approval.session.user.id,
    client_digest: approval.client.digest,
    server_id: approval.server?.id ?? null,
    redirect_origin: origin,
    metadata_digest: digest,
    scopes: [...kept, ...approval.approved],
    identity: approval.server?.identity ?? [],
  }
}
