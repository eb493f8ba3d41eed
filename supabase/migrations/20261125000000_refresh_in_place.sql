-- A refresh moves `expires_at`, and while that had an index, each refresh wrote into all seven of the table. What is
-- cleaned is found by `due_at`, which a refresh leaves alone: a new version of the row goes onto the same page (HOT).

alter table auth_agent.tokens
  -- When maintenance looks at the row next: when it will have expired, as far as was known when it looked last.
  add column due_at timestamptz not null default now(),
  set (fillfactor = 80);
create index tokens_due_at on auth_agent.tokens (due_at);
drop index auth_agent.tokens_expires_at;

insert into auth_agent.schema_migrations (name) values ('20261125000000_refresh_in_place');
