-- The platform's roles. They belong to the whole server, so this file runs once for each server.
--
-- `supabase_admin` is the superuser and runs this. `postgres` runs migrations and is not a superuser: it is refused what
-- the platform refuses it. The rest are the roles of requests and of the services.

create role anon nologin;
create role authenticated nologin;
create role service_role nologin bypassrls;

-- The services log in as these. The caller sets their passwords.
create role authenticator login noinherit;
create role supabase_auth_admin login noinherit noreplication;
create role supabase_storage_admin login noinherit noreplication;
create role supabase_realtime_admin nologin noinherit;
create role dashboard_user nologin createdb createrole replication;

create role postgres login createdb createrole replication bypassrls;

-- A request becomes its role; a migration and a test may act as any of them.
grant anon, authenticated, service_role to authenticator;
grant anon, authenticated, service_role to postgres with admin option;
grant authenticator to postgres, supabase_storage_admin;
grant pg_monitor, pg_read_all_data, pg_signal_backend to postgres;

-- On the platform an extension lets `postgres` make policies and drop triggers on tables that it does not own. Without
-- that extension it takes the owners' rights; 70_guard.sql takes back what they allow beyond policies and triggers.
do $$
begin
  if current_setting('server_version_num')::integer >= 160000 then
    -- As text, because version 15 does not know this syntax.
    execute 'grant supabase_auth_admin, supabase_storage_admin, supabase_realtime_admin to postgres'
      ' with inherit true, set false';
  else
    grant supabase_auth_admin, supabase_storage_admin, supabase_realtime_admin to postgres;
  end if;
end;
$$;

alter role all set search_path = "$user", public, extensions;
alter role supabase_admin set search_path = "$user", public, auth, extensions;
alter role supabase_auth_admin set search_path = auth;
alter role supabase_auth_admin set idle_in_transaction_session_timeout = '60s';
alter role supabase_storage_admin set search_path = storage;

-- PostgREST applies the settings of the role that a request becomes.
alter role anon set statement_timeout = '3s';
alter role authenticated set statement_timeout = '8s';
alter role authenticator set statement_timeout = '8s';
alter role authenticator set lock_timeout = '8s';
