-- Owners, grants and guards of schema `storage`. Its tables and helper functions exist already: they come with the
-- storage server.

create type storage.buckettype as enum ('STANDARD', 'ANALYTICS', 'VECTOR');

-- Columns and limits that the platform's tables have beyond those of the embedded storage server.
alter table storage.buckets
  add column if not exists avif_autodetection boolean default false,
  add column if not exists type storage.buckettype not null default 'STANDARD',
  add constraint buckets_name_length check (char_length(name) <= 100);

create function storage.update_updated_at_column() returns trigger
  language plpgsql
as $$
begin
  new.updated_at := now();
  return new;
end;
$$;

create trigger update_objects_updated_at
  before update on storage.objects
  for each row execute function storage.update_updated_at_column();

-- A row stands for a file. Deleting it here would leave the file behind, so only the storage server may.
create function storage.protect_delete() returns trigger
  language plpgsql
as $$
begin
  if coalesce(current_setting('storage.allow_delete_query', true), 'false') <> 'true' then
    raise exception 'Direct deletion from storage tables is not allowed. Use the Storage API instead.'
      using errcode = '42501', hint = 'This prevents files without a row, which nobody could find again.';
  end if;
  return null;
end;
$$;

create trigger protect_objects_delete
  before delete on storage.objects
  for each statement execute function storage.protect_delete();
create trigger protect_buckets_delete
  before delete on storage.buckets
  for each statement execute function storage.protect_delete();

alter schema storage owner to supabase_admin;
grant usage on schema storage to anon, authenticated, service_role;
grant all on schema storage to supabase_storage_admin, dashboard_user;
grant usage on schema storage to postgres with grant option;

do $$
declare
  v_statement text;
begin
  for v_statement in
    select format('alter table storage.%I owner to supabase_storage_admin', tablename)
    from pg_catalog.pg_tables
    where schemaname = 'storage'
    union all
    select format('alter function %s owner to supabase_storage_admin', p.oid::regprocedure)
    from pg_catalog.pg_proc p
    where p.pronamespace = 'storage'::regnamespace
  loop
    execute v_statement;
  end loop;
end;
$$;
alter type storage.buckettype owner to supabase_storage_admin;

-- Row level security, which is on, is what limits the request roles.
grant all on storage.objects, storage.buckets to anon, authenticated, service_role;
grant all on all tables in schema storage to postgres with grant option;
grant execute on all routines in schema storage to anon, authenticated, service_role, postgres, dashboard_user;
