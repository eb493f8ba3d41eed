/** RFC 8414 §3, OpenID Connect Discovery §4. */
const DISCOVERY = ['/.well-known/oauth-authorization-server', '/.well-known/openid-configuration']

/** RFC 9728 §3; without an id of a server it describes the management API. */
const PROTECTED_RESOURCE = '/.well-known/oauth-protected-resource'

/** Below the path of the issuer. */
const PATHS: ReadonlySet<string> = new Set([
  ...DISCOVERY,
  PROTECTED_RESOURCE,
  '/.well-known/jwks.json',
  '/health',
])

/**
 * Whether a path is answered without asking the database: documents, keys, assets and the health of the process. Metadata of
 * one MCP server, and `/ready`, ask it.
 *
 * @param basePath that of the issuer: '' or '/tenant'
 */
export function isAnsweredFromMemory(path: string, basePath: string): boolean {
  // A probe does not know the path of the issuer; well-known paths may be inserted before it.
  if (path === '/health' || path === `${PROTECTED_RESOURCE}${basePath}/api`) return true
  if (DISCOVERY.some((document) => path === document + basePath)) return true
  if (!path.startsWith(basePath)) return false
  const below = path.slice(basePath.length)
  return PATHS.has(below) || below.startsWith('/assets/')
}
