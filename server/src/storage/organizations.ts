import type { EndOfTurn } from '../end_of_turn.ts'
import { type Queryable, statement } from './database.ts'
import type { OrganizationsRow } from './rows.ts'
import { findTogether } from './together.ts'

/** Which clients may come in: everyone, those whose metadata document is at a listed domain, registered ones only. */
export type ClientPolicy = 'everyone' | 'domains' | 'registered'

export interface Organization extends Readonly<Omit<OrganizationsRow, 'client_policy'>> {
  readonly client_policy: ClientPolicy
}

export interface OrganizationStorage {
  findOrganization(id: string): Promise<Organization | undefined>
  /** Changes what is given and leaves the rest. Undefined where there is no such organisation. */
  changeOrganization(
    id: string,
    change: Partial<Pick<Organization, 'name' | 'client_policy' | 'client_domains'>>,
  ): Promise<Organization | undefined>
}

const COLUMNS = 'id, name, client_policy, client_domains, created_at'

const FIND = statement<Organization>(
  'organizations_find',
  `select ${COLUMNS} from unnest((select $1::text[])) asked (id) join auth_agent.organizations using (id)`,
)
const CHANGE = statement<Organization>(
  'organizations_change',
  `update auth_agent.organizations set name = coalesce($2, name), client_policy = coalesce($3, client_policy),
     client_domains = coalesce($4, client_domains)
   where id = $1 returning ${COLUMNS}`,
)

export function organizationStorage(db: Queryable, endOfTurn?: EndOfTurn): OrganizationStorage {
  const find = findTogether(
    endOfTurn,
    ({ id }: Pick<Organization, 'id'>) => id,
    (asked) => db.query(FIND, [asked.map(({ id }) => id)]),
  )
  return {
    findOrganization: async (id) => (await find({ id }))[0],
    changeOrganization: async (id, { name, client_policy, client_domains }) =>
      (await db.query(CHANGE, [id, name, client_policy, client_domains]))[0],
  }
}
