-- Whether a person may use a server, in a form that PostgreSQL puts into the statement that asks: a function of SQL with a
-- subquery is called instead, and up to PostgreSQL 17 planned anew by each statement, which took longer than a refresh.

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

create or replace function auth_agent.may_use(server auth_agent.mcp_servers, person auth_agent.users)
returns boolean language sql stable as $$
  select auth_agent.may_use(server, person, exists (
    select from auth_agent.memberships m
    where m.organization_id = server.organization_id and m.user_id = person.id))
$$;

revoke execute on function auth_agent.may_use(auth_agent.mcp_servers, auth_agent.users, boolean) from public;
grant execute on function auth_agent.may_use(auth_agent.mcp_servers, auth_agent.users, boolean) to auth_agent_server;

insert into auth_agent.schema_migrations (name) values ('20261126000000_membership_is_passed');
