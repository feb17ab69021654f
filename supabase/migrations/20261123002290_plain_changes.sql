-- What a change may calculate. The Data API lets a request say in its filter which rows it changes, and in its
-- selection what it wants to know of them. Both are evaluated while the change holds what others need, such as a
-- space. LIKE, regular expressions, full-text search, paths into JSON, ranges and the input of some types can be made
-- to take as long as a statement may, on a single row. So a change compares (= <> < > <= >=) and does nothing else; and
-- it does not compare the snapshot of a newsletter, which is long, and is unpacked for each comparison.

create function private.is_plain_change()
returns boolean
language plpgsql
stable
set search_path = ''
as $$
declare
  -- Every operator has one of these characters, but for comparisons, ||, and what stands in calls and casts (:= => ::),
  -- which the Data API writes itself.
  v_calculation constant text :=
    '[-+/%^#@&~?!`\\]|<<|>>|\m(i?like|similar|cast)\M|::\s*"?(jsonpath|xml|ts(vector|query)|reg)';
  v_statement constant text := statement_timestamp()::text;
  v_query text;
  v_bare text;
  v_calculates boolean := false;
begin
  -- Once for each statement: it is asked several times.
  if current_setting('monogram.plain_change', true) = v_statement or not private.is_client() then
    return true;
  end if;
  v_query := current_query();
  -- Neither the Data API sends a block, nor does the storage server, which has queries of its own, take filters.
  if session_user = 'supabase_storage_admin' or v_query ~* '^(\s|--[^\n]*\n)*do\M' then
    return true;
  end if;
  -- Values are bound to the statement, and no part of it. What is quoted in it is taken out only where it may matter.
  if v_query ~* (v_calculation || '|\mdistinct\M') or length(v_query) - length(translate(v_query, '=<>', '')) > 50 then
    v_bare := regexp_replace(replace(v_query, '!=', '<>'), '''[^'']*''|"[^"]*"', '', 'g');
    v_calculates := v_bare ~* v_calculation
      or regexp_count(v_bare, '[<>=]+|\mdistinct\M', 1, 'i') - regexp_count(v_bare, ':=|=>') > 50;
  end if;
  if v_calculates
    -- Not what is set: that comes behind SET or a comma.
    or v_query ~*
      '([.(]|\m(where|and|or|not)\M)\s*"?content"?\s*([<>=!]|is\s+(not\s+)?distinct|(not\s+)?(in|between)\M)'
  then
    perform private.fail(
      'MG001', 'request',
      'A change compares columns, at most 50 times and not the content, and has no pattern, search, cast, path into JSON '
      'or other calculation: read the rows in a request of their own, and change them by their ids.'
    );
  end if;
  perform set_config('monogram.plain_change', v_statement, true);
  return true;
end;
$$;
comment on function private.is_plain_change() is
  'True, or MG001 where a client''s request changes something and does more than to compare: patterns (like, ilike, '
  'match, imatch), full-text search (fts and its like), ranges and containment (cs, cd, ov, sl and so on), casts, paths '
  'into JSON, more than 50 comparisons, or one with a content. For policies of UPDATE and DELETE, which look before the '
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
