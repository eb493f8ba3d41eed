import { hash } from 'node:crypto'
import type { ClientServer } from '../storage/clients.ts'
import type { ClientMetadata } from './metadata.ts'

/** A client, wherever it came from. */
export interface Client {
  clientId: string
  /** SHA-256 of the client_id, which may be a URL or carry a kilobyte of sealed metadata. */
  digest: Buffer
  source: 'registered' | 'metadata_document' | 'dynamic'
  organizationId: string
  metadata: ClientMetadata
  /** The host of a client id metadata document, which its owner proves by serving it there. */
  verifiedDomain?: string
  /** MAC of the secret of a registered client. */
  secretDigest?: Buffer
  /** Where a registered client may ask something in its own name. */
  servers?: readonly ClientServer[]
}

/** How clients are found in tables. */
export function clientDigest(clientId: string): Buffer {
  return Buffer.from(hash('sha256', clientId, 'latin1'), 'latin1')
}

/** Whether the client proves at the token endpoint that it is itself. */
export function isConfidential(client: Client): boolean {
  return client.metadata.token_endpoint_auth_method !== 'none'
}

/** What a person reads where a client gave no name: the host that vouches for it, or its id, cut short. */
export function clientName(client: Pick<Client, 'metadata' | 'verifiedDomain' | 'clientId'>): string {
  return client.metadata.client_name || client.verifiedDomain || client.clientId.slice(0, 32)
}
