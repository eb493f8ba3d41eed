import { type Queryable, statement } from './database.ts'

export interface UsedOnceStorage {
  /**
   * Notes that something was presented; true the first time, false ever after.
   *
   * @param expiresAt when it would be refused for its age anyway, so that the note may go
   */
  consumeOnce(digest: Buffer, expiresAt: Date): Promise<boolean>
}

const CONSUME = statement<{ digest: Buffer }>(
  'used_once_consume',
  `insert into auth_agent.used_once (digest, expires_at) values ($1, $2)
   on conflict (digest) do nothing returning digest`,
)

export function usedOnceStorage(db: Queryable): UsedOnceStorage {
  return {
    async consumeOnce(digest, expiresAt) {
      return (await db.query(CONSUME, [digest, expiresAt])).length === 1
    },
  }
}
