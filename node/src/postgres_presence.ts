import pg from 'pg'

/** Any number; every process that uses the cluster holds a shared advisory lock on it. */
const PRESENCE_LOCK = 5_138_022_907

/** One process's stake in a running cluster. It ends with the process, however that ends. */
export interface Presence {
  /** Gives the stake up. True when no other process has one: the caller holds off newcomers and stops the cluster. */
  giveUp(): Promise<boolean>
  /** Ends the connection. */
  close(): Promise<void>
}

/**
 * Connects to the cluster and holds the lock. Undefined when nobody listens there, or when the cluster stops
 * meanwhile: whoever stops it holds the lock alone, so a newcomer waits here until it is gone.
 *
 * @param onLost called once when the connection breaks before `giveUp`
 */
export async function announcePresence(url: string, onLost: () => void): Promise<Presence | undefined> {
  const client = new pg.Client({
    connectionString: url,
    application_name: 'auth-agent presence',
    connectionTimeoutMillis: 10_000,
    keepAlive: true,
  })
  let isHeld = false
  client.on('error', () => {})
  client.on('end', () => {
    if (isHeld) onLost()
    isHeld = false
  })
  try {
    await client.connect()
    await client.query('select pg_advisory_lock_shared($1)', [PRESENCE_LOCK])
  } catch (error) {
    await client.end().catch(() => {})
    if (isGone(error)) return undefined
    throw error
  }
  isHeld = true
  return {
    async giveUp() {
      if (!isHeld) return false
      isHeld = false
      await client.query('select pg_advisory_unlock_shared($1)', [PRESENCE_LOCK])
      const { rows } = await client.query<{ alone: boolean }>('select pg_try_advisory_lock($1) as alone', [
        PRESENCE_LOCK,
      ])
      return rows[0]?.alone === true
    },
    async close() {
      isHeld = false
      await client.end().catch(() => {})
    },
  }
}

/** Errors that say "not running": of the socket, or of a server that is starting or stopping (class 57P). */
function isGone(error: unknown): boolean {
  const { code, message } = error as { code?: string; message?: string }
  return (
    /^(ENOENT|ECONNREFUSED|ECONNRESET|EPIPE|57P\d\d)$/.test(code ?? '') || /terminated/.test(message ?? '')
  )
}
