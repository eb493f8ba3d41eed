import {
  DEFAULT_AUTH_SERVER,
  DEFAULT_MAX_BODY_SIZE,
  DEFAULT_MAX_STALENESS,
  type ProtectOptions,
  type Settings,
} from './options.ts'
import { isScope } from './scopes.ts'

const LOOPBACK = ['localhost', '127.0.0.1', '[::1]']
/** RFC 3986 §2, without a fragment. */
const URI = /^https?:\/\/(?![/?])(?:[\w\-.~:/?[\]@!$&'()*+,;=]|%[0-9a-f]{2})+$/i
const ORIGIN = /^[a-z][a-z0-9+.-]*:\/\/[^/?#\s*]+$/

const NAMES: Readonly<Record<keyof ProtectOptions, true>> = {
  serverId: true,
  apiKey: true,
  authServer: true,
  resource: true,
  requiredScopes: true,
  toolScopes: true,
  scopeHierarchy: true,
  filterTools: true,
  publicPaths: true,
  validation: true,
  maxStaleness: true,
  allowedOrigins: true,
  maxBodySize: true,
  scopesSupported: true,
  resourceName: true,
}

/**
 * Checks options when they are set, so that a mistake ends the start and not a request.
 *
 * @throws TypeError with a sentence that says which option, why, and what would do; never a secret
 */
export function checkOptions(options: ProtectOptions): Settings {
  const unknown = Object.keys(options).find((name) => !Object.hasOwn(NAMES, name))
  if (unknown !== undefined) refuse(unknown, `is not an option. There are ${Object.keys(NAMES).join(', ')}`)
  const { serverId, apiKey, authServer = DEFAULT_AUTH_SERVER, resource, resourceName } = options
  checkServerId(serverId)
  checkApiKey(apiKey)
  checkAuthServer(authServer)
  if (resource !== undefined) checkResource(resource)
  const { filterTools = false, toolScopes } = options
  if (typeof filterTools !== 'boolean') refuse('filterTools', 'must be true or false')
  if (filterTools && toolScopes === undefined) {
    refuse('filterTools', 'needs toolScopes, which says what each tool needs: give both or neither')
  }
  if (resourceName !== undefined && (typeof resourceName !== 'string' || resourceName.trim() === '')) {
    refuse('resourceName', 'must be a name for people, such as Files')
  }
  return {
    serverId,
    apiKey,
    authServer,
    resource,
    requiredScopes: checkScopes('requiredScopes', options.requiredScopes ?? []),
    toolScopes: toolScopes && new Map(Object.entries(checkTable('toolScopes', toolScopes))),
    scopeHierarchy: checkHierarchy(options.scopeHierarchy ?? {}),
    filterTools,
    publicPaths: checkPublicPaths(options.publicPaths ?? []),
    validation: checkValidation(options.validation ?? 'introspect'),
    maxStaleness: checkMaxStaleness(options.maxStaleness ?? DEFAULT_MAX_STALENESS),
    allowedOrigins: checkOrigins(options.allowedOrigins ?? '*'),
    maxBodySize: checkMaxBodySize(options.maxBodySize ?? DEFAULT_MAX_BODY_SIZE),
    scopesSupported: options.scopesSupported && checkScopes('scopesSupported', options.scopesSupported),
    resourceName,
  }
}

export function checkServerId(serverId: unknown): asserts serverId is string {
  if (typeof serverId !== 'string' || !/^srv_[\w-]+$/.test(serverId)) {
    refuse(
      'serverId',
      'must be the id that the authorization server gave this MCP server: srv_ and what follows',
    )
  }
}

export function checkApiKey(apiKey: unknown): asserts apiKey is string {
  if (typeof apiKey !== 'string' || !/^sk_[\x21-\x7e]+$/.test(apiKey)) {
    refuse(
      'apiKey',
      'must be a key of this MCP server, as it was shown when it was made: sk_ and what follows',
    )
  }
}

export function checkAuthServer(authServer: unknown): asserts authServer is string {
  checkUrl('authServer', authServer, 'https://auth.example.com')
  if (authServer.includes('?'))
    refuse('authServer', 'must not have a query: an issuer has none (RFC 8414 §2)')
  if (authServer.endsWith('/')) refuse('authServer', 'must not end in a slash: leave it out')
}

/** This server's own URL, by option or as registered. What it passes stands in a challenge as it is. */
export function checkResource(resource: unknown): asserts resource is string {
  checkUrl('resource', resource, 'https://mcp.example.com/mcp')
}

function checkUrl(name: string, value: unknown, example: string): asserts value is string {
  const url = typeof value === 'string' && URI.test(value) ? parseUrl(value) : undefined
  if (url === undefined) refuse(name, `must be a whole URL without a fragment, such as ${example}`)
  if (url.username !== '' || url.password !== '') refuse(name, 'must not hold a user name or a password')
  if (url.protocol !== 'https:' && !LOOPBACK.includes(url.hostname)) {
    refuse(name, `must be https, such as ${example}; http is for loopback only (localhost, 127.0.0.1, [::1])`)
  }
}

function parseUrl(text: string): URL | undefined {
  return URL.canParse(text) ? new URL(text) : undefined
}

function checkScopes(name: string, scopes: unknown): readonly string[] {
  const isList = Array.isArray(scopes) && scopes.every(isScope)
  if (!isList) refuse(name, "must be a list of scopes, each one word: ['files:read']")
  return [...new Set<string>(scopes)]
}

function checkTable(name: string, table: unknown): Readonly<Record<string, readonly string[]>> {
  if (typeof table !== 'object' || table === null || Array.isArray(table)) {
    refuse(name, "must be an object from names to lists of scopes: { 'read_*': ['files:read'] }")
  }
  const entries = Object.entries(table).map(([key, scopes]): [string, readonly string[]] => [
    key,
    checkScopes(`${name}[${JSON.stringify(key)}]`, scopes),
  ])
  if (entries.some(([key]) => key === '')) refuse(name, 'has an empty name: leave it out')
  return Object.fromEntries(entries)
}

function checkHierarchy(hierarchy: unknown): Readonly<Record<string, readonly string[]>> {
  const checked = checkTable('scopeHierarchy', hierarchy)
  checkScopes('scopeHierarchy', Object.keys(checked))
  return checked
}

function checkPublicPaths(paths: unknown): readonly string[] {
  if (!Array.isArray(paths)) refuse('publicPaths', "must be a list of paths: ['/health', '/docs/*']")
  for (const path of paths) {
    const isPath = typeof path === 'string' && /^\/[^?#*\s\\]*\*?$/.test(path)
    if (!isPath)
      refuse('publicPaths', 'must hold paths that begin with a slash, with * at the end or nowhere')
    if (path === '/*') refuse('publicPaths', 'must not hold /*, which would leave nothing protected')
  }
  return [...paths]
}

function checkValidation(validation: unknown): 'introspect' | 'local' {
  if (validation === 'introspect' || validation === 'local') return validation
  return refuse('validation', "must be 'introspect' or 'local'")
}

function checkMaxStaleness(seconds: unknown): number {
  if (typeof seconds === 'number' && Number.isFinite(seconds) && seconds >= 0) return seconds
  return refuse('maxStaleness', 'must be a number of seconds, 0 or more')
}

function checkMaxBodySize(bytes: unknown): number {
  if (typeof bytes === 'number' && Number.isSafeInteger(bytes) && bytes > 0) return bytes
  return refuse('maxBodySize', 'must be a whole number of bytes, 1 or more')
}

function checkOrigins(origins: unknown): '*' | readonly string[] {
  if (origins === '*') return '*'
  const isList =
    Array.isArray(origins) && origins.every((each) => typeof each === 'string' && ORIGIN.test(each))
  if (!isList) {
    refuse(
      'allowedOrigins',
      "must be '*', or a list of origins without a path, such as ['https://app.example.com']",
    )
  }
  return [...origins]
}

function refuse(name: string, why: string): never {
  throw new TypeError(`${name} ${why}.`)
}
