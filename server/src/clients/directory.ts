import type { JSONWebKeySet } from 'jose'
import { z } from 'zod'
import { OAuthError } from '../errors.ts'
import type { PurposeKeys } from '../keys/purpose_keys.ts'
import type { ClientStorage, RegisteredClientRow } from '../storage/clients.ts'
import { type Client, clientDigest } from './client.ts'
import { createDocumentCache } from './document_cache.ts'
import { openDynamicClientId } from './dynamic.ts'
import type { ClientMetadata } from './metadata.ts'
import {
  checkMetadataDocumentId,
  createMetadataDocuments,
  isMetadataDocumentId,
} from './metadata_document.ts'
import { type FetchPublicUrl, PublicFetchError } from './public_fetch.ts'

/** The organisation of clients that nobody registered. */
export const ROOT_ORGANIZATION = 'org_root'

/** Finds clients: those with a row, those whose id carries their metadata, those whose id is the URL of it. */
export interface ClientDirectory {
  /**
   * The client of an id, or undefined where there is none.
   *
   * @throws OAuthError `invalid_client` for a metadata document that cannot be used, `temporarily_unavailable` for
   * one that cannot be had now
   */
  find(clientId: string): Promise<Client | undefined>
  /** The public keys of a client that authenticates with `private_key_jwt`. */
  keysOf(client: Client): Promise<JSONWebKeySet>
  /**
   * The same where those do not fit, since it may have rotated its keys: fetched anew, or undefined where that cannot
   * help, or was done less than a minute ago.
   */
  renewedKeysOf(client: Client): Promise<JSONWebKeySet | undefined>
}

export interface ClientDirectoryOptions {
  storage: ClientStorage
  purposeKeys: PurposeKeys
  fetchPublicUrl: FetchPublicUrl
  now: () => number
}

const jwksSchema = z.object({ keys: z.array(z.looseObject({ kty: z.string() })).max(100) })

export function createClientDirectory(options: ClientDirectoryOptions): ClientDirectory {
  const { storage, purposeKeys, fetchPublicUrl, now } = options
  const isApproved = (clientId: string) => storage.isApprovedClient(clientDigest(clientId))
  const documents = createMetadataDocuments(fetchPublicUrl, isApproved, now)
  const keySets = createDocumentCache<JSONWebKeySet>({
    fetchPublicUrl,
    now,
    limits: { maxBytes: 64 * 1024, contentTypes: ['application/json', 'application/jwk-set+json'] },
    parse: (body) => jwksSchema.parse(JSON.parse(Buffer.from(body).toString())),
  })

  async function findByDocument(clientId: string): Promise<Client> {
    checkMetadataDocumentId(clientId)
    const metadata = await documents.get(clientId).catch(refuseUnfetched)
    return { ...withoutRow(clientId, 'metadata_document', metadata), verifiedDomain: new URL(clientId).host }
  }

  return {
    async find(clientId) {
      if (isMetadataDocumentId(clientId)) return findByDocument(clientId)
      if (clientId.startsWith('dcr_')) {
        const metadata = openDynamicClientId(purposeKeys, clientId)
        return metadata && withoutRow(clientId, 'dynamic', metadata)
      }
      const row = await storage.findRegisteredClient(clientDigest(clientId))
      return row && withRow(row)
    },
    async keysOf({ metadata }) {
      if (metadata.jwks !== undefined) return metadata.jwks as JSONWebKeySet
      if (metadata.jwks_uri === undefined) return { keys: [] }
      return keySets.get(metadata.jwks_uri).catch(refuseUnfetched)
    },
    async renewedKeysOf({ clientId, source, metadata }) {
      if (metadata.jwks_uri !== undefined) return keySets.refresh(metadata.jwks_uri).catch(refuseUnfetched)
      if (source !== 'metadata_document') return undefined
      const renewed = await documents.refresh(clientId).catch(refuseUnfetched)
      return renewed?.jwks as JSONWebKeySet | undefined
    },
  }
}

function withoutRow(clientId: string, source: Client['source'], metadata: ClientMetadata): Client {
  return { clientId, digest: clientDigest(clientId), source, organizationId: ROOT_ORGANIZATION, metadata }
}

function withRow(row: RegisteredClientRow): Client {
  return {
    clientId: row.client_id,
    digest: row.digest,
    source: row.source,
    organizationId: row.organization_id,
    // It was checked when it was stored.
    metadata: row.metadata as ClientMetadata,
    servers: row.servers,
    ...(row.secret_digest !== null && { secretDigest: row.secret_digest }),
  }
}

/** A host that is away may come back; a document that is refused will be refused again. */
function refuseUnfetched(error: unknown): never {
  if (error instanceof OAuthError) throw error
  if (error instanceof PublicFetchError && (error.code === 'unreachable' || error.code === 'timeout')) {
    const description = `The client's metadata could not be fetched: ${error.message}`
    throw new OAuthError('temporarily_unavailable', description, {
      headers: { 'Retry-After': '30' },
      cause: error,
    })
  }
  const why = error instanceof PublicFetchError ? error.message : 'it is not a document of the expected form.'
  throw new OAuthError('invalid_client', `The client's metadata could not be used: ${why}`, { cause: error })
}
