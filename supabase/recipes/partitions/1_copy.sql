-- Turn a large table into a partitioned one while it is in use. It is a recipe and no migration: run it when a table
-- has grown so far that it is worth it, see docs/guides/growing.md. Whoever does not run it has plain tables.
--
-- Run this file and 2_swap.sql once, as `postgres`, then one call for each table that is to be partitioned:
--
--   psql "$DB_URL" -f supabase/recipes/partitions/1_copy.sql -f supabase/recipes/partitions/2_swap.sql
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
comment on schema partitions is 'The partitions of large tables, and what makes them: supabase/recipes/partitions.';

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
    'select * from (select * from public.%1$I where ctid >= %2$L and ctid < %3$L for share) as held '
    'on conflict do nothing',
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
