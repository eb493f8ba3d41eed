import { type Queryable, statement } from '../../server/src/storage/database.ts'
import { jsonRow, toJsonRow } from '../../server/src/storage/json_row.ts'
import {
  insertUserAuthorization,
  type UserAuthorization,
} from '../../server/src/storage/user_authorizations.ts'

const STORE = statement(
  'test_store_user_authorization',
  insertUserAuthorization(jsonRow('user_authorizations', '$1')),
)

/** Remembers an approval that nobody was asked for. */
export async function storeUserAuthorization(
  db: Queryable,
  authorization: UserAuthorization,
  now: Date,
): Promise<void> {
  await db.query(STORE, [toJsonRow({ ...authorization, granted_at: now, last_used_at: now })])
}
