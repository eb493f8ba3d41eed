import type { EndOfTurn } from '../end_of_turn.ts'
import { type Queryable, statement } from './database.ts'
import { findTogether } from './together.ts'

export interface StoredSession {
  digest: Buffer
  id: string
  user_id: string
  email: string
  has_passkey: boolean
  auth_time: Date
  amr: string[]
  last_seen_at: Date
}

export interface NewSession {
  digest: Buffer
  id: string
  user_id: string
  auth_time: Date
  amr: readonly string[]
  user_agent: string | null
  expires_at: Date
}

/** What the account page shows of a session. */
export interface ListedSession {
  id: string
  user_agent: string | null
  created_at: Date
  last_seen_at: Date
}

export interface SessionStorage {
  /** Starts a session, in the place of the one that the same browser had under one of these digests. */
  startSession(session: NewSession, replaced: readonly Buffer[], now: Date): Promise<void>
  /** Finds a session that has not expired, of somebody whose account stands. */
  findSession(digest: Buffer, now: Date): Promise<StoredSession | undefined>
  /** Notes that a session is in use, which puts off its end to `now + idle`, at most `absolute` after its start. */
  recordSessionUse(digest: Buffer, lifetime: { idle: number; absolute: number }, now: Date): Promise<void>
  listSessions(userId: string, now: Date): Promise<ListedSession[]>
  endSession(digest: Buffer): Promise<boolean>
  /** Ends one of a person's own sessions by the id that he sees. */
  endSessionOfUser(userId: string, sessionId: string): Promise<boolean>
  /** Ends all sessions of a person but one, if one is given. */
  endSessionsOfUser(userId: string, except?: Buffer): Promise<void>
}

const START = statement(
  'sessions_start',
  `with replaced as (delete from auth_agent.sessions where digest = any ($9))
   insert into auth_agent.sessions
     (digest, id, user_id, auth_time, amr, user_agent, created_at, last_seen_at, expires_at)
   values ($1, $2, $3, $4, $5, $6, $7, $7, $8)`,
)
const FIND = statement<StoredSession>(
  'sessions_find',
  `select s.digest, s.id, s.user_id, u.email, s.auth_time, s.amr, s.last_seen_at,
     exists (select from auth_agent.credentials c where c.user_id = u.id and c.type = 'passkey') as has_passkey
   from unnest((select $1::bytea[])) asked (digest) join auth_agent.sessions s using (digest)
   join auth_agent.users u on u.id = s.user_id
   where s.expires_at > $2 and u.disabled_at is null and u.email_verified_at is not null`,
)
const RECORD_USE = statement(
  'sessions_record_use',
  `update auth_agent.sessions set last_seen_at = $2,
     expires_at = least($2::timestamptz + $3 * interval '1 second', created_at + $4 * interval '1 second')
   where digest = $1 and last_seen_at < $2`,
)
const LIST = statement<ListedSession>(
  'sessions_list',
  `select id, user_agent, created_at, last_seen_at from auth_agent.sessions
   where user_id = $1 and expires_at > $2 order by last_seen_at desc, id limit 100`,
)
const END = statement<{ id: string }>(
  'sessions_end',
  'delete from auth_agent.sessions where digest = $1 returning id',
)
const END_OF_USER = statement<{ id: string }>(
  'sessions_end_of_user',
  'delete from auth_agent.sessions where user_id = $1 and id = $2 returning id',
)
const END_ALL = statement(
  'sessions_end_all',
  'delete from auth_agent.sessions where user_id = $1 and ($2::bytea is null or digest <> $2)',
)

interface Asked {
  digest: Buffer
  now: Date
}

export function sessionStorage(db: Queryable, endOfTurn?: EndOfTurn): SessionStorage {
  const find = findTogether(
    endOfTurn,
    ({ digest }: Pick<StoredSession, 'digest'>) => digest.toString('latin1'),
    (asked: readonly [Asked, ...Asked[]]) =>
      db.query(FIND, [asked.map(({ digest }) => digest), asked[0].now]),
  )
  return {
    async startSession(it, replaced, now) {
      const values = [it.digest, it.id, it.user_id, it.auth_time, it.amr, it.user_agent, now, it.expires_at]
      await db.query(START, [...values, replaced])
    },
    findSession: async (digest, now) => (await find({ digest, now }))[0],
    async recordSessionUse(digest, { idle, absolute }, now) {
      await db.query(RECORD_USE, [digest, now, idle, absolute])
    },
    listSessions: (userId, now) => db.query(LIST, [userId, now]),
    async endSession(digest) {
      return (await db.query(END, [digest])).length === 1
    },
    async endSessionOfUser(userId, sessionId) {
      return (await db.query(END_OF_USER, [userId, sessionId])).length === 1
    },
    async endSessionsOfUser(userId, except) {
      await db.query(END_ALL, [userId, except])
    },
  }
}
