import { timingSafeEqual } from 'node:crypto'
import { LRUCache } from 'lru-cache'
import { type ApiKey, parseApiKey } from '../checks/api_key.ts'
import { findBasicCredentials, findBearerToken } from '../checks/authorization_header.ts'
import type { ServerContext } from '../context.ts'
import { OAuthError } from '../errors.ts'
import { DatabaseUnavailable } from '../storage/database.ts'
import type { AuthenticatingKey } from '../storage/mcp_server_keys.ts'

interface FoundKey {
  readonly key: AuthenticatingKey
  readonly foundAt: number
  /** Its secret, once somebody has presented it and its MAC was right. */
  proven?: Uint8Array
}

/** At the most as many keys as this are remembered; the one used longest ago makes room. */
const CACHED_KEYS = 1000
/** Milliseconds. A revoked key is known by its denial at once; a server's new address by this. */
const FRESH_FOR = 5_000
/** Milliseconds. While the database is away no key is revoked and no address changes, as far as anybody can tell. */
const USABLE_FOR = 30_000

/** Keys that were found, each context's own. What was not found is not kept. */
const keyCaches = new WeakMap<ServerContext, LRUCache<string, FoundKey>>()

export type { ApiKey } from '../checks/api_key.ts'

/** The API key of an MCP server that a request bears; undefined where it bears the credentials of a client, or none. */
export function findApiKey(request: Request): ApiKey | undefined {
  return findCredentials(request.headers.get('Authorization'))?.apiKey
}

/** Whether a request bears the API key of an MCP server, not the credentials of a client. */
export function isServerRequest(request: Request): boolean {
  return findApiKey(request) !== undefined
}

/**
 * Authenticates an MCP server by its API key: `Authorization: Bearer sk_…`, or HTTP Basic with the server's id and
 * the key (RFC 7662 §2.1, RFC 6749 §2.3.1). Throws or rejects with an OAuthError `invalid_client`, 401 with `WWW-Authenticate`.
 *
 * @returns the key, with the address of its server: the audience of every token that it may ask about; a promise where the
 * database is asked
 */
export function authenticateServer(
  context: ServerContext,
  request: Request,
): AuthenticatingKey | Promise<AuthenticatingKey> {
  const authorization = request.headers.get('Authorization')
  const scheme = /^basic /i.test(authorization ?? '') ? 'Basic' : 'Bearer'
  const credentials = findCredentials(authorization)
  if (credentials === undefined)
    refuse(scheme, "Authenticate with the MCP server's API key, as a Bearer token.")
  const presented = { ...credentials, scheme } as const
  const found = findKey(context, credentials.apiKey.keyId)
  return found instanceof Promise
    ? found.then((key) => checkKey(context, presented, key))
    : checkKey(context, presented, found)
}

interface Presented {
  serverId?: string
  apiKey: ApiKey
  scheme: 'Basic' | 'Bearer'
}

function checkKey(
  context: ServerContext,
  presented: Presented,
  found: FoundKey | undefined,
): AuthenticatingKey | Promise<AuthenticatingKey> {
  if (found === undefined || !isGenuine(context, presented.apiKey.secret, found))
    refuse(presented.scheme, 'This API key does not exist, or its server was removed.')
  const reading = context.denials.refresh()
  return reading === undefined
    ? checkStanding(context, presented, found.key)
    : reading.then(() => checkStanding(context, presented, found.key))
}

/** Its MAC is made once; then the secret itself is compared, which takes a fifth of the time. */
function isGenuine({ purposeKeys }: ServerContext, secret: string, found: FoundKey): boolean {
  const presented = Buffer.from(secret, 'latin1')
  if (found.proven !== undefined && timingSafeEqual(found.proven, presented)) return true
  if (!purposeKeys.isMac('digest', secret, found.key.secret_digest)) return false
  // A copy: a small buffer is a part of a larger one, which would be kept with it.
  found.proven = Uint8Array.from(presented)
  return true
}

function checkStanding(
  context: ServerContext,
  { serverId, scheme }: Presented,
  key: AuthenticatingKey,
): AuthenticatingKey {
  if (key.revoked_at !== null || context.denials.isKeyDenied(key.id))
    refuse(scheme, 'This API key was revoked.')
  if (key.expires_at !== null && key.expires_at.getTime() <= context.now())
    refuse(scheme, 'This API key has expired.')
  if (serverId !== undefined && serverId !== key.server_id)
    refuse(scheme, 'This API key belongs to another MCP server.')
  return key
}

function findCredentials(authorization: string | null): { serverId?: string; apiKey: ApiKey } | undefined {
  const basic = findBasicCredentials(authorization)
  const apiKey = parseApiKey(basic?.password ?? findBearerToken(authorization) ?? '')
  if (apiKey === undefined) return undefined
  return basic === undefined ? { apiKey } : { apiKey, serverId: basic.username }
}

function findKey(context: ServerContext, keyId: string): FoundKey | Promise<FoundKey | undefined> {
  const cache = keyCaches.get(context) ?? createKeyCache(context)
  const known = cache.get(keyId)
  const isFresh = known !== undefined && context.now() - known.foundAt < FRESH_FOR
  return isFresh ? known : readKey(context, keyId, cache)
}

async function readKey(
  context: ServerContext,
  keyId: string,
  cache: LRUCache<string, FoundKey>,
): Promise<FoundKey | undefined> {
  try {
    const key = await context.storage.findServerKey(keyId)
    if (key === undefined) {
      cache.delete(keyId)
      return undefined
    }
    const found = { key, foundAt: context.now() }
    cache.set(keyId, found)
    return found
  } catch (error) {
    const known = cache.get(keyId)
    if (error instanceof DatabaseUnavailable && known !== undefined) return known
    throw error
  }
}

function createKeyCache(context: ServerContext): LRUCache<string, FoundKey> {
  const cache = new LRUCache<string, FoundKey>({
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
