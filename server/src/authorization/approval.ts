import { redirectOrigin } from '../checks/redirect_uri.ts'
import { metadataDigest } from '../clients/metadata.ts'
import type { ServerContext } from '../context.ts'
import { newId, newSecret } from '../random.ts'
import type { Session } from '../sign_in/session.ts'
import type { AuditEvent } from '../storage/audit_events.ts'
import type { AuthCode } from '../storage/auth_codes.ts'
import type { AnsweredAuthRequest } from '../storage/auth_requests.ts'
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

/** What a person approved before for this client and server. */
export function findApprovedBefore(
  { storage }: ServerContext,
  asked: Pick<Approval, 'client' | 'server'>,
  { user }: Session,
): Promise<readonly UserAuthorization[]> {
  const server_id = asked.server?.id ?? null
  return storage.findUserAuthorizations({ user_id: user.id, client_digest: asked.client.digest, server_id })
}

/** RFC 6749 §4.1.2 recommends ten minutes at the most; a redirect takes seconds. */
const CODE_TTL = 60_000

/**
 * Remembers what the person approved, and makes the code for it, together: where that fails, the page can be sent again. A client
 * that is not registered gets its row now, when somebody grants something to it for the first time.
 *
 * @returns the authorization code, or undefined where the page was answered already, or what it is about has changed
 */
export async function approve(
  context: ServerContext,
  request: AnsweredAuthRequest,
  approval: Approval,
): Promise<string | undefined> {
  const { digest, clientId, organizationId, source, metadata } = approval.client
  const code = newSecret()
  const event = approvedEvent(approval)
  const isFirst = await context.storage.recordApproval(
    {
      request,
      client: {
        digest,
        client_id: clientId,
        organization_id: organizationId,
        source,
        metadata,
        secret_digest: null,
      },
      authorization: rememberedAuthorization(approval),
      code: authCode(context, approval, code),
      event,
    },
    new Date(context.now()),
  )
  if (!isFirst) return undefined
  context.audit.log(event)
  return code
}

/**
 * Makes a code for what the person approved before, silently. It changes nothing of what is remembered, so that what is
 * revoked at this moment stays revoked.
 *
 * @returns undefined where it is not remembered any more
 */
export async function approveAgain(
  context: ServerContext,
  approval: Approval,
  remembered: UserAuthorization,
): Promise<string | undefined> {
  const code = newSecret()
  const event = approvedEvent(approval)
  const isStillThere = await context.storage.recordRepeatedApproval(
    remembered.id,
    { code: authCode(context, approval, code), event },
    new Date(context.now()),
  )
  if (!isStillThere) return undefined
  context.audit.log(event)
  return code
}

function authCode(context: ServerContext, approval: Approval, code: string): AuthCode {
  const { client, server, session } = approval
  return {
    digest: context.purposeKeys.mac('digest', code),
    organization_id: organizationOf(approval),
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
  }
}

/** Whose the grant is: the server's organisation, or that of the client where only identity is asked for. */
export function organizationOf({ server, client }: Pick<Approval, 'server' | 'client'>): string {
  return server?.organization_id ?? client.organizationId
}

function approvedEvent(approval: Approval): AuditEvent {
  return {
    type: 'authorization.approved',
    organization_id: organizationOf(approval),
    user_id: approval.session.user.id,
    client_id: approval.client.clientId,
    server_id: approval.server?.id,
    detail: { scopes: approval.approved },
  }
}

/**
 * What is remembered: what was approved before and not asked about now, and what is approved now. Where the
 * client's metadata has changed, only the latter.
 */
function rememberedAuthorization(approval: Approval): UserAuthorization {
  const origin = redirectOrigin(approval.redirectUri)
  const digest = metadataDigest(approval.client.metadata)
  const before = approval.known.find(
    (known) => known.redirect_origin === origin && known.metadata_digest.equals(digest),
  )
  const kept = before?.scopes.filter((scope) => !approval.scopes.includes(scope)) ?? []
  return {
    id: newId('aut_'),
    organization_id: organizationOf(approval),
    user_id: approval.session.user.id,
    client_digest: approval.client.digest,
    server_id: approval.server?.id ?? null,
    redirect_origin: origin,
    metadata_digest: digest,
    scopes: [...kept, ...approval.approved],
    identity: approval.server?.identity ?? [],
  }
}
