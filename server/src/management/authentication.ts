import { createHash, timingSafeEqual } from 'node:crypto'
import { findBearerToken } from '../checks/authorization_header.ts'
import { managementResource } from '../checks/resource.ts'
import { MANAGE_SCOPE } from '../checks/scope.ts'
import type { ServerContext } from '../context.ts'
import { OAuthError } from '../errors.ts'
import type { ConnectionInfo } from '../options.ts'
import { checkForgery } from '../sign_in/browser.ts'
import { findSession } from '../sign_in/session.ts'
import { verifyAccessToken } from '../tokens/access_token.ts'

/** Who calls the management API, and for which organisation: an owner or an administrator, or a program for one. */
export interface Manager {
  organizationId: string
  role: 'owner' | 'admin'
  /** Undefined for the admin token. */
  userId: string | undefined
  via: 'admin_token' | 'session' | 'access_token'
}

/** What handlers of the management API find in their Hono context. */
export interface ManagementEnv {
  Bindings: ConnectionInfo
  Variables: { manager: Manager }
}

/**
 * Finds out who calls: the admin token, an access token for the management API (RFC 6750 §2.1), or the console's
 * session, which proves with `X-CSRF-Token` that its page sent what changes something.
 *
 * @throws OAuthError `invalid_token` (401) with the challenge of RFC 9728 §5.1, `insufficient_scope` or
 *   `access_denied` (403), `invalid_request` (400) for two credentials
 */
export async function authenticateManager(context: ServerContext, request: Request): Promise<Manager> {
  const authorization = request.headers.get('Authorization')
  const session = await findSession(context, request)
  if (authorization === null) {
    if (session === undefined)
      refuse(context, 'Sign in to the console, or send a token as Authorization: Bearer.')
    if (!isSafe(request.method))
      checkForgery(context, request, request.headers.get('X-CSRF-Token') ?? undefined)
    return { ...(await checkManager(context, session.user.id)), via: 'session' }
  }
  if (session !== undefined) {
    throw new OAuthError(
      'invalid_request',
      'Send either an Authorization header or the session cookie, not both.',
    )
  }
  const token = findBearerToken(authorization)
  if (token === undefined) refuse(context, 'The Authorization header must be Bearer and one token.')
  if (isAdminToken(context, token)) {
    return { organizationId: 'org_root', role: 'owner', userId: undefined, via: 'admin_token' }
  }
  return { ...(await checkManager(context, await checkAccessToken(context, token))), via: 'access_token' }
}

function isSafe(method: string): boolean {
  return method === 'GET' || method === 'HEAD'
}

function isAdminToken(context: ServerContext, token: string): boolean {
  const { adminToken } = context.settings
  return adminToken !== undefined && timingSafeEqual(sha256(token), sha256(adminToken))
}

function sha256(text: string): Buffer {
  return createHash('sha256').update(text).digest()
}

/** @returns the user that the token stands for */
async function checkAccessToken(context: ServerContext, token: string): Promise<string> {
  // RFC 7519 §3: what has not three parts is no access token of ours, so that the admin token was meant.
  if (token.split('.').length !== 3) {
    refuse(
      context,
      'This is not the admin token: compare it with AUTH_AGENT_ADMIN_TOKEN, with which the server must have been started.',
      { error: 'invalid_token' },
    )
  }
  const claims = await verifyAccessToken(context, token, {
    audience: managementResource(context.issuer.url),
  }).catch((error: unknown) => {
    if (error instanceof OAuthError && error.code === 'invalid_token') {
      return refuse(context, error.description, { error: 'invalid_token', cause: error })
    }
    throw error
  })
  if (claims.cnf !== undefined)
    refuse(context, 'Tokens bound to a key are not taken here.', { error: 'invalid_token' })
  if (!claims.scope.split(' ').includes(MANAGE_SCOPE)) {
    throw new OAuthError('insufficient_scope', `The access token lacks the scope ${MANAGE_SCOPE}.`, {
      headers: { 'WWW-Authenticate': challenge(context, 'error="insufficient_scope", scope="manage", ') },
    })
  }
  return claims.sub
}

/** Checks the role as it is now, not as it was when a session or a token began. */
async function checkManager(context: ServerContext, userId: string): Promise<Omit<Manager, 'via'>> {
  const managed = await context.storage.findManagedOrganization(userId)
  if (managed === undefined || managed.role === 'member') {
    throw new OAuthError(
      'access_denied',
      'Only an owner or an administrator of the organisation may do this.',
      {
        status: 403,
      },
    )
  }
  return { organizationId: managed.organization_id, role: managed.role, userId }
}

function refuse(
  context: ServerContext,
  description: string,
  { error, cause }: { error?: string; cause?: unknown } = {},
): never {
  throw new OAuthError('invalid_token', description, {
    headers: { 'WWW-Authenticate': challenge(context, error === undefined ? '' : `error="${error}", `) },
    cause,
  })
}

/** RFC 6750 §3: without credentials, the challenge has no error. RFC 9728 §5.1 says where the metadata is. */
function challenge(context: ServerContext, error: string): string {
  return `Bearer ${error}resource_metadata="${context.issuer.url}/.well-known/oauth-protected-resource"`
}
