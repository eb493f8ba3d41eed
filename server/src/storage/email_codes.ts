import { type Queryable, statement } from './database.ts'

export interface EmailCodeStorage {
  /** Stores the code that a browser asked for, in the place of its former one. */
  storeEmailCode(
    code: { browser_digest: Buffer; email: string; code_digest: Buffer; expires_at: Date },
    now: Date,
  ): Promise<void>
  /** Counts a try at a browser's code, and gives the code out to be compared: at most `maxTries` times. */
  countEmailCodeTry(
    browserDigest: Buffer,
    maxTries: number,
    now: Date,
  ): Promise<{ email: string; code_digest: Buffer } | undefined>
  /** Uses a code, once. */
  consumeEmailCode(browserDigest: Buffer, codeDigest: Buffer): Promise<boolean>
}

const STORE = statement(
  'email_codes_store',
  `insert into auth_agent.email_codes (browser_digest, email, code_digest, created_at, expires_at)
   values ($1, $2, $3, $4, $5)
   on conflict (browser_digest) do update set email = excluded.email, code_digest = excluded.code_digest, tries = 0,
     created_at = excluded.created_at, expires_at = excluded.expires_at`,
)
const COUNT_TRY = statement<{ email: string; code_digest: Buffer }>(
  'email_codes_count_try',
  `update auth_agent.email_codes set tries = tries + 1
   where browser_digest = $1 and tries < $2 and expires_at > $3 returning email, code_digest`,
)
const CONSUME = statement<{ email: string }>(
  'email_codes_consume',
  'delete from auth_agent.email_codes where browser_digest = $1 and code_digest = $2 returning email',
)

export function emailCodeStorage(db: Queryable): EmailCodeStorage {
  return {
    async storeEmailCode({ browser_digest, email, code_digest, expires_at }, now) {
      await db.query(STORE, [browser_digest, email, code_digest, now, expires_at])
    },
    async countEmailCodeTry(browserDigest, maxTries, now) {
      const [code] = await db.query(COUNT_TRY, [browserDigest, maxTries, now])
      return code
    },
    async consumeEmailCode(browserDigest, codeDigest) {
      return (await db.query(CONSUME, [browserDigest, codeDigest])).length === 1
    },
  }
}
