import { type Queryable, statement } from './database.ts'

export interface DeploymentStorage {
  /** Gives a new database to an issuer. Returns whose it is. */
  claimForIssuer(issuer: string): Promise<string>
  /** Gives the database to another issuer, unless somebody else has done so meanwhile. */
  changeIssuer(former: string, issuer: string): Promise<void>
}

const CLAIM = statement(
  'deployment_claim',
  'insert into auth_agent.deployment (issuer) values ($1) on conflict do nothing',
)
const FIND = statement<{ issuer: string }>('deployment_find', 'select issuer from auth_agent.deployment')
const CHANGE = statement(
  'deployment_change',
  'update auth_agent.deployment set issuer = $2 where issuer = $1',
)

export function deploymentStorage(db: Queryable): DeploymentStorage {
  return {
    async claimForIssuer(issuer) {
      await db.query(CLAIM, [issuer])
      const [row] = await db.query(FIND)
      return row?.issuer ?? issuer
    },
    async changeIssuer(former, issuer) {
      await db.query(CHANGE, [former, issuer])
    },
  }
}
