import { type Queryable, type Statement, statement } from '../../server/src/storage/database.ts'

/** Everything that a schema consists of, in words that can be compared. */
export interface Catalogue {
  columns: string[]
  constraints: string[]
  indexes: string[]
  functions: string[]
  tables: string[]
  policies: string[]
  grants: string[]
}

interface Fact {
  fact: string
}

const COLUMNS = facts(
  'columns',
  `select format('%s.%s: %s %s %s%s %s', c.relname, a.attnum, a.attname, format_type(a.atttypid, a.atttypmod),
     case when a.attnotnull then 'not null ' else '' end, a.attidentity, pg_get_expr(d.adbin, d.adrelid)) as fact
   from pg_attribute a join pg_class c on c.oid = a.attrelid
   left join pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
   where c.relnamespace = 'auth_agent'::regnamespace and c.relkind = 'r' and a.attnum > 0 and not a.attisdropped`,
)
const CONSTRAINTS = facts(
  'constraints',
  `select format('%s %s: %s', conrelid::regclass, conname, pg_get_constraintdef(oid)) as fact
   from pg_constraint where connamespace = 'auth_agent'::regnamespace`,
)
const INDEXES = facts(
  'indexes',
  `select pg_get_indexdef(indexrelid) as fact from pg_index i join pg_class c on c.oid = i.indexrelid
   where c.relnamespace = 'auth_agent'::regnamespace`,
)
const FUNCTIONS = facts(
  'functions',
  `select pg_get_functiondef(oid) as fact from pg_proc where pronamespace = 'auth_agent'::regnamespace`,
)
const TABLES = facts(
  'tables',
  `select format('%s %s: row security %s, forced %s', relkind, relname, relrowsecurity, relforcerowsecurity) as fact
   from pg_class where relnamespace = 'auth_agent'::regnamespace and relkind <> 'i'`,
)
const POLICIES = facts(
  'policies',
  `select format('%s %s: %s %s to %s using (%s) with check (%s)', tablename, policyname, permissive, cmd, roles, qual,
     with_check) as fact from pg_policies where schemaname = 'auth_agent'`,
)
const GRANTS = facts(
  'grants',
  `select format('%s: %s %s to %s', kind, name, acl.privilege_type,
     case when acl.grantee = owner then 'owner' when acl.grantee = 0 then 'public' else acl.grantee::regrole::text end) as fact
   from (
     select relkind::text as kind, relname::text as name, relowner as owner,
       coalesce(relacl, acldefault(case relkind when 'S' then 's'::"char" else 'r'::"char" end, relowner)) as acl
     from pg_class where relnamespace = 'auth_agent'::regnamespace and relkind in ('r', 'S', 'v', 'm')
     union all
     select 'column', attrelid::regclass || '.' || attname, 0, attacl
     from pg_attribute where attrelid in (select oid from pg_class where relnamespace = 'auth_agent'::regnamespace)
     union all
     select 'function', proname, proowner, coalesce(proacl, acldefault('f', proowner))
     from pg_proc where pronamespace = 'auth_agent'::regnamespace
     union all
     select 'schema', nspname, nspowner, coalesce(nspacl, acldefault('n', nspowner))
     from pg_namespace where nspname = 'auth_agent'
   ) granted, aclexplode(granted.acl) acl`,
)

function facts(name: string, select: string): Statement<Fact> {
  return statement<Fact>(`test_catalogue_${name}`, `${select} order by 1`)
}

export async function readCatalogue(db: Queryable): Promise<Catalogue> {
  const read = async (query: Statement<Fact>) => (await db.query(query)).map(({ fact }) => fact)
  return {
    columns: await read(COLUMNS),
    constraints: await read(CONSTRAINTS),
    indexes: await read(INDEXES),
    functions: await read(FUNCTIONS),
    tables: await read(TABLES),
    policies: await read(POLICIES),
    grants: await read(GRANTS),
  }
}
