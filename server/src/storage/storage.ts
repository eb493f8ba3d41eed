import type { EndOfTurn } from '../end_of_turn.ts'
import { type ApprovalStorage, approvalStorage } from './approvals.ts'
import { type AuditEventStorage, auditEventStorage } from './audit_events.ts'
import { type AuthCodeStorage, authCodeStorage } from './auth_codes.ts'
import { type AuthRequestStorage, authRequestStorage } from './auth_requests.ts'
import { type ClientServerScopeStorage, clientServerScopeStorage } from './client_server_scopes.ts'
import { type ClientStorage, clientStorage } from './clients.ts'
import { type CredentialStorage, credentialStorage } from './credentials.ts'
import type { Database, Queryable } from './database.ts'
import { type DenialStorage, denialStorage } from './denials.ts'
import { type DeploymentStorage, deploymentStorage } from './deployment.ts'
import { type EmailCodeStorage, emailCodeStorage } from './email_codes.ts'
import { type ExpiredRowStorage, expiredRowStorage } from './expired_rows.ts'
import { type IdentityStorage, identityStorage } from './identities.ts'
import { type InvitationStorage, invitationStorage } from './invitations.ts'
import { type McpServerKeyStorage, mcpServerKeyStorage } from './mcp_server_keys.ts'
import { type McpServerStorage, mcpServerStorage } from './mcp_servers.ts'
import { type MemberStorage, memberStorage } from './members.ts'
import { type MembershipStorage, membershipStorage } from './memberships.ts'
import { type OneTimeLinkStorage, oneTimeLinkStorage } from './one_time_links.ts'
import { type OrganizationStorage, organizationStorage } from './organizations.ts'
import { type PurposeKeyStorage, purposeKeyStorage } from './purpose_keys.ts'
import { type SessionStorage, sessionStorage } from './sessions.ts'
import { type SigningKeyStorage, signingKeyStorage } from './signing_keys.ts'
import { type TokenStorage, tokenStorage } from './tokens.ts'
import { type UsedOnceStorage, usedOnceStorage } from './used_once.ts'
import { type UserAuthorizationStorage, userAuthorizationStorage } from './user_authorizations.ts'
import { type UserStorage, userStorage } from './users.ts'

/** What the server needs to know and to record, in the terms of its business; one file a table says how. */
export interface Tables
  extends ApprovalStorage,
    AuditEventStorage,
    AuthCodeStorage,
    AuthRequestStorage,
    ClientStorage,
    DenialStorage,
    DeploymentStorage,
    McpServerStorage,
    McpServerKeyStorage,
    OrganizationStorage,
    ClientServerScopeStorage,
    PurposeKeyStorage,
    SigningKeyStorage,
    TokenStorage,
    UserAuthorizationStorage,
    CredentialStorage,
    EmailCodeStorage,
    ExpiredRowStorage,
    IdentityStorage,
    InvitationStorage,
    MemberStorage,
    MembershipStorage,
    OneTimeLinkStorage,
    SessionStorage,
    UsedOnceStorage,
    UserStorage {}

/** All tables, and a way to change several of them at once. */
export interface Storage extends Tables {
  /** Runs `work` in one transaction: all of it is recorded, or nothing is. */
  transaction<Result>(work: (tables: Tables) => Promise<Result>): Promise<Result>
}

/** @param endOfTurn where the statements of several requests may go together */
export function createStorage(database: Database, endOfTurn?: EndOfTurn): Storage {
  return {
    ...tables(database, endOfTurn),
    transaction: (work) => database.transaction((tx) => work(tables(tx))),
  }
}

function tables(db: Queryable, endOfTurn?: EndOfTurn): Tables {
  return {
    ...approvalStorage(db),
    ...auditEventStorage(db),
    ...authCodeStorage(db, endOfTurn),
    ...authRequestStorage(db),
    ...clientStorage(db, endOfTurn),
    ...denialStorage(db),
    ...deploymentStorage(db),
    ...mcpServerStorage(db, endOfTurn),
    ...mcpServerKeyStorage(db),
    ...organizationStorage(db, endOfTurn),
    ...clientServerScopeStorage(db),
    ...purposeKeyStorage(db),
    ...signingKeyStorage(db),
    ...tokenStorage(db, endOfTurn),
    ...userAuthorizationStorage(db, endOfTurn),
    ...credentialStorage(db),
    ...emailCodeStorage(db),
    ...expiredRowStorage(db),
    ...identityStorage(db),
    ...invitationStorage(db),
    ...memberStorage(db),
    ...membershipStorage(db),
    ...oneTimeLinkStorage(db),
    ...sessionStorage(db, endOfTurn),
    ...usedOnceStorage(db),
    ...userStorage(db),
  }
}
