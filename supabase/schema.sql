-- The whole schema of the authorization server. It lives outside of `public`, so PostgREST does not expose it;
-- row level security is enabled and forced on every table, and one role has grants and policies.
--
-- The current whole, to be read. What is executed is `migrations/`; a test proves that they yield the same.

create schema if not exists auth_agent;

do $$
begin
  if not exists (select from pg_roles where rolname = 'auth_agent_server') then
    create role auth_agent_server nologin;
  end if;
  -- Whoever migrates as an ordinary role also serves, unless it hands the server a login of its own.
  if not (select rolsuper from pg_roles where rolname = current_user) then
    execute format('grant auth_agent_server to %I', current_user);
  end if;
end
$$;

create table auth_agent.schema_migrations (
  name text primary key,
  applied_at timestamptz not null default now()
);

-- What holds for the whole of it: one row.
create table auth_agent.deployment (
  -- Tokens, clients and passkeys are bound to it. A server with another one refuses to start.
  issuer text not null,
  is_only boolean primary key default true check (is_only)
);

-- Organisations and people -------------------------------------------------------------------------------------

create table auth_agent.organizations (
  id text primary key check (id ~ '^org_'),
  name text not null,
  -- Which clients may come in: everyone, those whose metadata document is at a listed domain, registered ones only.
  client_policy text not null default 'everyone' check (client_policy in ('everyone', 'domains', 'registered')),
  client_domains text[] not null default '{}',
  created_at timestamptz not null default now()
);

create table auth_agent.users (
  id text primary key check (id ~ '^usr_'),
  email text not null unique check (email = lower(email) and email ~ '^[^@]+@[^@]+$'),
  email_verified_at timestamptz,
  -- How the address was proved. What was set before the first proof by mail or by an upstream is not trusted.
  email_verified_by text check (email_verified_by in ('operator', 'administrator', 'mail', 'upstream')),
  created_at timestamptz not null default now(),
  disabled_at timestamptz,
  check ((email_verified_at is null) = (email_verified_by is null))
);

create table auth_agent.memberships (
  organization_id text not null references auth_agent.organizations on delete cascade,
  user_id text not null references auth_agent.users on delete cascade,
  role text not null check (role in ('owner', 'admin', 'member')),
  created_at timestamptz not null default now(),
  primary key (organization_id, user_id)
);
create index memberships_user_id on auth_agent.memberships (user_id);

create table auth_agent.invitations (
  id text primary key check (id ~ '^inv_'),
  organization_id text not null references auth_agent.organizations on delete cascade,
  email text not null check (email = lower(email)),
  role text not null check (role in ('owner', 'admin', 'member')),
  token_digest bytea not null unique,
  -- Whether the link went to the address itself; only then does following it prove the address.
  sent_by_mail boolean not null,
  invited_by text references auth_agent.users on delete set null,
  created_at timestamptz not null,
  expires_at timestamptz not null,
  accepted_at timestamptz
);
create index invitations_organization_id on auth_agent.invitations (organization_id, created_at);
create index invitations_invited_by on auth_agent.invitations (invited_by);
create index invitations_expires_at on auth_agent.invitations (expires_at);

create table auth_agent.one_time_links (
  token_digest bytea primary key,
  purpose text not null check (purpose in ('owner_setup', 'password_reset')),
  user_id text references auth_agent.users on delete cascade,
  created_at timestamptz not null,
  expires_at timestamptz not null,
  used_at timestamptz,
  check ((purpose = 'owner_setup') = (user_id is null))
);
create index one_time_links_user_id on auth_agent.one_time_links (user_id);
create index one_time_links_expires_at on auth_agent.one_time_links (expires_at);

create table auth_agent.credentials (
  id text primary key check (id ~ '^crd_'),
  user_id text not null references auth_agent.users on delete cascade,
  type text not null check (type in ('password', 'passkey')),
  password_hash text,
  passkey_id text unique,
  passkey_public_key bytea,
  passkey_counter bigint,
  passkey_transports text[],
  name text,
  created_at timestamptz not null,
  last_used_at timestamptz,
  check ((type = 'password') = (password_hash is not null)),
  check ((type = 'passkey') = (passkey_id is not null and passkey_public_key is not null and passkey_counter is not null))
);
create index credentials_user_id on auth_agent.credentials (user_id);
create unique index credentials_one_password on auth_agent.credentials (user_id) where type = 'password';

create table auth_agent.identities (
  issuer text not null,
  subject text not null,
  user_id text not null references auth_agent.users on delete cascade,
  created_at timestamptz not null default now(),
  primary key (issuer, subject)
);
create index identities_user_id on auth_agent.identities (user_id);

create table auth_agent.sessions (
  digest bytea primary key,
  id text not null unique check (id ~ '^ses_'),
  user_id text not null references auth_agent.users on delete cascade,
  auth_time timestamptz not null,
  amr text[] not null,
  user_agent text,
  created_at timestamptz not null,
  last_seen_at timestamptz not null,
  expires_at timestamptz not null
);
create index sessions_user_id on auth_agent.sessions (user_id);
create index sessions_expires_at on auth_agent.sessions (expires_at);

create table auth_agent.email_codes (
  browser_digest bytea primary key,
  email text not null,
  code_digest bytea not null,
  tries integer not null default 0,
  created_at timestamptz not null,
  expires_at timestamptz not null
);
create index email_codes_expires_at on auth_agent.email_codes (expires_at);

-- Budgets of guesses, by account, by address and for the whole server. The key is a digest of what is counted.
create table auth_agent.attempt_counters (
  key bytea primary key,
  attempts integer not null,
  window_ends_at timestamptz not null
);
create index attempt_counters_window_ends_at on auth_agent.attempt_counters (window_ends_at);

-- What may be presented once: the `jti` of a client assertion, the challenge of a passkey ceremony.
create table auth_agent.used_once (
  digest bytea primary key,
  expires_at timestamptz not null
);
create index used_once_expires_at on auth_agent.used_once (expires_at);

-- MCP servers and clients --------------------------------------------------------------------------------------

create table auth_agent.mcp_servers (
  id text primary key check (id ~ '^srv_'),
  organization_id text not null references auth_agent.organizations,
  -- The resource identifier as it was registered: `aud` of every token, `resource` of the metadata.
  server_url text not null,
  -- What spellings of one address have in common; see checks/resource.ts.
  canonical_url text not null unique,
  canonical_origin text not null,
  server_name text not null,
  description text,
  logo_url text,
  scopes jsonb not null,
  identity text[] not null default '{email}',
  access_mode text not null default 'members' check (access_mode in ('members', 'listed', 'everyone')),
  access_emails text[] not null default '{}',
  access_domains text[] not null default '{}',
  created_at timestamptz not null,
  updated_at timestamptz not null,
  unique (organization_id, id)
);
create index mcp_servers_canonical_origin on auth_agent.mcp_servers (canonical_origin);

create table auth_agent.mcp_server_keys (
  id text primary key check (id ~ '^key_'),
  organization_id text not null,
  server_id text not null,
  name text not null,
  secret_digest bytea not null,
  created_at timestamptz not null,
  expires_at timestamptz,
  revoked_at timestamptz,
  foreign key (organization_id, server_id) references auth_agent.mcp_servers (organization_id, id) on delete cascade
);
create index mcp_server_keys_server_id on auth_agent.mcp_server_keys (organization_id, server_id);

create table auth_agent.clients (
  -- SHA-256 of the client_id, which may be a URL or carry a kilobyte of sealed metadata.
  digest bytea primary key,
  client_id text not null,
  organization_id text not null references auth_agent.organizations,
  source text not null check (source in ('registered', 'metadata_document', 'dynamic')),
  metadata jsonb not null,
  secret_digest bytea,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  disabled_at timestamptz,
  unique (organization_id, digest)
);
create index clients_registered on auth_agent.clients (organization_id, created_at) where source = 'registered';

-- What a registered client may ask of a server in its own name (client credentials).
create table auth_agent.client_server_scopes (
  organization_id text not null,
  client_digest bytea not null,
  server_id text not null,
  scopes text[] not null,
  primary key (client_digest, server_id),
  foreign key (organization_id, client_digest) references auth_agent.clients (organization_id, digest) on delete cascade,
  foreign key (organization_id, server_id) references auth_agent.mcp_servers (organization_id, id) on delete cascade
);
create index client_server_scopes_server_id on auth_agent.client_server_scopes (organization_id, server_id);
create index client_server_scopes_client on auth_agent.client_server_scopes (organization_id, client_digest);

-- Authorization ------------------------------------------------------------------------------------------------

-- A request that a person has answered, so that it is answered once. The client may be one that has no row, and `request` is
-- empty: what was asked was in the page.
create table auth_agent.auth_requests (
  digest bytea primary key,
  organization_id text not null references auth_agent.organizations,
  session_digest bytea not null references auth_agent.sessions on delete cascade,
  client_id text not null,
  request jsonb not null,
  created_at timestamptz not null,
  expires_at timestamptz not null,
  used_at timestamptz
);
create index auth_requests_organization_id on auth_agent.auth_requests (organization_id);
create index auth_requests_session_digest on auth_agent.auth_requests (session_digest);
create index auth_requests_expires_at on auth_agent.auth_requests (expires_at);

create table auth_agent.auth_codes (
  digest bytea primary key,
  organization_id text not null references auth_agent.organizations,
  client_digest bytea not null references auth_agent.clients on delete cascade,
  user_id text not null references auth_agent.users on delete cascade,
  server_id text references auth_agent.mcp_servers on delete cascade,
  session_id text not null,
  grant_id text not null unique,
  resource text not null,
  redirect_uri text not null,
  scopes text[] not null,
  identity text[] not null,
  nonce text,
  code_challenge text not null,
  dpop_jkt text,
  auth_time timestamptz not null,
  created_at timestamptz not null,
  expires_at timestamptz not null,
  used_at timestamptz
);
create index auth_codes_organization_id on auth_agent.auth_codes (organization_id);
create index auth_codes_client_digest on auth_agent.auth_codes (client_digest);
create index auth_codes_user_id on auth_agent.auth_codes (user_id);
create index auth_codes_server_id on auth_agent.auth_codes (server_id);
create index auth_codes_expires_at on auth_agent.auth_codes (expires_at);

-- A grant and its family of refresh tokens: no token is here, only which generation is current. The rule is in
-- docs/refresh_tokens.md.
create table auth_agent.tokens (
  family text primary key,
  grant_id text not null unique,
  organization_id text not null references auth_agent.organizations,
  client_digest bytea not null references auth_agent.clients on delete cascade,
  user_id text not null references auth_agent.users on delete cascade,
  server_id text references auth_agent.mcp_servers on delete cascade,
  resource text not null,
  scopes text[] not null,
  identity text[] not null,
  auth_time timestamptz not null,
  generation integer not null default 0,
  -- When generation - 1, generation - 2, … were superseded; as many as can lie in the race window.
  superseded_at timestamptz[] not null default '{}',
  -- The newest generation that was presented again after the race window.
  replayed_generation integer,
  -- The newest generation that was presented again within it, and how many in a row were.
  raced_generation integer,
  raced_run integer not null default 0,
  -- Bound to a key, or its client authenticates: a thief would need more than the token.
  sender_constrained boolean not null,
  dpop_jkt text,
  presented_from bytea,
  created_at timestamptz not null,
  last_used_at timestamptz not null,
  expires_at timestamptz not null,
  max_expires_at timestamptz not null,
  -- The latest `exp` of an access token that was issued under this grant; a denial is kept as long.
  access_expires_at timestamptz not null,
  revoked_at timestamptz,
  revoked_reason text,
  -- When maintenance looks at the row next: when it will have expired, as far as was known when it looked last. A refresh
  -- leaves it alone, and so every index: the new version of the row goes onto the same page, which keeps room for it.
  due_at timestamptz not null default now(),
  check ((revoked_at is null) = (revoked_reason is null))
) with (fillfactor = 80);
create index tokens_organization_id on auth_agent.tokens (organization_id);
create index tokens_user_id on auth_agent.tokens (user_id);
create index tokens_client_digest on auth_agent.tokens (client_digest);
create index tokens_server_id on auth_agent.tokens (server_id);
create index tokens_due_at on auth_agent.tokens (due_at);

create table auth_agent.user_authorizations (
  id text primary key check (id ~ '^aut_'),
  organization_id text not null references auth_agent.organizations,
  user_id text not null references auth_agent.users on delete cascade,
  client_digest bytea not null references auth_agent.clients on delete cascade,
  server_id text references auth_agent.mcp_servers on delete cascade,
  redirect_origin text not null,
  -- Of the client's metadata as it was when the person approved it.
  metadata_digest bytea not null,
  scopes text[] not null,
  identity text[] not null,
  granted_at timestamptz not null,
  last_used_at timestamptz not null,
  unique nulls not distinct (user_id, client_digest, server_id, redirect_origin)
);
create index user_authorizations_organization_id on auth_agent.user_authorizations (organization_id);
create index user_authorizations_client_digest on auth_agent.user_authorizations (client_digest);
create index user_authorizations_server_id on auth_agent.user_authorizations (server_id);

create table auth_agent.device_codes (
  device_code_digest bytea primary key,
  user_code_digest bytea not null unique,
  organization_id text not null references auth_agent.organizations,
  client_digest bytea not null references auth_agent.clients on delete cascade,
  server_id text references auth_agent.mcp_servers on delete cascade,
  user_id text references auth_agent.users on delete cascade,
  resource text not null,
  scopes text[] not null,
  status text not null default 'pending' check (status in ('pending', 'approved', 'denied', 'used')),
  created_at timestamptz not null,
  expires_at timestamptz not null,
  last_polled_at timestamptz
);
create index device_codes_organization_id on auth_agent.device_codes (organization_id);
create index device_codes_client_digest on auth_agent.device_codes (client_digest);
create index device_codes_server_id on auth_agent.device_codes (server_id);
create index device_codes_user_id on auth_agent.device_codes (user_id);
create index device_codes_expires_at on auth_agent.device_codes (expires_at);

-- Access that ended before its tokens expire. A reader keeps the snapshot's xmin as its cursor and reads
-- `transaction_id >= cursor`: a slow transaction that is overtaken by a fast one is still read, and no lock is needed.
create table auth_agent.denials (
  id bigint generated always as identity primary key,
  transaction_id xid8 not null default pg_current_xact_id(),
  organization_id text not null references auth_agent.organizations,
  kind text not null check (kind in ('token', 'grant', 'user', 'client', 'server', 'key')),
  subject text not null,
  -- The one server whose tokens it concerns, or null for all of the organisation's.
  server_id text,
  -- For a user, client, server or key: what was issued at or before this moment is denied.
  cutoff timestamptz,
  created_at timestamptz not null,
  expires_at timestamptz not null,
  check ((kind in ('token', 'grant')) = (cutoff is null))
);
create index denials_organization_id on auth_agent.denials (organization_id);
create index denials_position on auth_agent.denials (transaction_id, id);
create index denials_expires_at on auth_agent.denials (expires_at);

-- Keys ---------------------------------------------------------------------------------------------------------

create table auth_agent.signing_keys (
  kid text primary key,
  alg text not null check (alg in ('ES256', 'RS256', 'EdDSA', 'HS256')),
  public_jwk jsonb,
  wrapped_key bytea not null,
  created_at timestamptz not null,
  activates_at timestamptz not null,
  -- Set when a successor exists: when it stops signing, and when the last token that it signed has expired.
  deactivates_at timestamptz,
  expires_at timestamptz,
  check ((alg = 'HS256') = (public_jwk is null))
);
create index signing_keys_alg on auth_agent.signing_keys (alg, activates_at);
-- One key of each algorithm has no successor: of two nodes that make the first at the same time, one succeeds.
create unique index signing_keys_latest on auth_agent.signing_keys (alg) where deactivates_at is null;

create table auth_agent.purpose_keys (
  purpose text not null,
  version integer not null,
  wrapped_key bytea not null,
  created_at timestamptz not null,
  primary key (purpose, version)
);

-- Records ------------------------------------------------------------------------------------------------------

create table auth_agent.audit_events (
  id bigint generated always as identity primary key,
  organization_id text references auth_agent.organizations,
  occurred_at timestamptz not null,
  type text not null,
  user_id text,
  client_id text,
  server_id text,
  detail jsonb not null default '{}'
);
create index audit_events_occurred_at on auth_agent.audit_events (occurred_at);
create index audit_events_organization_id on auth_agent.audit_events (organization_id, occurred_at);

create table auth_agent.usage_counters (
  organization_id text not null references auth_agent.organizations on delete cascade,
  server_id text not null,
  day date not null,
  metric text not null,
  count bigint not null default 0,
  primary key (organization_id, server_id, day, metric)
);

-- Rules that several statements share --------------------------------------------------------------------------

-- Whether a person stands well enough, and the server's access policy admits them. `is_member`: of its organisation. It is
-- passed, since PostgreSQL puts a function without a subquery into the statement that asks, and calls any other.
create function auth_agent.may_use(server auth_agent.mcp_servers, person auth_agent.users, is_member boolean)
returns boolean language sql stable as $$
  select person.disabled_at is null
    and person.email_verified_at is not null
    and case server.access_mode
      when 'everyone' then true
      when 'members' then is_member
      else person.email = any (server.access_emails)
        or split_part(person.email, '@', 2) = any (server.access_domains)
    end
$$;

-- The same, where that is not asked otherwise.
create function auth_agent.may_use(server auth_agent.mcp_servers, person auth_agent.users)
returns boolean language sql stable as $$
  select auth_agent.may_use(server, person, exists (
    select from auth_agent.memberships m
    where m.organization_id = server.organization_id and m.user_id = person.id))
$$;

-- Whether a person may use the management API.
create function auth_agent.may_manage(person auth_agent.users)
returns boolean language sql stable as $$
  select person.disabled_at is null and exists (
    select from auth_agent.memberships m where m.user_id = person.id and m.role in ('owner', 'admin'))
$$;

-- Whether an organisation lets a client in.
create function auth_agent.admits(organization auth_agent.organizations, client auth_agent.clients)
returns boolean language sql stable as $$
  select client.disabled_at is null
    and case organization.client_policy
      when 'everyone' then true
      when 'domains' then client.source = 'registered'
        or (client.source = 'metadata_document'
          and substring(client.client_id from '^https://([^/]+)') = any (organization.client_domains))
      else client.source = 'registered'
    end
$$;

-- Who may touch any of it --------------------------------------------------------------------------------------

revoke all on schema auth_agent from public;
revoke execute on all functions in schema auth_agent from public;
grant usage on schema auth_agent to auth_agent_server;
grant select, insert, update, delete on all tables in schema auth_agent to auth_agent_server;
grant usage on all sequences in schema auth_agent to auth_agent_server;
grant execute on all functions in schema auth_agent to auth_agent_server;

do $$
declare
  table_name text;
begin
  for table_name in select tablename from pg_tables where schemaname = 'auth_agent' loop
    execute format('alter table auth_agent.%I enable row level security', table_name);
    execute format('alter table auth_agent.%I force row level security', table_name);
    execute format('create policy server_only on auth_agent.%I to auth_agent_server using (true) with check (true)', table_name);
  end loop;
end
$$;

insert into auth_agent.organizations (id, name) values ('org_root', 'Auth-Agent');
insert into auth_agent.schema_migrations (name) values
  ('20261124000000_initial'),
  ('20261125000000_refresh_in_place'),
  ('20261125000001_denials_in_pages'),
  ('20261126000000_membership_is_passed');
