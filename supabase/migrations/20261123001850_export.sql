-- What somebody may take along: all that is their own, part by part.

-- Tables -------------------------------------------------------------------------------------------------------------

create table private.personal_data (
  part text primary key,
  relation text not null,
  person_columns text[] not null,
  key_expression text not null,
  columns text[],
  condition text,
  reason text,
  constraint personal_data_part_form check (part ~ '^[a-z_]+$')
);
comment on table private.personal_data is
  'Which rows of which tables are a person''s own: what export_account() returns. A table that refers to people has '
  'a row here; a test sees to it.';
comment on column private.personal_data.relation is 'The table, with its schema.';
comment on column private.personal_data.person_columns is 'A row is theirs where one of these names them.';
comment on column private.personal_data.key_expression is 'What pages are ordered by: a text that no two rows share.';
comment on column private.personal_data.columns is 'What is given out; null for all.';
comment on column private.personal_data.condition is
  'Which of these rows are given out, as an expression over the row "own"; null for all.';
comment on column private.personal_data.reason is
  'Why rows are not given out although they name a person; null where they are.';

alter table private.personal_data enable row level security;

insert into private.personal_data (part, relation, person_columns, key_expression, columns, reason) values
  ('account', 'auth.users', '{id}', 'id::text',
    '{id,email,phone,created_at,last_sign_in_at,email_confirmed_at,raw_user_meta_data,raw_app_meta_data}', null),
  ('profile', 'public.users', '{id}', 'id::text', null, null),
  ('settings', 'public.settings', '{user_id}', 'user_id::text', null, null),
  ('memberships', 'public.memberships', '{user_id}', 'id::text', null, null),
  ('spaces', 'public.spaces', '{leader_id}', 'id::text', null, null),
  ('invites', 'public.space_invites', '{created_by}', 'id::text', null, null),
  ('curator_rotations', 'public.curator_rotations', '{curator_id}', 'id::text', null, null),
  ('responses', 'public.responses', '{user_id}', 'id::text', null, null),
  -- Which ones they curated; what a leader wrote in front of them is the space's.
  ('newsletters', 'public.newsletters', '{curator_id}', 'id::text',
    '{id,space_id,week_number,is_published,published_at,created_at}', null),
  ('notifications', 'public.notifications', '{user_id}', 'id::text', null, null),
  ('transactions', 'public.transactions', '{user_id}', 'lpad(seq::text, 20, ''0'')', null, null),
  -- Without the key, which is the sender's own name for it.
  ('gifts', 'public.token_gifts', '{sender_id,recipient_id}', 'id::text',
    '{id,sender_id,recipient_id,amount,message,created_at}', null),
  ('purchases', 'public.purchases', '{user_id}', 'id::text', null, null),
  ('ledger_head', 'private.ledger_heads', '{user_id}', 'user_id::text', null, 'The newest transaction says the same.'),
  ('active_weeks', 'private.active_weeks', '{user_id}', 'lpad(week::text, 20, ''0'')', null, null),
  ('open_weeks', 'private.open_weeks', '{user_id}', 'lpad(id::text, 20, ''0'')', '{week}', null),
  ('weekly_earnings', 'private.weekly_earnings', '{user_id}', 'code || lpad(week::text, 20, ''0'')', null, null),
  ('paid_streaks', 'private.paid_streaks', '{user_id}', 'milestone::text || lpad(first_week::text, 20, ''0'')', null, null),
  ('badges', 'public.user_badges', '{user_id}', 'id::text', null, null),
  ('events', 'public.space_events', '{actor_id}', 'space_id::text || lpad(seq::text, 20, ''0'')', null,
    'Ids and numbers only; what they stand for is in the other parts.'),
  ('emails', 'private.mails', '{user_id}', 'id::text',
    '{id,space_id,newsletter_id,kind,payload,more,state,created_at,sent_at}', null),
  ('email_subscriptions', 'private.email_subscriptions', '{user_id}', 'coalesce(space_id::text, '''')',
    '{space_id,is_on,created_at}', null),
  ('reading_links', 'private.reading_links', '{user_id}', 'newsletter_id::text',
    '{newsletter_id,created_at,withdrawn_at}', null),
  ('removals', 'private.removed_members', '{user_id}', 'space_id::text', null, null),
  ('new_password', 'private.new_passwords', '{user_id}', 'user_id::text', '{set_at}', null),
  ('curations', 'private.paid_curations', '{user_id}', 'rotation_id::text', null,
    'What was paid is in the transactions; the weeks are in the other parts.');

insert into private.personal_data (part, relation, person_columns, key_expression, condition) values
  -- What is not published is for those who are in the space.
  ('prompts', 'public.prompts', '{curator_id}', 'id::text',
    'own.is_published or private.is_member(own.space_id, own.curator_id)');

-- Functions ----------------------------------------------------------------------------------------------------------

create function private.export_parts()
returns setof text
language sql
stable
security definer
set search_path = ''
as $$
  select part from private.personal_data where reason is null
  union all
  select unnest(array['printed_responses', 'files'])
  order by 1;
$$;
comment on function private.export_parts() is
  'Definer because no role reaches the table; safe because it holds names of tables only.';
grant execute on function private.export_parts() to authenticated;

create function public.export_parts()
returns setof text
language sql
stable
set search_path = ''
as $$
  select * from private.export_parts();
$$;
comment on function public.export_parts() is 'Return what export_account() can be asked for, by name.';
grant execute on function public.export_parts() to authenticated;

create function private.my_files()
returns table (bucket_id text, name text, metadata jsonb, created_at timestamptz)
language sql
stable
security definer
set search_path = ''
as $$
  with folders as (
    select 'avatars' as bucket_id, (select auth.uid())::text || '/' as folder
    union all
    select 'covers', id::text || '/' from public.spaces where leader_id = (select auth.uid())
    union all
    select 'responses', mine.space_id::text || '/' || (select auth.uid())::text || '/'
    from (
      select space_id from public.memberships where user_id = (select auth.uid())
      union
      select space_id from public.responses where user_id = (select auth.uid())
    ) as mine
  )
  select objects.bucket_id, objects.name, objects.metadata, objects.created_at
  from folders
  join storage.objects on objects.bucket_id = folders.bucket_id and starts_with(objects.name, folders.folder);
$$;
comment on function private.my_files() is
  'Return the files in the caller''s own folders, and those of spaces that they lead. Definer to see spaces that '
  'they have left; not granted, only other definer functions call it.';

create function private.export_account(part text, after text, row_limit integer)
returns table (key text, data jsonb)
language plpgsql
stable
security definer
set search_path = ''
as $$
declare
  v_me uuid := private.require_user();
  v_part private.personal_data;
begin
  if export_account.row_limit is null or export_account.row_limit not between 1 and 1000 then
    perform private.fail('MG001', 'row_limit', 'row_limit lies between 1 and 1000.');
  end if;
  if export_account.part = 'files' then
    return query
      select files.bucket_id || '/' || files.name, to_jsonb(files)
      from private.my_files() as files
      where (files.bucket_id || '/' || files.name) collate "C" > coalesce(export_account.after, '')
      order by (files.bucket_id || '/' || files.name) collate "C"
      limit export_account.row_limit;
    return;
  end if;
  if export_account.part = 'printed_responses' then
    return query
      select
        newsletters.id::text,
        jsonb_build_object(
          'newsletter_id', newsletters.id, 'space_id', newsletters.space_id, 'week_number', newsletters.week_number,
          'title', newsletters.title, 'published_at', newsletters.published_at,
          'responses', (
            select coalesce(
              jsonb_agg(response.value || jsonb_build_object('question', prompt.value -> 'question')), '[]'
            )
            from jsonb_array_elements(newsletters.content -> 'prompts') as prompt
            cross join lateral jsonb_array_elements(prompt.value -> 'responses') as response
            where response.value -> 'author' ->> 'id' = v_me::text
          )
        )
      from public.newsletters
      where private.people_in(newsletters.content) @> array[v_me]
        and newsletters.is_published
        and newsletters.id::text collate "C" > coalesce(export_account.after, '')
      order by newsletters.id::text collate "C"
      limit export_account.row_limit;
    return;
  end if;
  select * into v_part
  from private.personal_data
  where personal_data.part = export_account.part and personal_data.reason is null;
  if v_part.part is null then
    perform private.fail('MG001', 'part', 'part is one of those that export_parts() lists.');
  end if;
  return query execute format(
    $query$
      select mine.key, (
        select jsonb_object_agg(field.key, field.value)
        from jsonb_each(mine.data) as field
        where $2 is null or field.key = any ($2)
      )
      from (
        select (%s)::text collate "C" as key, to_jsonb(own) as data
        from %s as own
        where (%s) and (%s)
      ) as mine
      where mine.key > $3
      order by mine.key
      limit $4
    $query$,
    v_part.key_expression,
    v_part.relation,
    (select string_agg(format('%I = $1', named), ' or ') from unnest(v_part.person_columns) as named),
    coalesce(v_part.condition, 'true')
  )
  using v_me, v_part.columns, coalesce(export_account.after, ''), export_account.row_limit;
end;
$$;
comment on function private.export_account(text, text, integer) is
  'Definer because what is somebody''s own lies in tables that they do not reach otherwise; safe because it returns '
  'nothing but rows that name the caller, and the words of its statement come from private.personal_data, never from '
  'the caller.';
grant execute on function private.export_account(text, text, integer) to authenticated;

create function public.export_account(part text, after text default null, row_limit integer default 500)
returns table (key text, data jsonb)
language sql
stable
set search_path = ''
as $$
  select * from private.export_account(export_account.part, export_account.after, export_account.row_limit);
$$;
comment on function public.export_account(text, text, integer) is
  'Return what is the caller''s own, part by part (see export_parts), up to row_limit rows after a key, in the order '
  'of keys. The part "files" names the objects in their folders of Storage. MG001 for a part that there is not.';
grant execute on function public.export_account(text, text, integer) to authenticated;
