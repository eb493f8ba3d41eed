import type { AuthorizationServer } from 'oauth4webapi'
import { z } from 'zod'
import { createDocumentCache } from '../clients/document_cache.ts'
import type { FetchPublicUrl } from '../clients/public_fetch.ts'

/** What a provider says of itself, as far as a sign-in needs it. */
export type UpstreamMetadata = AuthorizationServer & {
  authorization_endpoint: string
  prompt_values_supported?: string[]
}

const names = z.array(z.string()).max(100).optional()

/** OpenID Connect Discovery §3, RFC 9207 §3, and `prompt_values_supported` of Initiating User Registration §4. */
const metadataSchema = z.object({
  issuer: z.string(),
  authorization_endpoint: z.url(),
  token_endpoint: z.url(),
  jwks_uri: z.url(),
  userinfo_endpoint: z.url().optional(),
  authorization_response_iss_parameter_supported: z.boolean().optional(),
  id_token_signing_alg_values_supported: names,
  token_endpoint_auth_methods_supported: names,
  prompt_values_supported: names,
})

/** Finds the metadata of a provider. It is kept by HTTP's rules; errors are not kept, and retried under a limit. */
export function createUpstreamMetadata(
  issuer: string,
  fetchPublicUrl: FetchPublicUrl,
  now: () => number,
): () => Promise<UpstreamMetadata> {
  const documents = createDocumentCache({
    fetchPublicUrl,
    now,
    limits: { maxBytes: 64 * 1024, contentTypes: ['application/json'] },
    parse: (body) => parseUpstreamMetadata(body, issuer),
  })
  // OpenID Connect Discovery §4: a terminating slash is removed first.
  const url = `${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`
  return () => documents.get(url)
}

/**
 * Reads a discovery document (OpenID Connect Discovery §4.3): its issuer is the one that it was asked for, byte for byte.
 *
 * @throws Error where it cannot be used
 */
export function parseUpstreamMetadata(body: Uint8Array, issuer: string): UpstreamMetadata {
  const metadata = metadataSchema.parse(JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body)))
  if (metadata.issuer !== issuer) throw new Error(`The document is that of the issuer ${metadata.issuer}.`)
  // A browser is sent there: a scheme that it would run has no place in it.
  if (new URL(metadata.authorization_endpoint).protocol !== new URL(issuer).protocol)
    throw new Error('The authorization endpoint has another scheme than the issuer.')
  return withoutUndefined(metadata)
}

/** oauth4webapi tells a member that is undefined from one that is missing. */
function withoutUndefined(metadata: z.infer<typeof metadataSchema>): UpstreamMetadata {
  const entries = Object.entries(metadata).filter(([, value]) => value !== undefined)
  return Object.fromEntries(entries) as UpstreamMetadata
}
