-- Turn a large table into a partitioned one while it is in use. It is a recipe and no migration: run it when a table
-- has grown so far that it is worth it, see docs/guides/growing.md. Whoever does not run it has plain tables.
--
-- Run this file once, as `postgres`, then one call for each table that is to be partitioned:
--
--   psql "$DB_URL" -f supabase/recipes/partitions.sql
--   psql "$DB_URL" -c "set statement_timeout = 0" -c "call partitions.convert('transactions', 'user_id', 16)"
--   psql "$DB_URL" -c "set statement_timeout = 0" -c "call partitions.convert('space_events', 'space_id', 16)"
--   psql "$DB_URL" -c "set statement_timeout = 0" -c "call partitions.convert('responses', 'prompt_id', 16)"
--
-- Each call commits as it goes, so it must not be inside of a transaction. It can be interrupted at any time, and
-- called again: it goes on where it stopped. Until its last step the table is what it was; what changes in it
-- meanwhile is written to the new table as well, by a trigger.
--
--   1. prepare: an empty partitioned table with all indexes, constraints and foreign keys. Writers wait for it, at most
--      a few seconds.
--   2. copy: some hundred pages in a transaction. Who wants to change one of these rows waits until it is over. When
--      somebody else is in the way for a fifth of a second, the transaction is undone and begins again.
--   3. compare: both tables hold the same rows. Nobody waits.
--   4. swap: the new table takes the place of the old one, which is dropped. Everybody waits, for about a second.
--
-- Space on the disk is needed for both tables. Partitions lie in the schema `partitions`, which the Data API does not
-- serve and where nobody has rights: people reach the rows through the table, under its policies.
--
-- What a partitioned table cannot do: hold a unique index that does not contain the key. Such an index gets the key as
-- its last column. For what that no longer refuses there is something else that does:
--
--   responses_pkey, transactions_pkey: an id is used once because private.take_id() reserves it in private.used_ids;
--     those of transactions are drawn by private.post_transaction().
--   transactions_curation_key: a week pays one curator because private.paid_curations has a row for it.
--
-- Why `responses` is not divided by its space: PostgreSQL chooses the partition before triggers run, and the space of a
-- response is filled in by a trigger. Divided by prompt, its unique index (prompt_id, user_id) stays what it is, too.
-- `space_events` is not divided by time: nothing deletes old events, and the numbers of a feed begin with 1.

create schema if not exists partitions;
comment on schema partitions is 'The partitions of large tables, and what makes them: supabase/recipes/partitions.sql.';

-- Tables -------------------------------------------------------------------------------------------------------------

create table if not exists partitions.moves (
  name text primary key,
  next_page bigint not null default 0
);
comment on table partitions.moves is 'How far each table has been copied that is being partitioned.';
alter table partitions.moves enable row level security;

-- Functions ----------------------------------------------------------------------------------------------------------

create or replace function partitions.hold(name text, mode text)
returns void
language plpgsql
set search_path = ''
as $$
declare
  v_old regclass := format('public.%I', hold.name)::regclass;
begin
  execute format(
    'lock table %s in %s mode',
    (
      select string_agg(relation::text, ', ' order by relation = v_old, relation::text)
      from (
        select confrelid::regclass as relation from pg_catalog.pg_constraint where conrelid = v_old and contype = 'f'
        union
        select v_old
      ) as held
    ),
    hold.mode
  );
end;
$$;
comment on function partitions.hold(text, text) is
  'Hold a table and those that its foreign keys refer to, before anything else is done: who holds some of them and '
  'then wants more waits in a circle with those who write.';

create or replace function partitions.prepare(name text, key text, parts integer)
returns boolean
language plpgsql
set search_path = ''
set lock_timeout = '2s'
as $$
declare
  v_old regclass := format('public.%I', prepare.name)::regclass;
  v_options text := (select array_to_string(reloptions, ', ') from pg_catalog.pg_class where oid = v_old);
  v_row record;
  v_part text;
  v_keys text;
begin
  if exists (select from pg_catalog.pg_constraint where confrelid = v_old and contype = 'f') then
    raise exception 'Other tables refer to %. Their foreign keys have to be dropped first.', v_old;
  end if;
  if not exists (
    select from pg_catalog.pg_attribute where attrelid = v_old and attname = prepare.key and attnotnull
  ) then
    raise exception '% has no column % that is never null.', v_old, prepare.key;
  end if;
  perform partitions.hold(prepare.name, 'share row exclusive');

  execute format(
    'create table partitions.%I (like %s including all excluding indexes) partition by hash (%I)',
    prepare.name, v_old, prepare.key
  );
  for v_row in select generate_series(0, prepare.parts - 1) as number loop
    v_part := format('partitions.%I', prepare.name || '_' || v_row.number);
    execute format(
      'create table %s partition of partitions.%I for values with (modulus %s, remainder %s)',
      v_part, prepare.name, prepare.parts, v_row.number
    );
    execute format('alter table %s enable row level security', v_part);
    execute format('comment on table %s is %L', v_part, format('A partition of %s.', v_old));
    if v_options is not null then
      execute format('alter table %s set (%s)', v_part, v_options);
    end if;
  end loop;

  -- Primary key and unique constraints.
  for v_row in
    select
      pg_constraint.*,
      array(
        select attname::text
        from unnest(conkey) with ordinality as columns (number, place)
        join pg_catalog.pg_attribute on attrelid = conrelid and attnum = columns.number
        order by columns.place
      ) as names
    from pg_catalog.pg_constraint
    where conrelid = v_old and contype in ('p', 'u')
    order by contype, conname
  loop
    execute format(
      'alter table partitions.%I add constraint %I %s (%s)', prepare.name, v_row.conname,
      case v_row.contype when 'p' then 'primary key' else 'unique' end,
      (
        select string_agg(format('%I', columns.name), ', ')
        from unnest(
          v_row.names || case when prepare.key = any (v_row.names) then '{}' else array[prepare.key] end
        ) as columns (name)
      )
    );
  end loop;
  -- The other indexes.
  for v_row in
    select
      pg_index.*, relname,
      array(select pg_get_indexdef(indexrelid, place, true) from generate_series(1, indnatts) as place) as columns
    from pg_catalog.pg_index
    join pg_catalog.pg_class on pg_class.oid = indexrelid
    where indrelid = v_old
      and not exists (select from pg_catalog.pg_constraint where conindid = indexrelid and contype in ('p', 'u'))
    order by relname
  loop
    if not v_row.indisunique or format('%I', prepare.key) = any (v_row.columns) then
      execute replace(
        pg_get_indexdef(v_row.indexrelid), format(' ON %s ', v_old), format(' ON partitions.%I ', prepare.name)
      );
    else
      execute format(
        'create unique index %I on partitions.%I (%s, %I) %s', v_row.relname, prepare.name,
        array_to_string(v_row.columns, ', '), prepare.key,
        'where ' || pg_get_expr(v_row.indpred, v_row.indrelid)
      );
    end if;
  end loop;
  -- Foreign keys, while there is nothing that would have to be checked.
  for v_row in
    select conname, pg_get_constraintdef(oid) as definition
    from pg_catalog.pg_constraint where conrelid = v_old and contype = 'f' order by conname
  loop
    execute format('alter table partitions.%I add constraint %I %s', prepare.name, v_row.conname, v_row.definition);
  end loop;

  -- What changes from now on. It writes what is in the table by then, so that it does not matter in which order the
  -- changes of a statement are told.
  select string_agg(format('stored.%I = v_row.%I', attname, attname), ' and ') into v_keys
  from pg_catalog.pg_index
  join pg_catalog.pg_attribute on attrelid = indrelid and attnum = any (indkey)
  where indrelid = v_old and indisprimary;
  execute format(
    $function$
      create function partitions.%1$I()
      returns trigger
      language plpgsql
      security definer
      set search_path = ''
      as $body$
      declare
        v_row %2$s := case tg_op when 'INSERT' then new else old end;
      begin
        if tg_op = 'TRUNCATE' then
          truncate partitions.%3$I;
          return null;
        end if;
        delete from partitions.%3$I as stored where %4$s;
        if tg_op = 'UPDATE' then
          v_row := new;
        end if;
        insert into partitions.%3$I overriding system value select stored.* from %2$s as stored where %4$s;
        return null;
      end;
      $body$
    $function$,
    'follow_' || prepare.name, v_old, prepare.name, v_keys
  );
  execute format(
    'create trigger "0_follow" after insert or update or delete on %s for each row execute function partitions.%I()',
    v_old, 'follow_' || prepare.name
  );
  execute format(
    'create trigger "0_follow_truncate" after truncate on %s for each statement execute function partitions.%I()',
    v_old, 'follow_' || prepare.name
  );
  insert into partitions.moves (name) values (prepare.name);
  return true;
exception when lock_not_available or deadlock_detected then
  return false;
end;
$$;
comment on function partitions.prepare(text, text, integer) is
  'Make an empty partitioned table beside one of public, and write to it whatever changes from now on; false if '
  'somebody holds the table for longer than two seconds.';

create or replace function partitions.copy(name text, pages bigint)
returns boolean
language plpgsql
set search_path = ''
set lock_timeout = '200ms'
as $$
declare
  v_page bigint;
begin
  select next_page into v_page from partitions.moves where moves.name = copy.name;
  -- Holding the rows keeps anybody from changing one between its being read and its being written.
  execute format(
    'insert into partitions.%1$I overriding system value '
    'select * from (select * from public.%1$I where ctid >= %2$L and ctid < %3$L for share) as held on conflict do nothing',
    copy.name, format('(%s,0)', v_page), format('(%s,0)', v_page + copy.pages)
  );
  update partitions.moves set next_page = v_page + copy.pages where moves.name = copy.name;
  return true;
exception when lock_not_available or deadlock_detected then
  return false;
end;
$$;
comment on function partitions.copy(text, bigint) is
  'Copy the next pages of a table; false if somebody holds what that needs.';

create or replace function partitions.compare(name text)
returns boolean
language plpgsql
set search_path = ''
as $$
declare
  v_are_equal boolean;
begin
  execute format(
    'select (select row(count(*), sum(hashtextextended(stored::text, 0)::numeric)) from public.%1$I as stored) '
    'is not distinct from '
    '(select row(count(*), sum(hashtextextended(stored::text, 0)::numeric)) from partitions.%1$I as stored)',
    compare.name
  ) into v_are_equal;
  return v_are_equal;
end;
$$;
comment on function partitions.compare(text) is 'Return true if a table and its partitioned copy hold the same rows.';

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
  v_sequences jsonb := '{}';
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
    cross join lateral (
      select 1 as place, format('comment on function %s is %L', pg_proc.oid::regprocedure, obj_description(pg_proc.oid, 'pg_proc'))
      union all
      select 2, format('revoke all on function %s from public, anon, authenticated, service_role', pg_proc.oid::regprocedure)
      union all
      select 3, format('grant execute on function %s to %s', pg_proc.oid::regprocedure, coalesce(rolname, 'public'))
      from aclexplode(coalesce(proacl, acldefault('f', proowner))) as granted
      left join pg_catalog.pg_roles on pg_roles.oid = granted.grantee
      where granted.grantee <> proowner
    ) as statements (place, statement)
    where format('drop function %s', pg_proc.oid::regprocedure) = any (v_drops)
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
      case polcmd when 'r' then 'select' when 'a' then 'insert' when 'w' then 'update' when 'd' then 'delete' else 'all' end,
      (select string_agg(case role when 0 then 'public' else role::regrole::text end, ', ') from unnest(polroles) as role),
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
