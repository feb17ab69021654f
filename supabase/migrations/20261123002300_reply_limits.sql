-- How long the reply to a change may take. The Data API makes a change and reads its reply in one statement, and a
-- request may ask for a reply with everything that is related to the row, as deep as it likes. Whatever the change
-- holds, such as its space, is held meanwhile; so who holds something has one second for the reply. Then the whole
-- statement is refused with MG003, and nothing of it remains.
--
-- Row level security is what every read of a row goes through, so a policy on each table looks at the clock. A
-- transaction that has not changed or locked a row has no number yet, and for such a one the policy looks at nothing
-- else: reading alone takes as long as the statement may.
--
-- What is read by a function of ours is not the reply: its queries are its own, and it may have waited for others.

create function private.time_to_read()
returns text
language plpgsql
volatile
parallel restricted
cost 1
set search_path = ''
as $$
declare
  v_statement text := extract(epoch from statement_timestamp())::text;
  v_now numeric := extract(epoch from clock_timestamp());
  v_note text[] := string_to_array(current_setting('monogram.reading', true), ' ');
  v_is_noted boolean := coalesce(v_note[1] = v_statement, false);
  v_context text;
begin
  if v_is_noted and v_now <= v_note[2]::numeric + 1 then
    return 'left';
  end if;
  -- Who reads: right above this function stands one of ours (or a block of whoever runs the project), or the request.
  get diagnostics v_context = pg_context;
  if v_context ~ '^[^\n]*\n(SQL statement .*\n)?PL/pgSQL function (public\.|private\.|inline_code_block)' then
    return 'left';
  end if;
  if v_is_noted then
    perform private.fail('MG003');
  end if;
  perform private.is_plain_change();
  perform set_config('monogram.reading', concat_ws(' ', v_statement, v_now), true);
  return 'left';
end;
$$;
comment on function private.time_to_read() is
  'For the policies of a statement that holds something: "left" during the second that begins when it first reads a '
  'row; then it refuses with MG003. The setting monogram.reading notes which statement that is, and when it began to '
  'read.';
grant execute on function private.time_to_read() to anon, authenticated;

-- A comparison, and no plain yes or no: the planner takes it for true of nearly all rows, as it is, so plans stay what
-- they were.
do $$
declare
  v_table regclass;
begin
  for v_table in
    select oid::regclass from pg_catalog.pg_class
    where relnamespace = 'public'::regnamespace and relkind in ('r', 'p')
    order by relname
  loop
    execute format(
      'create policy "Who holds a lock reads for a second" on %s as restrictive for select to anon, authenticated using ('
      'case when pg_catalog.pg_current_xact_id_if_assigned() is null then %L else private.time_to_read() end <> %L)',
      v_table, 'left', 'over'
    );
  end loop;
end;
$$;
