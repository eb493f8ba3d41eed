import type { ServerContext } from '../context.ts'
import type { ClientRow } from '../storage/clients.ts'
import { endAllOfClient } from './revocation.ts'

/** Removes a registered client, with every grant and every token of it. */
export async function removeClient(context: ServerContext, row: ClientRow): Promise<void> {
  const client = { organizationId: row.organization_id, clientId: row.client_id, digest: row.digest }
  await endAllOfClient(context, client)
  await context.storage.removeRegisteredClient(row.organization_id, row.digest)
  // Once more, for what was issued until the row was gone.
  await endAllOfClient(context, client)
}
