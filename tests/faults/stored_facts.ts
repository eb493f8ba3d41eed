import { type Database, statement } from '../../server/src/storage/database.ts'
import type { Problem } from './figures.ts'
import type { Grant, Ledger } from './ledger.ts'

const FAMILIES = statement<{
  family: string
  grant_id: string
  client_id: string
  generation: number
  revoked_reason: string | null
  is_denied: boolean
  codes: string
}>(
  'test_faults_families',
  `select t.family, t.grant_id, c.client_id, t.generation, t.revoked_reason,
     exists (select from auth_agent.denials d where d.kind = 'grant' and d.subject = t.grant_id) as is_denied,
     (select count(*) from auth_agent.auth_codes a where a.grant_id = t.grant_id and a.used_at is not null) as codes
   from auth_agent.tokens t join auth_agent.clients c on c.digest = t.client_digest`,
)
const CODES_WITHOUT_FAMILY = statement<{ client_id: string; grant_id: string }>(
  'test_faults_codes_without_family',
  `select c.client_id, a.grant_id from auth_agent.auth_codes a
   join auth_agent.clients c on c.digest = a.client_digest
   where a.used_at is not null
     and not exists (select from auth_agent.tokens t where t.grant_id = a.grant_id)`,
)
const DENIED_TOKENS = statement<{ subject: string }>(
  'test_faults_denied_tokens',
  `select subject from auth_agent.denials where kind = 'token'`,
)
const SERVERS = statement<{ id: string; canonical_url: string }>(
  'test_faults_servers',
  'select id, canonical_url from auth_agent.mcp_servers',
)
const KEYS = statement<{ id: string; is_revoked: boolean }>(
  'test_faults_keys',
  'select id, revoked_at is not null as is_revoked from auth_agent.mcp_server_keys',
)
// Neither happens where nothing is lost: a family behind its token, and a token that is taken for stolen.
const ALARMS = statement<{ type: string; count: string }>(
  'test_faults_alarms',
  `select type, count(*) from auth_agent.audit_events
   where type in ('refresh_token.ahead_of_database', 'refresh_token.theft') group by type`,
)

/** What is stored and contradicts what was acknowledged. */
export async function findContradictions(database: Database, ledger: Ledger): Promise<Problem[]> {
  return [
    ...(await contradictionsOfGrants(database, ledger)),
    ...(await contradictionsOfTheRest(database, ledger)),
  ]
}

async function contradictionsOfGrants(database: Database, ledger: Ledger): Promise<Problem[]> {
  const problems: Problem[] = []
  const report = (what: string, detail: Problem['detail']) => problems.push({ what, detail })
  const families = await database.query(FAMILIES)
  const byGrant = new Map(families.map((row) => [row.grant_id, row]))
  const state = ({ grantId, generation, state }: Grant) => ({ grantId, generation, state })
  for (const grant of ledger.grants) {
    const row = byGrant.get(grant.grantId)
    if (row === undefined) {
      report('An acknowledged grant is lost.', state(grant))
      continue
    }
    const detail = { ...state(grant), row }
    if (row.family !== grant.family || row.client_id !== grant.clientId) report('A grant is another.', detail)
    if (row.generation < grant.generation) report('An acknowledged refresh is lost.', detail)
    if (grant.state === 'ended' && row.revoked_reason === null) report('A revocation is lost.', detail)
    if (grant.state === 'ended' && !row.is_denied) report('A denial is lost.', detail)
    if (grant.state === 'live' && row.revoked_reason !== null)
      report('A grant was revoked by nobody.', detail)
  }
  for (const row of families) if (row.codes !== '1') report('A family has not one used code.', { row })
  for (const row of await database.query(CODES_WITHOUT_FAMILY))
    if (!ledger.clientsOfAccountPage.has(row.client_id)) report('A used code has no family.', { row })
  return problems
}

async function contradictionsOfTheRest(database: Database, ledger: Ledger): Promise<Problem[]> {
  const problems: Problem[] = []
  const report = (what: string, detail: Problem['detail']) => problems.push({ what, detail })
  const denied = new Set((await database.query(DENIED_TOKENS)).map(({ subject }) => subject))
  for (const { jti } of ledger.revokedTokens)
    if (!denied.has(jti)) report('The denial of a token is lost.', { jti })
  const servers = await database.query(SERVERS)
  const serverIds = new Set(servers.map(({ id }) => id))
  for (const { id, state } of ledger.servers) {
    if (state === 'live' && !serverIds.has(id)) report('A server is lost.', { id })
    if (state === 'ended' && serverIds.has(id)) report('The removal of a server is lost.', { id })
  }
  const keys = new Map((await database.query(KEYS)).map((row) => [row.id, row]))
  for (const { id, state } of ledger.keys) {
    if (state === 'live' && keys.get(id)?.is_revoked !== false) report('A key is lost.', { id })
    if (state === 'ended' && keys.get(id)?.is_revoked === false)
      report('The revocation of a key is lost.', { id })
  }
  for (const row of await database.query(ALARMS)) report('An alarm of which nobody gave cause.', { ...row })
  return problems
}
