import { runStatements, startCluster, urlWith } from '../deployment/cluster.ts'
import type { Certificate } from '../support/certificate.ts'

const PASSWORD = 'password-of-a-role-that-lives-for-one-test'

/** A PostgreSQL as Supabase hands it over, for one test, and the URLs of those who sign in to it. */
export interface SupabaseProject {
  superuser: string
  /** Whom Supabase calls `postgres`: no superuser, and nobody's row level security holds for it. */
  operator: string
  /** As whom PostgREST signs in, to become one of the roles of the data API. */
  authenticator: string
}

/** The roles of the data API. */
export const API_ROLES = ['anon', 'authenticated', 'service_role'] as const

/**
 * The roles, memberships and default privileges of Supabase. There the superuser is `supabase_admin` and the operator
 * `postgres`, which is the superuser here.
 */
export async function startSupabaseProject(
  version: 15 | 18,
  certificate?: Certificate,
): Promise<SupabaseProject> {
  const superuser = await startCluster(version, certificate)
  await runStatements(superuser, [
    `create role operator login createrole createdb replication bypassrls password '${PASSWORD}'`,
    'create role anon nologin',
    'create role authenticated nologin',
    'create role service_role nologin bypassrls',
    `create role authenticator login noinherit password '${PASSWORD}'`,
    ...API_ROLES.map((role) => `grant ${role} to authenticator`),
    ...API_ROLES.map((role) => `grant ${role} to operator`),
    'grant create on database postgres to operator',
    'grant all on schema public to operator',
    `grant usage on schema public to ${API_ROLES.join(', ')}`,
    ...['tables', 'functions', 'sequences'].map(
      (kind) =>
        `alter default privileges for role operator in schema public grant all on ${kind} to ${API_ROLES.join(', ')}`,
    ),
  ])
  return {
    superuser,
    operator: urlWith(superuser, { user: 'operator', password: PASSWORD }),
    authenticator: urlWith(superuser, { user: 'authenticator', password: PASSWORD }),
  }
}
