/** Options of everything that protects: {@link createProtection} and the `protect` of each adapter. */
export interface ProtectOptions {
  /** What the authorization server knows this MCP server by: `srv_…`. */
  serverId: string
  /** A key of this MCP server: `sk_…`. */
  apiKey: string
  /** The issuer, byte for byte, without a trailing slash; https except on loopback. Default `http://localhost:8787`. */
  authServer?: string | undefined
  /** This server's own URL, which `aud` must equal. Default: as registered. */
  resource?: string | undefined
  /** What every request needs. */
  requiredScopes?: readonly string[] | undefined
  /**
   * From a tool's name, or a pattern with `*`, to the scopes that a call of it needs. Once there is a table, a tool
   * that is not in it is refused.
   */
  toolScopes?: Readonly<Record<string, readonly string[]>> | undefined
  /** From a scope to those that it implies: `{ 'files:write': ['files:read'] }`. */
  scopeHierarchy?: Readonly<Record<string, readonly string[]>> | undefined
  /** Whether `tools/list` leaves out what the token does not allow. Default false. */
  filterTools?: boolean | undefined
  /** Paths that need no token: exact, or a prefix that ends in `*`. */
  publicPaths?: readonly string[] | undefined
  /** `introspect` asks the authorization server; `local` checks the signature here. Default `introspect`. */
  validation?: 'introspect' | 'local' | undefined
  /** Seconds for which local validation goes on without news of revocations. Default 30. */
  maxStaleness?: number | undefined
  /** Web origins whose scripts may call (CORS): `*`, a list, or an empty list for none. Default `*`. */
  allowedOrigins?: '*' | readonly string[] | undefined
  /** Bytes of a request that are read to find its tools. Default 16,777,216. */
  maxBodySize?: number | undefined
  /** What the metadata lists (RFC 9728 §2). Default: as registered; with `resource`, those that are asked for. */
  scopesSupported?: readonly string[] | undefined
  /** What the metadata calls this server. Default: as registered. */
  resourceName?: string | undefined
}

/** Options that were checked, with their defaults. */
export interface Settings {
  readonly serverId: string
  readonly apiKey: string
  readonly authServer: string
  readonly resource: string | undefined
  readonly requiredScopes: readonly string[]
  readonly toolScopes: ReadonlyMap<string, readonly string[]> | undefined
  readonly scopeHierarchy: Readonly<Record<string, readonly string[]>>
  readonly filterTools: boolean
  readonly publicPaths: readonly string[]
  readonly validation: 'introspect' | 'local'
  /** Seconds. */
  readonly maxStaleness: number
  readonly allowedOrigins: '*' | readonly string[]
  /** Bytes. */
  readonly maxBodySize: number
  readonly scopesSupported: readonly string[] | undefined
  readonly resourceName: string | undefined
}

export const DEFAULT_AUTH_SERVER = 'http://localhost:8787'
export const DEFAULT_MAX_STALENESS = 30
export const DEFAULT_MAX_BODY_SIZE = 16_777_216
