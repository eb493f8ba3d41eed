import { LRUCache } from 'lru-cache'
import { type ApiKey, parseApiKey } from '../checks/api_key.ts'
import { findBasicCredentials, findBearerToken } from '../checks/authorization_header.ts'
import type { ServerContext } from '../context.ts'
import { OAuthError } from '../errors.ts'
import { DatabaseUnavailable } from '../storage/database.ts'
import type { AuthenticatingKey } from '../storage/mcp_server_keys.ts'

interface CachedKey {
  key: AuthenticatingKey
  foundAt: number
}

/** At the most as many keys as this are remembered; the one used longest ago makes room. */
const CACHED_KEYS = 1000
/** Milliseconds. A revoked key is known by its denial at once; a server's new address by this. */
const FRESH_FOR = 5_000
/** Milliseconds. While the database is away no key is revoked and no address changes, as far as anybody can tell. */
const USABLE_FOR = 30_000

/** Keys that were found, each context's own. What was not found is not kept. */
const keyCaches = new WeakMap<ServerContext, LRUCache<string, CachedKey>>()

/** Whether a request bears the API key of an MCP server, not the credentials of a client. */
export function isServerRequest(request: Request): boolean {
  return findCredentials(request.headers.get('Authorization')) !== undefined
}

/**
 * Authenticates an MCP server by its API key: `Authorization: Bearer sk_…`, or HTTP Basic with the server's id and
 * the key (RFC 7662 §2.1, RFC 6749 §2.3.1).
 *
 * @returns the key, with the address of its server: the audience of every token that it may ask about
 * @throws OAuthError `invalid_client`, 401 with `WWW-Authenticate`
 */
export async function authenticateServer(
  context: ServerContext,
  request: Request,
): Promise<AuthenticatingKey> {
  const authorization = request.headers.get('Authorization')
  const scheme = /^basic /i.test(authorization ?? '') ? 'Basic' : 'Bearer'
  const credentials = findCredentials(authorization)
  if (credentials === undefined)
    refuse(scheme, "Authenticate with the MCP server's API key, as a Bearer token.")
  const key = await findKey(context, credentials.apiKey.keyId)
  const isGenuine =
    key !== undefined && context.purposeKeys.isMac('digest', credentials.apiKey.secret, key.secret_digest)
  if (!isGenuine) refuse(scheme, 'This API key does not exist, or its server was removed.')
  await context.denials.refresh()
  if (key.revoked_at !== null || context.denials.isKeyDenied(key.id))
    refuse(scheme, 'This API key was revoked.')
  if (key.expires_at !== null && key.expires_at.getTime() <= context.now())
    refuse(scheme, 'This API key has expired.')
  if (credentials.serverId !== undefined && credentials.serverId !== key.server_id) {
    refuse(scheme, 'This API key belongs to another MCP server.')
  }
  return key
}

function findCredentials(authorization: string | null): { serverId?: string; apiKey: ApiKey } | undefined {
  const basic = findBasicCredentials(authorization)
  const apiKey = parseApiKey(basic?.password ?? findBearerToken(authorization) ?? '')
  if (apiKey === undefined) return undefined
  return basic === undefined ? { apiKey } : { apiKey, serverId: basic.username }
}

function findKey(
  context: ServerContext,
  keyId: string,
): AuthenticatingKey | Promise<AuthenticatingKey | undefined> {
  const cache = keyCaches.get(context) ?? createKeyCache(context)
  const cached = cache.get(keyId)
  const isFresh = cached !== undefined && context.now() - cached.foundAt < FRESH_FOR
  return isFresh ? cached.key : readKey(context, keyId, cache)
}

async function readKey(
  context: ServerContext,
  keyId: string,
  cache: LRUCache<string, CachedKey>,
): Promise<AuthenticatingKey | undefined> {
  const cached = cache.get(keyId)
  try {
    const key = await context.storage.findServerKey(keyId)
    if (key === undefined) cache.delete(keyId)
    else cache.set(keyId, { key, foundAt: context.now() })
    return key
  } catch (error) {
    if (error instanceof DatabaseUnavailable && cached !== undefined) return cached.key
    throw error
  }
}

function createKeyCache(context: ServerContext): LRUCache<string, CachedKey> {
  const cache = new LRUCache<string, CachedKey>({
    max: CACHED_KEYS,
    ttl: USABLE_FOR,
    ttlResolution: 0,
    perf: { now: () => context.now() },
  })
  keyCaches.set(context, cache)
  return cache
}

function refuse(scheme: 'Basic' | 'Bearer', description: string): never {
  const challenge = scheme === 'Basic' ? 'Basic realm="introspection", charset="UTF-8"' : 'Bearer'
  throw new OAuthError('invalid_client', description, { headers: { 'WWW-Authenticate': challenge } })
}
