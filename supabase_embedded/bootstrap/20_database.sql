-- What a database of the platform has before the first migration, outside the services' own schemas.

create schema extensions;
grant usage on schema extensions to anon, authenticated, service_role, dashboard_user;
grant all on schema extensions to postgres;

-- The platform's default extensions, if this server has them. Without pgcrypto, `gen_random_uuid()` and `sha256()`
-- are still there: they are part of PostgreSQL.
do $$
declare
  v_name text;
begin
  for v_name in
    select name
    from pg_catalog.pg_available_extensions
    where name in ('pgcrypto', 'uuid-ossp', 'pg_stat_statements')
    order by name
  loop
    execute format('create extension if not exists %I with schema extensions', v_name);
  end loop;
end;
$$;
grant all on all tables in schema extensions to postgres;
grant all on all routines in schema extensions to postgres;

-- Nothing in `public` is reachable by a request without a grant of its own: no default privileges are given here.
-- By default everyone may execute functions, in PostgreSQL as on the platform; migrations revoke that.
grant usage on schema public to anon, authenticated, service_role;

create publication supabase_realtime;
alter publication supabase_realtime owner to postgres;
