-- What a change may calculate. The Data API lets a request say in its filter which rows it changes, and evaluates that
-- filter while the change already holds what others need, such as a space. A regular expression can be written so that
-- it takes as long as a statement may, on a single row; so a change takes none. All that else can be asked of a row
-- takes time in proportion to its length.

create function private.takes_no_pattern()
returns boolean
language plpgsql
stable
set search_path = ''
as $$
declare
  v_query text := current_query();
begin
  -- "~" and what it is made of, but not "~~", which is LIKE. Values are not in the statement: they are bound to it.
  if position('~' in v_query) > 0
    and v_query ~ '(^|[^-~@!<>=&|#^+*/%?])!?~\*?([^-~@!<>=&|#^+*/%?]|$)'
    and private.is_client()
  then
    perform private.fail(
      'MG001', 'filter', 'A change takes no regular expression: find the rows first, then change them by their ids.'
    );
  end if;
  return true;
end;
$$;
comment on function private.takes_no_pattern() is
  'True, or MG001 where a client''s request changes something and has a regular expression (match, imatch) in its '
  'filter. For policies of UPDATE and DELETE, which look before the filter does, and for functions, before they hold '
  'anything.';
grant execute on function private.takes_no_pattern() to anon, authenticated;

do $$
declare
  v_table regclass;
  v_command text;
begin
  for v_table, v_command in
    select pg_class.oid::regclass, commands.name
    from pg_catalog.pg_class cross join (values ('update'), ('delete')) as commands (name)
    where relnamespace = 'public'::regnamespace and relkind in ('r', 'p')
    order by pg_class.relname, commands.name
  loop
    execute format(
      'create policy %I on %s as restrictive for %s to anon, authenticated using ((select private.takes_no_pattern()))',
      format('A filter of %s has no regular expression', v_command), v_table, v_command
    );
  end loop;
end;
$$;
