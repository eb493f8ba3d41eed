import type { EndOfTurn } from '../end_of_turn.ts'
import { MAX_LEEWAY } from '../options.ts'
import { type Queryable, type ReadonlyRow, statement } from './database.ts'
import type { ServerScope } from './mcp_servers.ts'
import type { TokensRow } from './rows.ts'
import { askTogether } from './together.ts'

/**
 * What presenting a refresh token means; docs/refresh_tokens.md has the rule.
 * `rotated`: it was current. `ahead`: authentic, but newer than the row (a restored database).
 * `raced`: superseded a moment ago. `repeated`: its response was lost. `theft`: none of these; the family is revoked now.
 * The others refuse and change nothing.
 */
export type RefreshOutcome =
  | 'rotated'
  | 'ahead'
  | 'raced'
  | 'repeated'
  | 'theft'
  | 'revoked'
  | 'expired'
  | 'barred'
  | 'other_client'
  | 'other_resource'
  | 'scope_exceeded'

/** A refresh token, authenticated, as it was presented. */
export interface RefreshPresentation {
  family: string
  generation: number
  client_digest: Buffer
  /** A digest of the network that it came from, or null where that is not known. */
  presented_from: Buffer | null
  /** The canonical form of the `resource` that the request repeats, or null. */
  resource: string | null
  /** The scopes that the request narrows the token to, or null. */
  scopes: readonly string[] | null
}

export interface RefreshLifetimes {
  /** How long after its supersession a generation counts as raced, in seconds. */
  raceWindow: number
  /** How many generations in a row may be raced. */
  maxRacedRun: number
  refreshTokenTtl: number
  accessTokenTtl: number
}

/** The family after the presentation; `generation` is the one to answer with. */
export interface RefreshedFamily
  extends Pick<
    ReadonlyRow<TokensRow>,
    | 'family'
    | 'generation'
    | 'grant_id'
    | 'organization_id'
    | 'user_id'
    | 'server_id'
    | 'resource'
    | 'scopes'
    | 'identity'
    | 'auth_time'
    | 'dpop_jkt'
    | 'access_expires_at'
  > {
  readonly outcome: RefreshOutcome
  readonly email: string
  /** What the server offers and sees now; null where there is no server. */
  readonly server_scopes: readonly ServerScope[] | null
  readonly server_identity: readonly string[] | null
  /** Whether it came from another network than the one before; not asked of one that rotates. */
  readonly moved_network: boolean
}

/** A grant that was revoked now. */
export type RevokedGrant = Pick<TokensRow, 'organization_id' | 'grant_id' | 'server_id' | 'access_expires_at'>

export interface TokenStorage {
  /** Presents a refresh token: decides, and moves the family on or revokes it, in the statement that decides. */
  presentRefreshToken(
    presentation: RefreshPresentation,
    lifetimes: RefreshLifetimes,
    now: Date,
  ): Promise<RefreshedFamily | undefined>
  revokeFamily(family: string, clientDigest: Buffer, reason: string, now: Date): Promise<RevokedGrant[]>
  revokeGrant(grantId: string, reason: string, now: Date): Promise<RevokedGrant[]>
  revokeGrantsOfAuthorization(
    of: { user_id: string; client_digest: Buffer; server_id: string | null },
    reason: string,
    now: Date,
  ): Promise<RevokedGrant[]>
  revokeGrantsOfUser(userId: string, reason: string, now: Date): Promise<RevokedGrant[]>
  revokeGrantsOfClient(clientDigest: Buffer, reason: string, now: Date): Promise<RevokedGrant[]>
  revokeGrantsOfServer(serverId: string, reason: string, now: Date): Promise<RevokedGrant[]>
  /** Revokes what the server's access policy does not allow any more. */
  revokeDisallowedGrants(serverId: string, reason: string, now: Date): Promise<RevokedGrant[]>
  /** Revokes the grants of clients that the organisation does not let in any more. */
  revokeGrantsNotAdmitted(organizationId: string, reason: string, now: Date): Promise<RevokedGrant[]>
}

/** Added to the life of a denial. */
const LEEWAY = `interval '${MAX_LEEWAY} seconds'`

// $1 family, $2 generation, $3 client, $4 network, $5 now, $6 since when a superseded token is a race, $7 and $8 when what
// is issued now expires, $9 resource, $10 scopes, $11 longest run of races.
// Of a row `t` of tokens with its person `u`, client `c`, organisation `o`, server `s`, and the person's membership `m` of
// the server's organisation; that is passed so that PostgreSQL makes one plan of it all.
const STANDS = `u.disabled_at is null and auth_agent.admits(o, c)
  and (t.server_id is null or (s.server_url = t.resource and auth_agent.may_use(s, u, m.user_id is not null)))`
const meansResource = (resource: string) =>
  `(${resource} is null or ${resource} in (t.resource, s.canonical_url, s.canonical_origin))`
// Newest first. What lies outside of the window may stay in it, but where seven are enough no more are kept.
const SUPERSEDED_NOW = `case when t.superseded_at[1] > $6
  then $5::timestamptz || t.superseded_at[1:case when t.superseded_at[8] > $6 then 63 else 7 end]
  else array[$5::timestamptz] end`

// The usual case, `rotated`, of a grant for a server: what PRESENT would do of it, or nothing, for three fifths of the CPU. What
// costs most in so small a statement is to set up its plan, and this one has half of the nodes.
// Its conditions are those under which PRESENT decides so. Where another changes the row first, this one waits, and
// PostgreSQL asks all of them again of the row as it is then; docs/decisions/0021 has the argument.
/** @param p where what was presented stands: in the parameters, or in rows */
function rotate(
  p: Readonly<Record<'family' | 'generation' | 'isOfClient' | 'network' | 'resource' | 'scopes', string>>,
  source = '',
): string {
  return `update auth_agent.tokens t set generation = t.generation + 1, superseded_at = ${SUPERSEDED_NOW},
     presented_from = ${p.network}, last_used_at = $5, expires_at = least(t.max_expires_at, $7),
     access_expires_at = greatest(t.access_expires_at, $8)
   from ${source} auth_agent.clients c, auth_agent.organizations o, auth_agent.users u
     cross join auth_agent.mcp_servers s
     left join auth_agent.memberships m on m.organization_id = s.organization_id and m.user_id = u.id
   where t.family = ${p.family} and t.generation = ${p.generation} and ${p.isOfClient}
     and t.revoked_at is null and t.expires_at > $5 and t.max_expires_at > $5
     and u.id = t.user_id and c.digest = t.client_digest and o.id = t.organization_id and s.id = t.server_id
     and ${STANDS} and not 'manage' = any (t.scopes)
     and ${meansResource(p.resource)} and (${p.scopes} is null or ${p.scopes} <@ t.scopes)
   returning 'rotated' as outcome, t.family, t.generation, t.grant_id, t.organization_id, t.user_id, u.email,
     t.server_id, t.resource, t.scopes, t.identity, t.auth_time, t.dpop_jkt, t.access_expires_at,
     s.scopes as server_scopes, s.identity as server_identity, false as moved_network`
}

const ROTATE = statement<RefreshedFamily>(
  'tokens_rotate',
  rotate({
    family: '$1',
    generation: '$2',
    isOfClient: 't.client_digest = $3',
    network: '$4',
    resource: '$9::text',
    scopes: '$10::text[]',
  }),
)

// The same for all who come at once, each family once; $1 to $4, $9 and $10 are lists, scopes in one text. What another
// transaction holds is left to whoever can wait for it, or all would. The sub-selects hide from PostgreSQL how many they
// are, or it would plan anew for each number.
const ROTATE_TOGETHER = statement<RefreshedFamily>(
  'tokens_rotate_together',
  `with presented as (
     select * from unnest((select $1::text[]), (select $2::integer[]), (select $3::bytea[]), (select $4::bytea[]),
       (select $9::text[]), (select $10::text[])) p (family, generation, client, network, resource, scopes)),
   held as (
     select p.*, string_to_array(p.scopes, ' ') as scope_list
     from presented p join auth_agent.tokens t on t.family = p.family for update of t skip locked)
   ${rotate(
     {
       family: 'p.family',
       generation: 'p.generation',
       // Not by `=`, or PostgreSQL would know that all three are one, and look for all tokens of a client.
       isOfClient: 't.client_digest is not distinct from p.client',
       network: 'p.network',
       resource: 'p.resource',
       scopes: 'p.scope_list',
     },
     'held p,',
   )}`,
)

// Every case. What the request asks for is checked before anything moves.
// A race is answered with the current token, so all generations from `raced_from` to the current one are raced by it. The
// run of races goes on with the next generation; it stays while that one may yet be raced, and where nothing new is.
// A generation that is repeated does not interrupt it, or a thief would keep step by races and replays in turn.
// `for update` makes presentations of one family follow each other; a later one sees what the earlier one decided.
const PRESENT = statement<RefreshedFamily>(
  'tokens_present',
  `with family as (
     select t.*, u.email, s.scopes as server_scopes, s.identity as server_identity,
       ${STANDS} and (not 'manage' = any (t.scopes) or auth_agent.may_manage(u)) as stands,
       t.superseded_at[t.generation - $2] > $6 as in_race_window,
       greatest($2, t.raced_generation + 1) as raced_from,
       t.superseded_at[t.generation - t.raced_generation - 1] > $6 as run_is_open,
       ${meansResource('$9::text')} as means_resource
     from auth_agent.tokens t
     join auth_agent.users u on u.id = t.user_id
     join auth_agent.clients c on c.digest = t.client_digest
     join auth_agent.organizations o on o.id = t.organization_id
     left join auth_agent.mcp_servers s on s.id = t.server_id
     left join auth_agent.memberships m on m.organization_id = s.organization_id and m.user_id = u.id
     where t.family = $1
     for update of t),
   counted as (
     select *, case
       when raced_generation is null then 'begins'
       when raced_from = generation then 'stays'
       when raced_from = raced_generation + 1 then 'goes on'
       when run_is_open then 'stays'
       else 'begins'
     end as run
     from family),
   decision as (
     select *, case
       when client_digest <> $3 then 'other_client'
       when revoked_at is not null then 'revoked'
       when expires_at <= $5 or max_expires_at <= $5 then 'expired'
       when stands is not true then 'barred'
       when not coalesce(means_resource, false) then 'other_resource'
       when not $10::text[] <@ scopes then 'scope_exceeded'
       when $2 = generation then 'rotated'
       when $2 > generation then 'ahead'
       when in_race_window and run = 'goes on' and raced_run + 1 >= $11 and not sender_constrained then 'theft'
       when in_race_window then 'raced'
       when $2 = generation - 1 and (sender_constrained or replayed_generation is distinct from $2 - 1) then 'repeated'
       else 'theft'
     end as outcome
     from counted),
   moved as (
     update auth_agent.tokens t set
       generation = case when d.outcome in ('rotated', 'ahead') then $2 + 1 else t.generation end,
       superseded_at = case d.outcome
         when 'rotated' then ${SUPERSEDED_NOW}
         when 'ahead' then array[$5::timestamptz]
         else t.superseded_at end,
       raced_generation = case
         when d.outcome = 'raced' and d.run <> 'stays' then t.generation - 1
         when d.outcome = 'repeated' and t.raced_generation = $2 - 1 then $2
         else t.raced_generation end,
       raced_run = case
         when d.outcome = 'raced' and d.run = 'begins' then 1
         when d.outcome = 'raced' and d.run = 'goes on' then t.raced_run + 1
         else t.raced_run end,
       replayed_generation = case when d.outcome = 'repeated' then $2 else t.replayed_generation end,
       presented_from = $4,
       last_used_at = $5,
       expires_at = case when d.outcome = 'theft' then t.expires_at else least(t.max_expires_at, $7) end,
       access_expires_at = case when d.outcome = 'theft' then t.access_expires_at
         else greatest(t.access_expires_at, $8) end,
       revoked_at = case when d.outcome = 'theft' then $5 end,
       revoked_reason = case when d.outcome = 'theft' then 'theft' end
     from decision d
     where t.family = d.family and d.outcome in ('rotated', 'ahead', 'raced', 'repeated', 'theft')
     returning t.family, t.generation, t.access_expires_at),
   denied as (
     insert into auth_agent.denials (organization_id, kind, subject, server_id, created_at, expires_at)
     select organization_id, 'grant', grant_id, server_id, $5, access_expires_at + ${LEEWAY}
     from decision where outcome = 'theft')
   select d.outcome, d.family, coalesce(m.generation, d.generation) as generation, d.grant_id, d.organization_id, d.user_id, d.email,
     d.server_id, d.resource, d.scopes, d.identity, d.auth_time, d.dpop_jkt,
     coalesce(m.access_expires_at, d.access_expires_at) as access_expires_at, d.server_scopes, d.server_identity,
     coalesce(d.presented_from <> $4, false) as moved_network
   from decision d left join moved m on m.family = d.family`,
)

/** `$1` is the moment, `$2` the reason; the condition says whose. */
function revoke(name: string, condition: string) {
  return statement<RevokedGrant>(
    name,
    `with revoked as (
       update auth_agent.tokens t set revoked_at = $1, revoked_reason = $2
       where ${condition} and t.revoked_at is null
       returning t.organization_id, t.grant_id, t.server_id, t.access_expires_at),
     denied as (
       insert into auth_agent.denials (organization_id, kind, subject, server_id, created_at, expires_at)
       select organization_id, 'grant', grant_id, server_id, $1, access_expires_at + ${LEEWAY}
       from revoked where access_expires_at + ${LEEWAY} > $1)
     select * from revoked`,
  )
}

const REVOKE_FAMILY = revoke('tokens_revoke_family', 't.family = $3 and t.client_digest = $4')
const REVOKE_GRANT = revoke('tokens_revoke_grant', 't.grant_id = $3')
const REVOKE_AUTHORIZATION = revoke(
  'tokens_revoke_authorization',
  't.user_id = $3 and t.client_digest = $4 and t.server_id is not distinct from $5',
)
const REVOKE_USER = revoke('tokens_revoke_user', 't.user_id = $3')
const REVOKE_CLIENT = revoke('tokens_revoke_client', 't.client_digest = $3')
const REVOKE_SERVER = revoke('tokens_revoke_server', 't.server_id = $3')
const REVOKE_DISALLOWED = revoke(
  'tokens_revoke_disallowed',
  `t.server_id = $3 and not exists (
     select from auth_agent.mcp_servers s, auth_agent.users u
     where s.id = t.server_id and u.id = t.user_id and auth_agent.may_use(s, u))`,
)
const REVOKE_NOT_ADMITTED = revoke(
  'tokens_revoke_not_admitted',
  `t.organization_id = $3 and not exists (
     select from auth_agent.organizations o, auth_agent.clients c
     where o.id = t.organization_id and c.digest = t.client_digest and auth_agent.admits(o, c))`,
)

interface Presented {
  presentation: RefreshPresentation
  lifetimes: RefreshLifetimes
  now: Date
}

/** The values of the statements, but for those that are lists where several go together. */
function momentsOf({ lifetimes: { raceWindow, refreshTokenTtl, accessTokenTtl }, now }: Presented): Date[] {
  const after = (seconds: number) => new Date(now.getTime() + seconds * 1_000)
  return [now, after(-raceWindow), after(refreshTokenTtl), after(accessTokenTtl)]
}

function valuesOf(presented: Presented): unknown[] {
  const { family, generation, client_digest, presented_from, resource, scopes } = presented.presentation
  return [family, generation, client_digest, presented_from, ...momentsOf(presented), resource, scopes]
}

/** Each family once; of one server, so that their lifetimes are the same, and of one moment. */
function valuesOfAll(all: readonly [Presented, ...Presented[]]): unknown[] {
  const each = <Value>(value: (presentation: RefreshPresentation) => Value) =>
    all.map(({ presentation }) => value(presentation))
  return [
    each(({ family }) => family),
    each(({ generation }) => generation),
    each(({ client_digest }) => client_digest),
    each(({ presented_from }) => presented_from),
    ...momentsOf(all[0]),
    each(({ resource }) => resource),
    each(({ scopes }) => scopes?.join(' ') ?? null),
  ]
}

export function tokenStorage(db: Queryable, endOfTurn?: EndOfTurn): TokenStorage {
  const rotateTogether = askTogether(
    endOfTurn,
    async (all: readonly Presented[]): Promise<(RefreshedFamily | undefined)[]> => {
      // Of two that present one family, the second is not the usual case.
      const families = Map.groupBy(all, ({ presentation }) => presentation.family)
      const [first, ...others] = [...families.values()].flatMap((group) => group.slice(0, 1))
      if (first === undefined) return []
      const rows =
        others.length === 0
          ? await db.query(ROTATE, valuesOf(first))
          : await db.query(ROTATE_TOGETHER, valuesOfAll([first, ...others]))
      const rotated = new Map(rows.map((row) => [row.family, row]))
      return all.map((one) => {
        const row = rotated.get(one.presentation.family)
        rotated.delete(one.presentation.family)
        return row
      })
    },
  )
  return {
    async presentRefreshToken(presentation, lifetimes, now) {
      const presented = { presentation, lifetimes, now }
      const rotated = await rotateTogether(presented)
      if (rotated !== undefined) return rotated
      const [row] = await db.query(PRESENT, [...valuesOf(presented), lifetimes.maxRacedRun])
      return row
    },
    revokeFamily: (family, clientDigest, reason, now) =>
      db.query(REVOKE_FAMILY, [now, reason, family, clientDigest]),
    revokeGrant: (grantId, reason, now) => db.query(REVOKE_GRANT, [now, reason, grantId]),
    revokeGrantsOfAuthorization: (of, reason, now) =>
      db.query(REVOKE_AUTHORIZATION, [now, reason, of.user_id, of.client_digest, of.server_id]),
    revokeGrantsOfUser: (userId, reason, now) => db.query(REVOKE_USER, [now, reason, userId]),
    revokeGrantsOfClient: (clientDigest, reason, now) => db.query(REVOKE_CLIENT, [now, reason, clientDigest]),
    revokeGrantsOfServer: (serverId, reason, now) => db.query(REVOKE_SERVER, [now, reason, serverId]),
    revokeDisallowedGrants: (serverId, reason, now) => db.query(REVOKE_DISALLOWED, [now, reason, serverId]),
    revokeGrantsNotAdmitted: (organizationId, reason, now) =>
      db.query(REVOKE_NOT_ADMITTED, [now, reason, organizationId]),
  }
}
