import { z } from 'zod'
import { OAuthError } from '../errors.ts'
import { parseStorableJson } from '../storable_json.ts'
import { createDocumentCache, type DocumentCache } from './document_cache.ts'
import { type ClientMetadata, type MetadataRules, parseClientMetadata } from './metadata.ts'
import type { FetchPublicUrl } from './public_fetch.ts'

/** A secret in a public document would be none (draft-ietf-oauth-client-id-metadata-document §4.1). */
const METADATA_DOCUMENT: MetadataRules = {
  defaultAuthMethod: 'none',
  authMethods: ['none', 'private_key_jwt'],
  grantTypes: ['authorization_code', 'refresh_token'],
}

const MAX_DOCUMENT_BYTES = 5 * 1024
const MAX_URL_LENGTH = 500

// MCP (2025-11-25, "Implementation Requirements") wants these three; parseClientMetadata asks for the redirect URIs.
const documentSchema = z.looseObject({
  client_id: z.string(),
  client_name: z.string('is missing').trim().min(1, 'is empty'),
  client_secret: z.undefined({ error: 'must not be in a public document' }).optional(),
  client_secret_expires_at: z.undefined({ error: 'must not be in a public document' }).optional(),
})

/** Whether a client_id asks to be read as the URL of its own metadata document. */
export function isMetadataDocumentId(clientId: string): boolean {
  return clientId.startsWith('https://') || clientId.startsWith('http://')
}

/**
 * Checks that a client_id is a URL that may serve a metadata document: https, with a path, without fragment, user
 * info or dot segments (draft §3). Plain http passes here for development; the fetcher refuses it unless it is allowed.
 */
export function checkMetadataDocumentId(clientId: string): void {
  const fault = findFault(clientId)
  if (fault !== undefined) throw new OAuthError('invalid_client', `The client_id is a URL that ${fault}.`)
}

function findFault(clientId: string): string | undefined {
  const url = URL.canParse(clientId) ? new URL(clientId) : undefined
  if (url === undefined || clientId.length > MAX_URL_LENGTH)
    return `is malformed or longer than ${MAX_URL_LENGTH} characters`
  if (clientId.includes('#')) return 'has a fragment'
  if (url.username !== '' || url.password !== '') return 'contains user information'
  if (url.pathname === '/') return 'has no path'
  // `href` has resolved dot segments and normalised the rest; what differs from it would be compared wrongly.
  if (url.href !== clientId) return `is not in its normal form; write it as ${url.href}`
  return undefined
}

/** The metadata documents of clients (CIMD), each checked against the URL that it was served at. */
export function createMetadataDocuments(
  fetchPublicUrl: FetchPublicUrl,
  isReliedOn: (url: string) => Promise<boolean>,
  now: () => number,
): DocumentCache<ClientMetadata> {
  return createDocumentCache({
    isReliedOn,
    fetchPublicUrl,
    now,
    limits: { maxBytes: MAX_DOCUMENT_BYTES, contentTypes: ['application/json'] },
    parse: parseMetadataDocument,
  })
}

/** Parses a document (draft §4.1): its `client_id` is the URL, and it holds no secret. */
export function parseMetadataDocument(body: Uint8Array, url: string): ClientMetadata {
  const document = documentSchema.safeParse(parseJson(body))
  if (!document.success) {
    const [issue] = document.error.issues
    refuse(`${issue?.path.join('.') || 'it'} ${issue?.message ?? 'is not an object'}`)
  }
  if (document.data.client_id !== url) refuse(`its client_id is not its own URL, ${url}`)
  try {
    return parseClientMetadata(document.data, METADATA_DOCUMENT)
  } catch (error) {
    if (error instanceof OAuthError) refuse(error.description.replace(/\.$/, ''))
    throw error
  }
}

function parseJson(body: Uint8Array): unknown {
  try {
    return parseStorableJson(new TextDecoder('utf-8', { fatal: true }).decode(body))
  } catch {
    return refuse('it is not JSON in UTF-8, or contains a NUL or half a surrogate pair')
  }
}

function refuse(why: string): never {
  throw new OAuthError('invalid_client', `The client id metadata document cannot be used: ${why}.`)
}
