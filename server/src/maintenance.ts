import type { ServerContext } from './context.ts'

const BATCH = 1_000
/** So that one round ends, however much has expired; the next one goes on. */
const MAX_BATCHES = 200

/**
 * What the server does for itself, once a minute on one node or on many: rotates signing keys that are due, and deletes
 * what has expired in small batches that hold up nobody.
 */
export async function maintain(context: ServerContext): Promise<void> {
  await context.signingKeys.rotateDueKeys()
  for (let batch = 0; batch < MAX_BATCHES; batch += 1) {
    const deleted = await context.storage.cleanExpiredRows(new Date(context.now()), BATCH)
    if (deleted === 0) return
  }
}
