-- The last step of partitioning a table, and the procedure that does all of them; 1_copy.sql comes before it and says
-- how to use them.

-- Functions ----------------------------------------------------------------------------------------------------------

create or replace function partitions.swap(name text)
returns boolean
language plpgsql
set search_path = ''
set lock_timeout = '2s'
set check_function_bodies = off
as $$
declare
  v_old regclass := format('public.%I', swap.name)::regclass;
  v_new regclass := format('partitions.%I', swap.name)::regclass;
  v_type oid[];
  v_owner oid;
  v_drops text[];
  v_before text[];
  v_after text[];
  v_row record;
begin
  select relowner, array[reltype, pg_type.typarray] into v_owner, v_type
  from pg_catalog.pg_class join pg_catalog.pg_type on pg_type.oid = reltype
  where pg_class.oid = v_old;
  perform partitions.hold(swap.name, 'access exclusive');

  -- Functions that take or return rows of the table are made again, with their comments and rights.
  select array_agg(format('drop function %s', oid::regprocedure)), array_agg(pg_get_functiondef(oid))
  into v_drops, v_before
  from pg_catalog.pg_proc
  where oid in (
    select objid from pg_catalog.pg_depend
    where classid = 'pg_catalog.pg_proc'::regclass and refclassid = 'pg_catalog.pg_type'::regclass
      and refobjid = any (v_type)
  ) and prorettype <> 'pg_catalog.trigger'::regtype;
  v_after := array(
    select statement
    from pg_catalog.pg_proc
    cross join lateral (select pg_proc.oid::regprocedure) as called (signature)
    cross join lateral (
      select 1, format('comment on function %s is %L', signature, obj_description(pg_proc.oid, 'pg_proc'))
      union all
      select 2, format('revoke all on function %s from public, anon, authenticated, service_role', signature)
      union all
      select 3, format('grant execute on function %s to %s', signature, coalesce(rolname, 'public'))
      from aclexplode(coalesce(proacl, acldefault('f', proowner))) as granted
      left join pg_catalog.pg_roles on pg_roles.oid = granted.grantee
      where granted.grantee <> proowner
    ) as statements (place, statement)
    where format('drop function %s', signature) = any (v_drops)
    order by pg_proc.oid, place
  );

  -- What belongs to the table, in the order in which it is to be made: rules, rights, triggers.
  v_after := v_after || array(
    select format('comment on table %s is %L', v_old, obj_description(v_old, 'pg_class'))
    where obj_description(v_old, 'pg_class') is not null
  ) || array(
    select format('alter table %s %s row level security', v_old, action)
    from pg_catalog.pg_class
    cross join lateral (values ('enable', relrowsecurity), ('force', relforcerowsecurity)) as rules (action, is_set)
    where oid = v_old and is_set
  ) || array(
    select format(
      'create policy %I on %s as %s for %s to %s %s %s', polname, v_old,
      case when polpermissive then 'permissive' else 'restrictive' end,
      case polcmd
        when 'r' then 'select' when 'a' then 'insert' when 'w' then 'update' when 'd' then 'delete' else 'all'
      end,
      (
        select string_agg(case role when 0 then 'public' else role::regrole::text end, ', ')
        from unnest(polroles) as role
      ),
      'using (' || pg_get_expr(polqual, polrelid) || ')', 'with check (' || pg_get_expr(polwithcheck, polrelid) || ')'
    )
    from pg_catalog.pg_policy where polrelid = v_old order by polname
  ) || array(
    select format('comment on policy %I on %s is %L', polname, v_old, obj_description(oid, 'pg_policy'))
    from pg_catalog.pg_policy where polrelid = v_old and obj_description(oid, 'pg_policy') is not null
  ) || array(
    select format('grant %s on %s to %s', privilege_type, v_old, coalesce(grantee::regrole::text, 'public'))
    from pg_catalog.pg_class, aclexplode(relacl)
    where oid = v_old and grantee <> v_owner
  ) || array(
    select format('grant %s (%I) on %s to %s', privilege_type, attname, v_old, grantee::regrole)
    from pg_catalog.pg_attribute, aclexplode(attacl)
    where attrelid = v_old and grantee <> v_owner
  ) || array(
    select pg_get_triggerdef(oid)
    from pg_catalog.pg_trigger
    where tgrelid = v_old and not tgisinternal and tgname not like '0\_follow%' order by tgname
  ) || array(
    select format('comment on trigger %I on %s is %L', tgname, v_old, obj_description(oid, 'pg_trigger'))
    from pg_catalog.pg_trigger where tgrelid = v_old and obj_description(oid, 'pg_trigger') is not null
  ) || array(
    select format('comment on index public.%I is %L', relname, obj_description(oid, 'pg_class'))
    from pg_catalog.pg_index join pg_catalog.pg_class on oid = indexrelid
    where indrelid = v_old and obj_description(oid, 'pg_class') is not null
  ) || array(
    -- The publication tells of the table, and not of its partitions.
    select format(statement, pubname, v_old)
    from pg_catalog.pg_publication_rel
    join pg_catalog.pg_publication on pg_publication.oid = prpubid
    cross join (
      values (1, 'alter publication %1$I set (publish_via_partition_root = true)'),
        (2, 'alter publication %1$I add table %2$s')
    ) as steps (place, statement)
    where prrelid = v_old
    order by pubname, place
  ) || array(
    -- In a trigger, tg_relid is the partition.
    select replace(
      pg_get_functiondef(oid), 'tg_relid', 'coalesce(pg_catalog.pg_partition_root(tg_relid)::oid, tg_relid)'
    )
    from pg_catalog.pg_proc
    where prosrc ~ '\mtg_relid\M' and prosrc !~ 'pg_partition_root'
      and oid in (select tgfoid from pg_catalog.pg_trigger where tgrelid = v_old)
  );
  for v_row in select attname from pg_catalog.pg_attribute where attrelid = v_old and attidentity <> '' loop
    execute format(
      'select pg_catalog.setval(%L, last_value, is_called) from %s',
      pg_get_serial_sequence(v_new::text, v_row.attname), pg_get_serial_sequence(v_old::text, v_row.attname)
    );
  end loop;

  for v_row in select unnest(v_drops) as statement loop
    execute v_row.statement;
  end loop;
  execute format('drop table %s', v_old);
  execute format('drop function partitions.%I()', 'follow_' || swap.name);
  execute format('alter table %s set schema public', v_new);
  for v_row in select unnest(v_before || v_after) as statement loop
    execute v_row.statement;
  end loop;
  delete from partitions.moves where moves.name = swap.name;
  return true;
exception when lock_not_available or deadlock_detected then
  return false;
end;
$$;
comment on function partitions.swap(text) is
  'Put the partitioned table in the place of the old one, with its policies, rights, triggers and comments; false if '
  'somebody holds it for longer than two seconds.';

create or replace procedure partitions.convert(name text, key text, parts integer default 16, pages bigint default 200)
language plpgsql
as $$
declare
  v_table text := pg_catalog.format('public.%I', convert.name);
  v_end bigint;
begin
  if (select relkind from pg_catalog.pg_class where oid = v_table::pg_catalog.regclass) = 'p' then
    raise notice '% is partitioned already.', v_table;
    return;
  end if;
  for v_attempt in 1..60 loop
    exit when exists (select from partitions.moves where moves.name = convert.name)
      or partitions.prepare(convert.name, convert.key, convert.parts);
    if v_attempt = 60 then
      raise exception 'Somebody holds % all the time. Call this again when there is less to do.', v_table;
    end if;
    commit;
    perform pg_catalog.pg_sleep(1);
  end loop;
  commit;
  -- Rows beyond this end are new, and written to both tables.
  v_end := pg_catalog.pg_relation_size(v_table) / pg_catalog.current_setting('block_size')::bigint;
  while (select next_page from partitions.moves where moves.name = convert.name) < v_end loop
    if not partitions.copy(convert.name, convert.pages) then
      perform pg_catalog.pg_sleep(0.1);
    end if;
    commit;
  end loop;
  execute pg_catalog.format('analyze partitions.%I', convert.name);
  commit;
  if not partitions.compare(convert.name) then
    raise exception 'The rows of % and its copy differ.', v_table
      using hint = pg_catalog.format(
        'To begin again: drop table partitions.%1$I; drop function partitions.%2$I() cascade; '
        'delete from partitions.moves where name = %1$L;', convert.name, 'follow_' || convert.name
      );
  end if;
  commit;
  for v_attempt in 1..60 loop
    exit when partitions.swap(convert.name);
    if v_attempt = 60 then
      raise exception 'Somebody holds % all the time. Call this again when there is less to do.', v_table;
    end if;
    commit;
    perform pg_catalog.pg_sleep(1);
  end loop;
end;
$$;
comment on procedure partitions.convert(text, text, integer, bigint) is
  'Turn a table of public into one that is divided by the hash of a column into so many partitions; so many pages are '
  'copied in a transaction. It commits as it goes, and goes on where it stopped when it is called again.';
