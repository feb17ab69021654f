-- The platform lets migrations create policies and triggers on the services' tables, and nothing else there.
-- 10_roles.sql grants `postgres` more, because the platform's own extension is missing; this file refuses the rest, with
-- PostgreSQL's messages.

create function extensions.guard_service_schemas() returns event_trigger
  language plpgsql
  set search_path = ''
as $$
declare
  v_command record;
begin
  if current_user in ('supabase_auth_admin', 'supabase_storage_admin', 'supabase_realtime_admin')
    or (select rolsuper from pg_catalog.pg_roles where rolname = current_user)
  then
    return;
  end if;
  for v_command in
    select command_tag, object_type, object_identity, schema_name
    from pg_catalog.pg_event_trigger_ddl_commands()
    where schema_name in ('auth', 'storage', 'realtime')
      and command_tag not in ('CREATE POLICY', 'ALTER POLICY', 'CREATE TRIGGER', 'COMMENT')
  loop
    if v_command.command_tag like 'CREATE %' and v_command.object_type <> 'index' then
      raise exception 'permission denied for schema %', v_command.schema_name using errcode = '42501';
    end if;
    raise exception 'must be owner of % %', v_command.object_type, v_command.object_identity using errcode = '42501';
  end loop;
end;
$$;

create function extensions.guard_service_schemas_drop() returns event_trigger
  language plpgsql
  set search_path = ''
as $$
declare
  v_dropped record;
begin
  if current_user in ('supabase_auth_admin', 'supabase_storage_admin', 'supabase_realtime_admin')
    or (select rolsuper from pg_catalog.pg_roles where rolname = current_user)
  then
    return;
  end if;
  for v_dropped in
    select object_type, object_identity
    from pg_catalog.pg_event_trigger_dropped_objects()
    where original
      and (schema_name in ('auth', 'storage', 'realtime') or object_name in ('auth', 'storage', 'realtime'))
      and object_type not in ('policy', 'trigger')
  loop
    raise exception 'must be owner of % %', v_dropped.object_type, v_dropped.object_identity using errcode = '42501';
  end loop;
end;
$$;

create event trigger guard_service_schemas on ddl_command_end
  execute function extensions.guard_service_schemas();
create event trigger guard_service_schemas_drop on sql_drop
  execute function extensions.guard_service_schemas_drop();
