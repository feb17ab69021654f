-- What a change may calculate. The Data API lets a request say in its filter which rows it changes, and in its
-- selection what it wants to know of them. Both are evaluated while the change holds what others need, such as a
-- space. Regular expressions, full-text search and the input of some types can be made to take as long as a statement
-- may, on a single row, so a change has none of them. All that else can be asked of a row takes time in proportion to
-- its length.

create function private.is_plain_change()
returns boolean
language plpgsql
stable
set search_path = ''
as $$
begin
  -- "~" and what it is made of, but not "~~", which is LIKE. The selection's casts are written with CAST by PostgREST,
  -- whose own are not. Values are not in the statement: they are bound to it.
  if current_query() ~* (
      '(^|[^-~@!<>=&|#^+*/%?])!?~\*?([^-~@!<>=&|#^+*/%?]|$)|@@|\mcast\s*\(|::\s*"?(jsonpath|xml|ts(vector|query)|reg)'
    )
    and private.is_client()
  then
    perform private.fail(
      'MG001', 'request',
      'A change has no regular expression, full-text search or cast: read the rows in a request of their own, and change '
      'them by their ids.'
    );
  end if;
  return true;
end;
$$;
comment on function private.is_plain_change() is
  'True, or MG001 where a client''s request changes something and calculates with regular expressions (match, '
  'imatch), full-text search (fts and its like) or casts. For policies of UPDATE and DELETE, which look before the '
  'filter does; for functions, before they hold anything; and for what is read by who holds something.';
grant execute on function private.is_plain_change() to anon, authenticated;

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
      'create policy %I on %s as restrictive for %s to anon, authenticated using ((select private.is_plain_change()))',
      format('A request to %s calculates little', v_command), v_table, v_command
    );
  end loop;
end;
$$;
