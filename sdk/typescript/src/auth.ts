/** What a token says: the claims of RFC 9068 §2.2, or those of an introspection answer (RFC 7662 §2.2). */
export type Claims = Readonly<Record<string, unknown>>

/** Claims that were checked, so that these are there. */
export interface VerifiedClaims extends Claims {
  readonly iss: string
  readonly sub: string
  readonly client_id: string
  readonly exp: number
}

/** Who asks. It is also what the official MCP SDKs, 1.x and 2.x, take as `AuthInfo`. */
export interface Auth {
  /** `sub`: who the token is about. Stable, and unique at this authorization server. */
  subject: string
  /** `email`, where this server learns of it. */
  userEmail: string | undefined
  clientId: string
  /** The token's scopes in their order, then those that they imply. */
  scopes: string[]
  /** This server's own URL, which the token is for. */
  audience: string
  token: string
  /** As verified. */
  claims: Claims
  /** Seconds since the epoch. */
  expiresAt: number
  /** The same as `audience`. */
  resource: URL
  /** Where this server's metadata is (RFC 9728 §3.1). */
  resourceMetadataUrl: string
  /** For handlers of tools, which are given no more than `AuthInfo`: `subject`, `userEmail`, `audience`, `claims`. */
  extra: Record<string, unknown>
}

export interface AuthContext {
  resource: string
  metadataUrl: string
  /** The token's, with what they imply. */
  scopes: readonly string[]
}

/** Describes who asks, for the application: new at every request, since the application may change it. */
export function createAuth(token: string, claims: VerifiedClaims, context: AuthContext): Auth {
  const { resource: audience, metadataUrl, scopes } = context
  const subject = claims.sub
  const userEmail = typeof claims['email'] === 'string' ? claims['email'] : undefined
  return {
    subject,
    userEmail,
    clientId: claims.client_id,
    scopes: [...scopes],
    audience,
    token,
    claims,
    expiresAt: claims.exp,
    resource: new URL(audience),
    resourceMetadataUrl: metadataUrl,
    extra: { subject, userEmail, audience, claims },
  }
}
