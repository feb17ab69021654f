-- Owners, grants and functions of schema `auth`. Its tables exist already: they come with the auth server.

-- Columns of the platform's tables that the embedded auth server lacks, so that the same seed works in both.
alter table auth.users
  add column if not exists instance_id uuid,
  add column if not exists is_super_admin boolean;
alter table auth.identities
  alter column id set default gen_random_uuid();

-- The services' schemas have one owner, and their tables another that may not create more; nor may `postgres`.
alter schema auth owner to supabase_admin;
grant usage on schema auth to anon, authenticated, service_role, postgres;
grant all on schema auth to supabase_auth_admin, dashboard_user;

create or replace function auth.uid() returns uuid
  language sql
  stable
as $$
  select coalesce(
    nullif(current_setting('request.jwt.claim.sub', true), ''),
    nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'sub'
  )::uuid
$$;
comment on function auth.uid() is 'The id of the user who makes this request, or null.';

create or replace function auth.role() returns text
  language sql
  stable
as $$
  select coalesce(
    nullif(current_setting('request.jwt.claim.role', true), ''),
    nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'role'
  )
$$;
comment on function auth.role() is 'The role in the token of this request, or null.';

create or replace function auth.email() returns text
  language sql
  stable
as $$
  select coalesce(
    nullif(current_setting('request.jwt.claim.email', true), ''),
    nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'email'
  )
$$;
comment on function auth.email() is 'The email address in the token of this request, or null.';

create or replace function auth.jwt() returns jsonb
  language sql
  stable
as $$
  select coalesce(
    nullif(current_setting('request.jwt.claim', true), ''),
    nullif(current_setting('request.jwt.claims', true), '')
  )::jsonb
$$;
comment on function auth.jwt() is 'All claims in the token of this request, or null.';

do $$
declare
  v_statement text;
begin
  for v_statement in
    select format('alter table auth.%I owner to supabase_auth_admin', tablename)
    from pg_catalog.pg_tables
    where schemaname = 'auth'
    union all
    select format('alter function %s owner to supabase_auth_admin', p.oid::regprocedure)
    from pg_catalog.pg_proc p
    where p.pronamespace = 'auth'::regnamespace
  loop
    execute v_statement;
  end loop;
end;
$$;

grant all on all tables in schema auth to postgres, dashboard_user;
grant all on all sequences in schema auth to postgres, dashboard_user;
grant execute on all routines in schema auth to postgres, dashboard_user;
