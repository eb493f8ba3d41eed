/**
 * What the driver returns of each table. Made by kanel from the migrated database; after a change of the schema run
 * `npx vitest run tests/storage/rows.test.ts -u`.
 */
export interface AttemptCountersRow {
  key: Buffer

  attempts: number

  window_ends_at: Date
}

export interface AuditEventsRow {
  id: string

  organization_id: string | null

  occurred_at: Date

  type: string

  user_id: string | null

  client_id: string | null

  server_id: string | null

  detail: unknown
}

export interface AuthCodesRow {
  digest: Buffer

  organization_id: string

  client_digest: Buffer

  user_id: string

  server_id: string | null

  session_id: string

  grant_id: string

  resource: string

  redirect_uri: string

  scopes: string[]

  identity: string[]

  nonce: string | null

  code_challenge: string

  dpop_jkt: string | null

  auth_time: Date

  created_at: Date

  expires_at: Date

  used_at: Date | null
}

export interface AuthRequestsRow {
  digest: Buffer

  organization_id: string

  session_digest: Buffer

  client_id: string

  request: unknown

  created_at: Date

  expires_at: Date

  used_at: Date | null
}

export interface ClientServerScopesRow {
  client_digest: Buffer

  server_id: string

  organization_id: string

  scopes: string[]
}

export interface ClientsRow {
  digest: Buffer

  client_id: string

  organization_id: string

  source: string

  metadata: unknown

  secret_digest: Buffer | null

  created_at: Date

  updated_at: Date

  disabled_at: Date | null
}

export interface CredentialsRow {
  id: string

  user_id: string

  type: string

  password_hash: string | null

  passkey_id: string | null

  passkey_public_key: Buffer | null

  passkey_counter: string | null

  passkey_transports: string[] | null

  name: string | null

  created_at: Date

  last_used_at: Date | null
}

export interface DenialsRow {
  id: string

  transaction_id: string

  organization_id: string

  kind: string

  subject: string

  server_id: string | null

  cutoff: Date | null

  created_at: Date

  expires_at: Date
}

export interface DeploymentRow {
  is_only: boolean

  issuer: string
}

export interface DeviceCodesRow {
  device_code_digest: Buffer

  user_code_digest: Buffer

  organization_id: string

  client_digest: Buffer

  server_id: string | null

  user_id: string | null

  resource: string

  scopes: string[]

  status: string

  created_at: Date

  expires_at: Date

  last_polled_at: Date | null
}

export interface EmailCodesRow {
  browser_digest: Buffer

  email: string

  code_digest: Buffer

  tries: number

  created_at: Date

  expires_at: Date
}

export interface IdentitiesRow {
  issuer: string

  subject: string

  user_id: string

  created_at: Date
}

export interface InvitationsRow {
  id: string

  organization_id: string

  email: string

  role: string

  token_digest: Buffer

  sent_by_mail: boolean

  invited_by: string | null

  created_at: Date

  expires_at: Date

  accepted_at: Date | null
}

export interface McpServerKeysRow {
  id: string

  organization_id: string

  server_id: string

  name: string

  secret_digest: Buffer

  created_at: Date

  expires_at: Date | null

  revoked_at: Date | null
}

export interface McpServersRow {
  id: string

  organization_id: string

  server_url: string

  canonical_url: string

  canonical_origin: string

  server_name: string

  description: string | null

  logo_url: string | null

  scopes: unknown

  identity: string[]

  access_mode: string

  access_emails: string[]

  access_domains: string[]

  created_at: Date

  updated_at: Date
}

export interface MembershipsRow {
  organization_id: string

  user_id: string

  role: string

  created_at: Date
}

export interface OneTimeLinksRow {
  token_digest: Buffer

  purpose: string

  user_id: string | null

  created_at: Date

  expires_at: Date

  used_at: Date | null
}

export interface OrganizationsRow {
  id: string

  name: string

  client_policy: string

  client_domains: string[]

  created_at: Date
}

export interface PurposeKeysRow {
  purpose: string

  version: number

  wrapped_key: Buffer

  created_at: Date
}

export interface SchemaMigrationsRow {
  name: string

  applied_at: Date
}

export interface SessionsRow {
  digest: Buffer

  id: string

  user_id: string

  auth_time: Date

  amr: string[]

  user_agent: string | null

  created_at: Date

  last_seen_at: Date

  expires_at: Date
}

export interface SigningKeysRow {
  kid: string

  alg: string

  public_jwk: unknown | null

  wrapped_key: Buffer

  created_at: Date

  activates_at: Date

  deactivates_at: Date | null

  expires_at: Date | null
}

export interface TokensRow {
  family: string

  grant_id: string

  organization_id: string

  client_digest: Buffer

  user_id: string

  server_id: string | null

  resource: string

  scopes: string[]

  identity: string[]

  auth_time: Date

  generation: number

  superseded_at: Date[]

  replayed_generation: number | null

  raced_generation: number | null

  raced_run: number

  sender_constrained: boolean

  dpop_jkt: string | null

  presented_from: Buffer | null

  created_at: Date

  last_used_at: Date

  expires_at: Date

  max_expires_at: Date

  access_expires_at: Date

  revoked_at: Date | null

  revoked_reason: string | null

  due_at: Date
}

export interface UsageCountersRow {
  organization_id: string

  server_id: string

  day: Date

  metric: string

  count: string
}

export interface UsedOnceRow {
  digest: Buffer

  expires_at: Date
}

export interface UserAuthorizationsRow {
  id: string

  organization_id: string

  user_id: string

  client_digest: Buffer

  server_id: string | null

  redirect_origin: string

  metadata_digest: Buffer

  scopes: string[]

  identity: string[]

  granted_at: Date

  last_used_at: Date
}

export interface UsersRow {
  id: string

  email: string

  email_verified_at: Date | null

  email_verified_by: string | null

  created_at: Date

  disabled_at: Date | null
}
