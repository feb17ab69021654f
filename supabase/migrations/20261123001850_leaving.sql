-- Leaving: what goes when somebody or something goes, and what somebody may take along.
--
-- Foreign keys remove the rows. Files cannot be removed by SQL, so triggers put folders and files into the outbox, in the
-- transaction that causes it; the function deliver empties them. Until then policies hide what is private, and nothing new
-- can be stored in a folder whose owner is gone, so emptying it once is enough. A daily sweep finds what an outage or a
-- restored backup left behind.

-- Tables -------------------------------------------------------------------------------------------------------------

create table private.personal_data (
  part text primary key,
  relation text not null,
  person_columns text[] not null,
  key_expression text not null,
  columns text[],
  reason text,
  constraint personal_data_part_form check (part ~ '^[a-z_]+$')
);
comment on table private.personal_data is
  'Which rows of which tables are a person''s own: what export_account() returns. A table that refers to people has a row '
  'here; a test sees to it.';
comment on column private.personal_data.relation is 'The table, with its schema.';
comment on column private.personal_data.person_columns is 'A row is theirs where one of these names them.';
comment on column private.personal_data.key_expression is 'What pages are ordered by: a text that no two rows share.';
comment on column private.personal_data.columns is 'What is given out; null for all.';
comment on column private.personal_data.reason is 'Why rows are not given out although they name a person; null where they are.';

create table private.new_passwords (
  user_id uuid primary key references public.users (id) on delete cascade,
  set_at timestamptz not null
);
comment on table private.new_passwords is
  'When an account that was there already was last given a password: for a day, signing in with it does not prove who it '
  'belongs to. Forgotten by the sweep after that.';

alter table private.personal_data enable row level security;
alter table private.new_passwords enable row level security;

insert into private.personal_data (part, relation, person_columns, key_expression, columns, reason) values
  ('account', 'auth.users', '{id}', 'id::text',
    '{id,email,phone,created_at,last_sign_in_at,email_confirmed_at,raw_user_meta_data,raw_app_meta_data}', null),
  ('profile', 'public.users', '{id}', 'id::text', null, null),
  ('settings', 'public.settings', '{user_id}', 'user_id::text', null, null),
  ('memberships', 'public.memberships', '{user_id}', 'id::text', null, null),
  ('spaces', 'public.spaces', '{leader_id}', 'id::text', null, null),
  ('invites', 'public.space_invites', '{created_by}', 'id::text', null, null),
  ('curator_rotations', 'public.curator_rotations', '{curator_id}', 'id::text', null, null),
  ('prompts', 'public.prompts', '{curator_id}', 'id::text', null, null),
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
    '{id,space_id,newsletter_id,kind,payload,state,created_at,sent_at}', null),
  ('email_subscriptions', 'private.email_subscriptions', '{user_id}', 'coalesce(space_id::text, '''')',
    '{space_id,is_on,created_at}', null),
  ('reading_links', 'private.reading_links', '{user_id}', 'newsletter_id::text',
    '{newsletter_id,created_at,withdrawn_at}', null),
  ('removals', 'private.removed_members', '{user_id}', 'space_id::text', null, null),
  ('new_password', 'private.new_passwords', '{user_id}', 'user_id::text', '{set_at}', null);

-- Files --------------------------------------------------------------------------------------------------------------

create function private.drop_folder(bucket_id text, folder text, account_id uuid default null)
returns void
language sql
security definer
set search_path = ''
as $$
  select private.enqueue(
    'storage.remove',
    'storage.remove:' || drop_folder.bucket_id || '/' || drop_folder.folder || '/',
    jsonb_build_object('bucket_id', drop_folder.bucket_id, 'folder', drop_folder.folder),
    account_id => drop_folder.account_id
  );
$$;
comment on function private.drop_folder(text, text, uuid) is
  'Queue the removal of all files in a folder and below it, as the work of an account where it cannot be told from the folder any more. Definer; not granted, only other definer functions call it.';

create function private.drop_space_files()
returns trigger
language plpgsql
security definer
set search_path = ''
as $$
begin
  perform private.drop_folder('covers', old.id::text, old.leader_id);
  perform private.drop_folder('responses', old.id::text, old.leader_id);
  perform private.drop_folder('newsletters', old.id::text, old.leader_id);
  return null;
end;
$$;
comment on function private.drop_space_files() is
  'Trigger: the files of a space go with it. Definer because clients queue no jobs; safe because it only fires for a space '
  'that is gone.';

create trigger spaces__drop_files
  after delete on public.spaces
  for each row execute function private.drop_space_files();

create function private.drop_person_files()
returns trigger
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_space_id uuid;
begin
  perform private.drop_folder('avatars', old.id::text);
  for v_space_id in
    select space_id from public.memberships where user_id = old.id
    union
    select space_id from public.responses where user_id = old.id
    order by space_id
  loop
    perform private.drop_folder('responses', v_space_id::text || '/' || old.id::text);
  end loop;
  return old;
end;
$$;
comment on function private.drop_person_files() is
  'Trigger: the files of an account go with it, in each space that it was in. What was stored in a space without any '
  'response, before leaving it, is found by the sweep. Definer because clients queue no jobs; safe because it only fires for '
  'an account that is being deleted.';

create trigger users__drop_files
  before delete on public.users
  for each row execute function private.drop_person_files();

create function private.drop_newsletter_files()
returns trigger
language plpgsql
security definer
set search_path = ''
as $$
begin
  if old.is_published and exists (select from public.spaces where id = old.space_id) then
    perform private.drop_folder('newsletters', old.space_id::text || '/' || old.id::text);
  end if;
  return null;
end;
$$;
comment on function private.drop_newsletter_files() is
  'Trigger: page, PDF and pictures of a newsletter go with it; with a space the whole folder goes. Definer because clients '
  'queue no jobs; safe because it only fires for a newsletter that is gone.';

create trigger newsletters__drop_files
  after delete on public.newsletters
  for each row execute function private.drop_newsletter_files();

create function private.drop_former_avatar()
returns trigger
language plpgsql
security definer
set search_path = ''
as $$
begin
  perform private.drop_file('avatars', old.avatar_path);
  return null;
end;
$$;
comment on function private.drop_former_avatar() is
  'Trigger: the picture that a profile names no more goes. Definer because clients queue no jobs; safe because the row '
  'named only files of its own.';

create trigger users__drop_former_avatar
  after update of avatar_path on public.users
  for each row when (old.avatar_path is not null and old.avatar_path is distinct from new.avatar_path)
  execute function private.drop_former_avatar();

create function private.drop_former_cover()
returns trigger
language plpgsql
security definer
set search_path = ''
as $$
begin
  perform private.drop_file('covers', old.cover_path);
  return null;
end;
$$;
comment on function private.drop_former_cover() is
  'Trigger: the picture that a space names no more goes. Definer because clients queue no jobs; safe because the row named '
  'only files of its own.';

create trigger spaces__drop_former_cover
  after update of cover_path on public.spaces
  for each row when (old.cover_path is not null and old.cover_path is distinct from new.cover_path)
  execute function private.drop_former_cover();

create function private.orphan_files()
returns table (bucket_id text, folder text)
language sql
stable
security definer
set search_path = ''
as $$
  select folders.bucket_id, folders.folder
  from (
    select distinct
      objects.bucket_id,
      case
        when objects.bucket_id in ('avatars', 'covers') then split_part(objects.name, '/', 1)
        else split_part(objects.name, '/', 1) || '/' || split_part(objects.name, '/', 2)
      end as folder
    from storage.objects
    where objects.bucket_id in ('avatars', 'covers', 'responses', 'newsletters')
  ) as folders
  where not private.is_folder_kept(folders.bucket_id, folders.folder);
$$;
comment on function private.orphan_files() is
  'Folders with files whose owner is gone. Definer; not granted, only the sweep and whoever runs the database call it.';

create function private.drop_orphan_files()
returns integer
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_orphan record;
  v_count integer := 0;
begin
  for v_orphan in select * from private.orphan_files() as orphan order by orphan.bucket_id, orphan.folder loop
    perform private.drop_folder(v_orphan.bucket_id, v_orphan.folder);
    v_count := v_count + 1;
  end loop;
  return v_count;
end;
$$;
comment on function private.drop_orphan_files() is
  'Queue the removal of files whose owner is gone: after an outage that outlived a job, or a restored backup. Returns the '
  'number of folders. Scheduled. Definer; not granted, only other definer functions call it.';

-- Words and emails ---------------------------------------------------------------------------------------------------

create function private.without_giver(payload jsonb, gift_ids text[])
returns jsonb
language sql
immutable
set search_path = ''
as $$
  select case
    when without_giver.payload ? 'entries' then jsonb_set(
      without_giver.payload, '{entries}',
      coalesce(
        (
          select jsonb_agg(private.without_giver(entry.value, without_giver.gift_ids) order by entry.ordinality)
          from jsonb_array_elements(without_giver.payload -> 'entries') with ordinality as entry
        ),
        '[]'
      )
    )
    when without_giver.payload ->> 'gift_id' = any (without_giver.gift_ids)
      then without_giver.payload - '{sender_id,sender_name,message}'::text[]
    else without_giver.payload
  end;
$$;
comment on function private.without_giver(jsonb, text[]) is
  'A piece of news, or a digest of several, without who gave these gifts and what they wrote.';

create function private.forget_giver(gift_ids uuid[], words boolean)
returns boolean
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_gift_ids constant text[] := forget_giver.gift_ids::text[];
  v_keys constant text[] := array['sender_id', 'sender_name'] || case when forget_giver.words then array['message'] end;
  v_is_changed boolean;
begin
  -- Several accounts may go in one statement: what refers to those gone already is still there, and is about to go.
  update public.notifications
  set payload = notifications.payload - v_keys
  from public.token_gifts
  join public.users on users.id = token_gifts.recipient_id
  where token_gifts.id = any (forget_giver.gift_ids)
    and notifications.user_id = token_gifts.recipient_id
    and notifications.dedupe_key = 'gift:' || token_gifts.id::text
    and notifications.payload ?| v_keys;
  v_is_changed := found;

  perform from private.mails
  where mails.kind in ('GIFT_RECEIVED', 'DIGEST') and private.gifts_in(mails.payload) && v_gift_ids
  order by mails.id
  for update;
  -- A worker that has taken an email and not begun it knows the former payload: another one takes it anew.
  update private.mails
  set
    payload = private.without_giver(mails.payload, v_gift_ids),
    batch_id = case when mails.state <> 'QUEUED' then mails.batch_id end,
    position = case when mails.state <> 'QUEUED' then mails.position end
  where mails.kind in ('GIFT_RECEIVED', 'DIGEST')
    and private.gifts_in(mails.payload) && v_gift_ids
    and mails.payload <> private.without_giver(mails.payload, v_gift_ids)
    and (mails.user_id is null or exists (select from public.users where users.id = mails.user_id));
  v_is_changed := v_is_changed or found;

  if forget_giver.words then
    update public.token_gifts
    set message = null
    where token_gifts.id = any (forget_giver.gift_ids) and token_gifts.message is not null;
    v_is_changed := v_is_changed or found;
  end if;
  return v_is_changed;
end;
$$;
comment on function private.forget_giver(uuid[], boolean) is
  'Take who gave these gifts out of what the recipients were told: the name out of their notifications, and the message too if '
  'words are to go; both out of emails, sent or not, but not out of one that is on its way, whose content goes when its fate '
  'is known. Return whether there was anything to take out. Whoever calls it holds the recipients. Definer; not granted, only other definer functions call it.';

create function private.forget_departing_giver()
returns trigger
language plpgsql
security definer
set search_path = ''
as $$
begin
  perform private.forget_giver(
    array(select token_gifts.id from public.token_gifts where token_gifts.sender_id = old.id), false
  );
  return old;
end;
$$;
comment on function private.forget_departing_giver() is
  'Trigger: who deletes the account is named no more to whom they gave; the gifts and their messages stay. Definer because '
  'other people''s notifications are not the caller''s; safe because it only fires for an account that is being deleted.';

create trigger users__forget_giver
  before delete on public.users
  for each row execute function private.forget_departing_giver();

create function private.without_response(content jsonb, response_id uuid)
returns jsonb
language sql
immutable
set search_path = ''
as $$
  select jsonb_set(
    without_response.content,
    '{prompts}',
    coalesce(
      (
        select jsonb_agg(
          jsonb_set(
            prompt.value,
            '{responses}',
            coalesce(
              (
                select jsonb_agg(response.value order by response.ordinality)
                from jsonb_array_elements(prompt.value -> 'responses') with ordinality as response
                where response.value ->> 'id' is distinct from without_response.response_id::text
              ),
              '[]'
            )
          )
          order by prompt.ordinality
        )
        from jsonb_array_elements(without_response.content -> 'prompts') with ordinality as prompt
      ),
      '[]'
    )
  );
$$;
comment on function private.without_response(jsonb, uuid) is 'The snapshot of a newsletter without one of its responses.';

create function private.leave_drafts()
returns trigger
language plpgsql
security definer
set search_path = ''
as $$
begin
  -- One that somebody is generating or publishing at this moment is passed over: they look again behind the space's lock.
  update public.newsletters
  set content = private.without_response(newsletters.content, old.id)
  where id in (
    select id from public.newsletters
    where newsletters.space_id = old.space_id
      and newsletters.week_number = old.week_number
      and not newsletters.is_published
      and strpos(newsletters.content::text, old.id::text) > 0
    order by id
    for no key update skip locked
  );
  return null;
end;
$$;
comment on function private.leave_drafts() is
  'Trigger: a response that is deleted leaves the draft of its newsletter. Definer because clients do not write the '
  'snapshot; safe because it only fires for a response that is gone.';

create trigger responses__leave_drafts
  after delete on public.responses
  for each row when (old.is_published)
  execute function private.leave_drafts();

create function private.forget_curator()
returns trigger
language plpgsql
set search_path = ''
as $$
begin
  new.content := new.content || '{"curator": null}';
  return new;
end;
$$;
comment on function private.forget_curator() is
  'Trigger: the account of a curator is gone, so the draft of their newsletter does not name them. What is published does.';

create trigger newsletters__forget_curator
  before update of curator_id on public.newsletters
  for each row when (old.curator_id is not null and new.curator_id is null and not new.is_published)
  execute function private.forget_curator();

create function private.drop_left_drafts(space_id uuid, user_id uuid)
returns integer
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_count integer;
begin
  delete from public.responses
  where id in (
    select responses.id
    from public.responses
    join public.spaces on spaces.id = responses.space_id and spaces.current_week = responses.week_number
    where not responses.is_published
      and (drop_left_drafts.space_id is null or responses.space_id = drop_left_drafts.space_id)
      and (drop_left_drafts.user_id is null or responses.user_id = drop_left_drafts.user_id)
      and not exists (
        select from public.memberships
        where memberships.space_id = responses.space_id and memberships.user_id = responses.user_id
      )
    order by responses.id
    for update of responses skip locked
  );
  get diagnostics v_count = row_count;
  return v_count;
end;
$$;
comment on function private.drop_left_drafts(uuid, uuid) is
  'Delete drafts of open weeks whose authors are no members any more: of a space, of a person, or (null) of all. One that is '
  'being edited at this moment waits for the sweep, so that nobody waits in a circle; the edit itself is refused. Returns the '
  'number of drafts. Definer; not granted, only other definer functions call it.';

create function private.leave_nothing()
returns trigger
language plpgsql
security definer
set search_path = ''
as $$
begin
  if not exists (select from public.spaces where id = old.space_id)
    or not exists (select from public.users where id = old.user_id)
  then
    return null;
  end if;
  perform private.drop_left_drafts(old.space_id, old.user_id);
  return null;
end;
$$;
comment on function private.leave_nothing() is
  'Trigger: who leaves a space, or is removed, leaves what they published and takes along the drafts of the open week. Definer '
  'to delete for somebody else; safe because it only fires for a membership that is gone.';

create trigger memberships__leave_nothing
  after delete on public.memberships
  for each row execute function private.leave_nothing();

-- Taking along -------------------------------------------------------------------------------------------------------

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
comment on function public.export_parts() is 'What export_account() can be asked for, by name.';
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
  'The files in the caller''s own folders, and those of spaces that they lead. Definer to see spaces that they have left; '
  'not granted, only other definer functions call it.';

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
        where %s
      ) as mine
      where mine.key > $3
      order by mine.key
      limit $4
    $query$,
    v_part.key_expression,
    v_part.relation,
    (select string_agg(format('%I = $1', named), ' or ') from unnest(v_part.person_columns) as named)
  )
  using v_me, v_part.columns, coalesce(export_account.after, ''), export_account.row_limit;
end;
$$;
comment on function private.export_account(text, text, integer) is
  'Definer because what is somebody''s own lies in tables that they do not reach otherwise; safe because it returns nothing '
  'but rows that name the caller, and the words of its statement come from private.personal_data, never from the caller.';
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
  'What is the caller''s own, part by part (see export_parts), up to row_limit rows after a key, in the order of keys. The '
  'part "files" names the objects in their folders of Storage. MG001 for a part that there is not.';
grant execute on function public.export_account(text, text, integer) to authenticated;

-- Deleting one's account ---------------------------------------------------------------------------------------------

create function private.signed_in_at()
returns timestamptz
language sql
stable
security definer
set search_path = ''
as $$
  select created_at
  from auth.sessions
  where id = private.try_uuid((select auth.jwt()) ->> 'session_id') and user_id = (select auth.uid());
$$;
comment on function private.signed_in_at() is
  'When the caller''s session began: refreshing it does not make it younger. Null where there is none. Definer to read the '
  'auth service''s table; not granted, only other definer functions call it.';

create function private.came_by_mail(since timestamptz)
returns boolean
language sql
stable
set search_path = ''
as $$
  -- The auth service's names. Not email_change: its mailbox is a new one.
  select jsonb_path_exists(
    coalesce((select auth.jwt()) -> 'amr', '[]'),
    '$[*] ? (
      @.timestamp >= $since && (
        @.method == "otp" || @.method == "magiclink" || @.method == "recovery" || @.method == "email/signup"
        || @.method == "invite"
      )
    )',
    jsonb_build_object('since', floor(extract(epoch from came_by_mail.since)))
  );
$$;
comment on function private.came_by_mail(timestamptz) is
  'Whether the caller has signed in since then by a link or a code that was sent to the account''s mailbox, or telephone: the '
  'claim amr of the token says how, and keeps it when the token is refreshed. Not granted, only definer functions call it.';

create function private.note_new_password()
returns trigger
language plpgsql
security definer
set search_path = ''
as $$
begin
  insert into private.new_passwords (user_id, set_at) values (new.id, now())
  on conflict (user_id) do update set set_at = excluded.set_at;
  return null;
end;
$$;
comment on function private.note_new_password() is
  'Trigger on auth.users: note when an account got another password, or its first one after the sign-up. Definer because no '
  'role reaches the table; safe because it notes nothing but the time.';

create trigger monogram__note_new_password
  after update of encrypted_password on auth.users
  for each row when (
    new.encrypted_password is distinct from old.encrypted_password and coalesce(new.encrypted_password, '') <> ''
  )
  execute function private.note_new_password();

create function private.delete_account(confirm text)
returns void
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_me uuid := private.require_user();
  v_email text;
begin
  select coalesce(nullif(email, ''), id::text) into v_email from auth.users where id = v_me;
  if not found then
    -- The same command again.
    return;
  end if;
  if lower(btrim(coalesce(delete_account.confirm, ''))) <> lower(v_email) then
    perform private.fail('MG310');
  end if;
  if coalesce(private.signed_in_at() < now() - interval '1 hour', true) then
    perform private.fail('MG311');
  end if;
  -- Whoever holds a session of the last day can set a password, and sign in with it.
  if not private.came_by_mail(now() - interval '1 hour') and exists (
    select from private.new_passwords where user_id = v_me and set_at > now() - interval '1 day'
  ) then
    perform private.fail(
      'MG311', 'new_password',
      hint => 'Sign in with a link or a code that is mailed to the account''s address, then delete the account.',
      addition => 'Within a day after a new password was set, that takes more than the password.'
    );
  end if;
  delete from auth.users where id = v_me;
end;
$$;
comment on function private.delete_account(text) is
  'Definer because clients do not reach accounts; safe because it deletes the caller''s own, and takes more than a token '
  'that somebody found: the address, and a sign-in of the last hour, for a day after a new password one by mail.';
grant execute on function private.delete_account(text) to authenticated;

create function public.delete_account(confirm text)
returns void
language sql
set search_path = ''
as $$
  select private.delete_account(delete_account.confirm);
$$;
comment on function public.delete_account(text) is
  'Delete the caller''s own account, for good: confirm is its email address (its id, where it has none). What goes and what '
  'stays is in the guide "Leaving and deleting". Again changes nothing. MG310 for another address, MG311 where the sign-in '
  'is older than an hour, or by a password that was set within the last day (detail new_password): then it has to be by a '
  'link or a code from the mailbox.';
grant execute on function public.delete_account(text) to authenticated;

-- Taking words out ---------------------------------------------------------------------------------------------------

create function private.redacted_content(content jsonb, user_id uuid)
returns jsonb
language sql
immutable
set search_path = ''
as $$
  select redacted_content.content || jsonb_build_object(
    'curator', case
      when redacted_content.content -> 'curator' ->> 'id' = redacted_content.user_id::text
        then '{"id": null, "display_name": "Somebody who left"}'::jsonb
      else redacted_content.content -> 'curator'
    end,
    'prompts', coalesce(
      (
        select jsonb_agg(
          prompt.value || jsonb_build_object(
            'responses', coalesce(
              (
                select jsonb_agg(
                  case
                    when response.value -> 'author' ->> 'id' = redacted_content.user_id::text
                      then response.value || '{
                        "author": {
                          "id": null, "display_name": "Somebody who left", "username": null, "avatar_path": null
                        },
                        "content": null, "image_path": null, "image_caption": null, "music": null
                      }'::jsonb
                    else response.value
                  end
                  order by response.ordinality
                )
                from jsonb_array_elements(prompt.value -> 'responses') with ordinality as response
              ),
              '[]'
            )
          )
          order by prompt.ordinality
        )
        from jsonb_array_elements(redacted_content.content -> 'prompts') with ordinality as prompt
      ),
      '[]'
    )
  );
$$;
comment on function private.redacted_content(jsonb, uuid) is
  'The snapshot of a newsletter without a person: neither name, picture nor words.';

create function private.redact_newsletter(newsletter_id uuid, user_id uuid)
returns boolean
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_old public.newsletters;
  v_new public.newsletters;
begin
  select * into v_old from public.newsletters where id = redact_newsletter.newsletter_id;
  perform private.lock_space(v_old.space_id);
  select * into v_old from public.newsletters where id = redact_newsletter.newsletter_id for no key update;
  if not found or not private.people_in(v_old.content) @> array[redact_newsletter.user_id] then
    return false;
  end if;
  v_new := v_old;
  v_new.content := private.redacted_content(v_old.content, redact_newsletter.user_id);
  update public.newsletters
  set
    content = v_new.content,
    redacted_at = clock_timestamp(),
    html_path = null,
    pdf_path = null
  where id = v_old.id
  returning * into v_new;
  if v_new.is_published then
    perform private.record_redaction(v_new.id, v_old.code, v_new.code);
    delete from private.newsletter_mails where newsletter_mails.newsletter_id = v_new.id;
    perform private.enqueue(
      'newsletter.render',
      'newsletter.render:' || v_new.id::text || ':'
        || to_char(v_new.redacted_at at time zone 'UTC', 'YYYYMMDDHH24MISSUS'),
      jsonb_build_object('newsletter_id', v_new.id),
      account_id => coalesce(auth.uid(), redact_newsletter.user_id)
    );
  end if;
  return true;
end;
$$;
comment on function private.redact_newsletter(uuid, uuid) is
  'Take a person out of a newsletter: its snapshot at once; its page, PDF and email, which are out of reach until then, by a '
  'job that makes them anew. Records the change. Definer; not granted, only other definer functions call it.';

create function private.redact_user(user_id uuid)
returns integer
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_newsletter_id uuid;
  v_redacted_ids uuid[] := array[]::uuid[];
  v_gift_ids uuid[];
begin
  for v_newsletter_id in
    select newsletters.id
    from public.newsletters
    where private.people_in(newsletters.content) @> array[redact_user.user_id]
    order by newsletters.space_id, newsletters.id
  loop
    if private.redact_newsletter(v_newsletter_id, redact_user.user_id) then
      v_redacted_ids := v_redacted_ids || v_newsletter_id;
    end if;
  end loop;

  v_gift_ids := array(
    select token_gifts.id from public.token_gifts where token_gifts.sender_id = redact_user.user_id
    union
    -- What an account that is gone has given.
    select closed_entries.reference_id
    from private.closed_entries
    where closed_entries.user_id = redact_user.user_id and closed_entries.type = 'SPEND_GIFT'
  );
  perform private.lock_people(
    array(select token_gifts.recipient_id from public.token_gifts where token_gifts.id = any (v_gift_ids))
  );
  perform from private.mails
  where (mails.newsletter_id = any (v_redacted_ids) and mails.state = 'QUEUED' and mails.batch_id is not null)
    or (
      mails.kind in ('GIFT_RECEIVED', 'DIGEST') and private.gifts_in(mails.payload) && v_gift_ids::text[]
    )
  order by mails.id
  for update;
  -- A worker that has taken the email of a newsletter and not begun it has read it as it was: another one takes it anew.
  update private.mails
  set batch_id = null, position = null
  where mails.newsletter_id = any (v_redacted_ids) and mails.state = 'QUEUED' and mails.batch_id is not null;
  if private.forget_giver(v_gift_ids, true) or v_redacted_ids <> '{}' then
    return cardinality(v_redacted_ids);
  end if;
  return null;
end;
$$;
comment on function private.redact_user(uuid) is
  'Definer because nobody writes snapshots, or what others were told; granted to the service role only.';
grant execute on function private.redact_user(uuid) to service_role;

create function public.redact_user(user_id uuid)
returns integer
language sql
set search_path = ''
as $$
  select private.redact_user(redact_user.user_id);
$$;
comment on function public.redact_user(uuid) is
  'Take a person''s name, picture and words out of every newsletter, whether their account is there or gone, and return how '
  'many newsletters changed: null where neither a newsletter nor a gift had anything of them. Pages, PDFs and emails are made anew by jobs. What they wrote with gifts goes as well, '
  'and their name from what the recipients were told. Again changes nothing. Secret key only.';
grant execute on function public.redact_user(uuid) to service_role;

-- Links to what is gone ----------------------------------------------------------------------------------------------

create table private.gone_newsletters (
  newsletter_id uuid primary key,
  deleted_at timestamptz not null default now()
);
comment on table private.gone_newsletters is
  'Published newsletters that everybody could read and that were deleted: their links say that they are gone.';

alter table private.gone_newsletters enable row level security;

create function private.note_gone_newsletter()
returns trigger
language plpgsql
security definer
set search_path = ''
as $$
begin
  insert into private.gone_newsletters (newsletter_id) values (old.id) on conflict do nothing;
  return null;
end;
$$;
comment on function private.note_gone_newsletter() is
  'Trigger: the link to a newsletter that everybody could read outlives it. Definer because no role reaches the table; safe '
  'because it only fires for a newsletter that is gone.';

create trigger newsletters__note_gone
  after delete on public.newsletters
  for each row when (old.is_published and old.visibility = 'PUBLIC')
  execute function private.note_gone_newsletter();

create function private.is_newsletter_gone(newsletter_id uuid)
returns boolean
language sql
stable
security definer
set search_path = ''
as $$
  select exists (
    select from private.gone_newsletters where gone_newsletters.newsletter_id = is_newsletter_gone.newsletter_id
  );
$$;
comment on function private.is_newsletter_gone(uuid) is
  'Definer because no role reaches the table; safe because it speaks of newsletters that everybody could read.';
grant execute on function private.is_newsletter_gone(uuid) to authenticated, service_role;

create function public.is_newsletter_gone(newsletter_id uuid)
returns boolean
language sql
stable
set search_path = ''
as $$
  select private.is_newsletter_gone(is_newsletter_gone.newsletter_id);
$$;
comment on function public.is_newsletter_gone(uuid) is
  'Return true if there was a published newsletter of this id that everybody could read, and it was deleted.';
grant execute on function public.is_newsletter_gone(uuid) to authenticated, service_role;
