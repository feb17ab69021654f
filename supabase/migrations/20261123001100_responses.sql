-- Responses: text, an image, a piece of music, or several of them; a draft first if the author likes. Publishing one
-- counts, pays and tells the space, in the same transaction. When the week has closed nothing changes any more, but an
-- author may always delete what is theirs.

create table public.responses (
  id uuid primary key default gen_random_uuid(),
  prompt_id uuid not null references public.prompts (id) on delete cascade,
  user_id uuid not null default auth.uid() references public.users (id) on delete cascade,
  space_id uuid not null references public.spaces (id) on delete cascade,
  week_number integer not null,
  content text,
  image_path text,
  music jsonb,
  is_published boolean not null default false,
  published_at timestamptz,
  is_selected boolean not null default false,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint responses_prompt_id_user_id_key unique (prompt_id, user_id),
  constraint responses_content_length check (char_length(content) <= 10000),
  constraint responses_image_path_length check (char_length(image_path) <= 300),
  constraint responses_music_has_url check (music is null or coalesce(jsonb_typeof(music -> 'url') = 'string', false)),
  constraint responses_published_not_empty check (
    not is_published
    or coalesce(btrim(content, E' \t\n\r'), '') <> ''
    or image_path is not null
    or music is not null
  ),
  constraint responses_published_at_set check (is_published = (published_at is not null)),
  constraint responses_selected_published check (is_published or not is_selected)
);
comment on table public.responses is
  'A member''s answer to a prompt. Triggers: responses__fill, responses__guard (who, when, which values), '
  'responses__count (counters, ledger, event, badges), responses__uncount, responses__touch_updated_at.';
comment on column public.responses.space_id is 'The prompt''s space, copied by the database.';
comment on column public.responses.week_number is 'The prompt''s week, copied by the database.';
comment on column public.responses.image_path is 'Object name in the storage bucket "responses": {space_id}/{user_id}/{file}.';
comment on column public.responses.music is '{"url": ..., "provider": ..., "title": ..., "artist": ...}; url is required, http or https.';
comment on column public.responses.is_selected is 'Chosen by the leader for the newsletter.';

create index idx_responses_space_id on public.responses (space_id, week_number);
create index idx_responses_user_id on public.responses (user_id, published_at desc);

alter table public.responses enable row level security;

create policy "Members read published responses, authors all of theirs" on public.responses
  for select to authenticated using (
    user_id = (select auth.uid())
    or (is_published and space_id = any (array(select private.my_space_ids())))
  );

create policy "Members answer as themselves" on public.responses
  for insert to authenticated with check (
    user_id = (select auth.uid()) and space_id = any (array(select private.my_space_ids()))
  );

create policy "Members change their own responses" on public.responses
  for update to authenticated
  using (user_id = (select auth.uid()) and space_id = any (array(select private.my_space_ids())))
  with check (user_id = (select auth.uid()) and space_id = any (array(select private.my_space_ids())));

create policy "Authors delete their own responses" on public.responses
  for delete to authenticated using (user_id = (select auth.uid()));

grant select on public.responses to authenticated, service_role;
grant insert (id, prompt_id, user_id, content, image_path, music, is_published) on public.responses to authenticated, service_role;
grant update (content, image_path, music, is_published) on public.responses to authenticated, service_role;
grant delete on public.responses to authenticated, service_role;

-- Predicates --------------------------------------------------------------------------------------------------------

create function private.is_answered(prompt_id uuid)
returns boolean
language sql
stable
security definer
set search_path = ''
as $$
  select exists (
    select from public.responses where responses.prompt_id = is_answered.prompt_id and responses.is_published
  );
$$;
comment on function private.is_answered(uuid) is
  'Whether a prompt has published responses. Definer; not granted, only other definer functions call it.';

-- Triggers ----------------------------------------------------------------------------------------------------------

create function private.check_response_values(response public.responses)
returns void
language plpgsql
stable
set search_path = ''
as $$
begin
  perform private.check_text('content', response.content, 0, 10000);
  if not private.is_file_in(response.image_path, response.space_id::text || '/' || response.user_id::text) then
    perform private.fail('MG306');
  end if;
  if response.music is not null and coalesce(
    jsonb_typeof(response.music) <> 'object'
    or not (response.music ->> 'url') ~* '^https?://[^[:space:]]+$'
    or char_length(response.music ->> 'url') > 2000
    or pg_column_size(response.music) > 4000
    or exists (
      select from jsonb_each(case when jsonb_typeof(response.music) = 'object' then response.music else '{}' end) as part
      where jsonb_typeof(part.value) not in ('string', 'null')
    ),
    true
  ) then
    perform private.fail(
      'MG001', 'music',
      'music is an object with a url that begins with http:// or https:// and otherwise holds texts: provider, title, artist.'
    );
  end if;
  if response.is_published
    and coalesce(btrim(response.content, E' \t\n\r'), '') = ''
    and response.image_path is null
    and response.music is null
  then
    perform private.fail('MG302');
  end if;
end;
$$;
comment on function private.check_response_values(public.responses) is 'Refuse bad values in words.';

create function private.fill_response()
returns trigger
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_prompt public.prompts;
  v_space_id uuid;
begin
  -- The foreign key will hold the prompt as well; rows come before the space.
  select space_id into v_space_id from public.prompts where id = new.prompt_id for key share;
  if private.is_client() and (
    new.user_id is distinct from private.require_user() or not private.is_member(v_space_id, new.user_id)
  ) then
    perform private.deny(
      'Only members of the space answer its prompts, each for themselves.', 'Check the prompt''s id, or join the space first.'
    );
  end if;
  perform private.lock_space(v_space_id);
  select * into v_prompt from public.prompts where id = new.prompt_id;
  if v_prompt.id is null then
    perform private.fail('MG201');
  end if;
  if not private.is_member(v_prompt.space_id, new.user_id) then
    perform private.fail('MG102');
  end if;
  if v_prompt.week_number <> private.open_week(v_prompt.space_id) then
    perform private.fail('MG202');
  end if;
  if not v_prompt.is_published then
    perform private.fail('MG301');
  end if;
  if exists (
    select from public.responses where responses.prompt_id = new.prompt_id and responses.user_id = new.user_id
  ) then
    perform private.fail('MG304');
  end if;
  new.space_id := v_prompt.space_id;
  new.week_number := v_prompt.week_number;
  new.published_at := case when new.is_published then coalesce(new.published_at, now()) end;
  perform private.check_response_values(new);
  return new;
end;
$$;
comment on function private.fill_response() is
  'Trigger: space and week of a new response, or why it cannot be. Definer to see the prompt and to hold the space; safe '
  'because it refuses all but members before it says anything about the prompt.';

create trigger responses__fill
  before insert on public.responses
  for each row execute function private.fill_response();

create function private.guard_response()
returns trigger
language plpgsql
security definer
set search_path = ''
as $$
begin
  if (new.content, new.image_path, new.music, new.is_published)
    is not distinct from (old.content, old.image_path, old.music, old.is_published)
  then
    return new;
  end if;
  perform private.lock_space(old.space_id);
  if old.week_number <> private.open_week(old.space_id) then
    perform private.fail('MG202');
  end if;
  if old.is_published and not new.is_published then
    perform private.fail('MG303');
  end if;
  perform private.check_response_values(new);
  if new.is_published and not old.is_published then
    new.published_at := now();
  end if;
  return new;
end;
$$;
comment on function private.guard_response() is
  'Trigger: what may still change, or why not. Definer to hold the space; safe because the policy has already settled '
  'that the caller may change the row.';

create trigger responses__guard
  before update of content, image_path, music, is_published on public.responses
  for each row execute function private.guard_response();

create trigger responses__touch_updated_at
  before update on public.responses
  for each row execute function private.touch_updated_at();

create function private.count_response()
returns trigger
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_reward bigint;
begin
  if tg_op = 'UPDATE' then
    if old.image_path is not null and old.image_path is distinct from new.image_path then
      perform private.drop_file('responses', old.image_path);
    end if;
    if old.is_published then
      if (new.content, new.image_path, new.music) is distinct from (old.content, old.image_path, old.music) then
        perform private.emit(new.space_id, 'response.updated', new.id, private.response_event(new), new.user_id);
      end if;
      return null;
    end if;
  end if;
  if not new.is_published then
    return null;
  end if;

  perform private.emit(new.space_id, 'response.published', new.id, private.response_event(new), new.user_id);
  update public.memberships
  set total_submissions = total_submissions + 1
  where memberships.space_id = new.space_id and memberships.user_id = new.user_id;
  update public.users
  set last_active_date = greatest(last_active_date, (new.published_at at time zone 'UTC')::date)
  where id = new.user_id;
  select amount into v_reward from public.reward_rules where code = 'response';
  if v_reward > 0 then
    perform private.post_transaction(
      new.user_id, 'EARN_RESPONSE', v_reward, 'prompt', new.prompt_id, 'response:' || new.prompt_id::text
    );
  end if;
  perform private.award_badges(array[new.user_id], '{responses_published,tokens_earned}');
  return null;
end;
$$;
comment on function private.count_response() is
  'Trigger: what publishing a response sets off. The ledger''s key names the prompt, so an answer that is deleted and '
  'written again earns nothing new. Definer because clients write none of these; safe because it only fires for rows '
  'that were let in.';

create function private.response_event(response public.responses)
returns jsonb
language sql
immutable
set search_path = ''
as $$
  select jsonb_build_object(
    'response_id', response.id, 'prompt_id', response.prompt_id, 'user_id', response.user_id,
    'week_number', response.week_number
  );
$$;
comment on function private.response_event(public.responses) is 'The payload of a response''s events: ids only.';

create trigger responses__count
  after insert or update on public.responses
  for each row execute function private.count_response();

create function private.uncount_response()
returns trigger
language plpgsql
security definer
set search_path = ''
as $$
begin
  if old.image_path is not null then
    perform private.drop_file('responses', old.image_path);
  end if;
  if old.is_published and exists (select from public.spaces where id = old.space_id) then
    perform private.emit(old.space_id, 'response.deleted', old.id, private.response_event(old), old.user_id);
    update public.memberships
    set total_submissions = greatest(total_submissions - 1, 0)
    where memberships.space_id = old.space_id and memberships.user_id = old.user_id;
  end if;
  return null;
end;
$$;
comment on function private.uncount_response() is
  'Trigger: what deleting a response sets off. What it earned stays earned. Definer because clients write none of these; '
  'safe because it only fires for rows that are gone.';

create trigger responses__uncount
  after delete on public.responses
  for each row execute function private.uncount_response();

create function private.drop_file(bucket_id text, path text)
returns void
language sql
security definer
set search_path = ''
as $$
  select private.enqueue(
    'storage.remove',
    'storage.remove:' || drop_file.bucket_id || '/' || drop_file.path,
    jsonb_build_object('bucket_id', drop_file.bucket_id, 'path', drop_file.path)
  );
$$;
comment on function private.drop_file(text, text) is
  'Queue the removal of a file: rows of storage cannot be deleted by SQL. Definer; not granted, only other definer '
  'functions call it.';

-- Functions ---------------------------------------------------------------------------------------------------------

create function private.select_responses(space_id uuid, response_ids uuid[], week_number integer)
returns setof public.responses
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_week integer;
  v_strangers uuid[];
begin
  perform private.require_leader(select_responses.space_id);
  -- One selection at a time; then the rows, which come before the space.
  perform pg_advisory_xact_lock(hashtextextended('select_responses:' || select_responses.space_id::text, 0));
  v_week := coalesce(select_responses.week_number, private.open_week(select_responses.space_id));
  perform from public.responses
  where responses.space_id = select_responses.space_id
    and responses.week_number = v_week
    and responses.is_published
  order by id
  for no key update;
  perform private.lock_space(select_responses.space_id);
  if v_week is distinct from private.open_week(select_responses.space_id) then
    perform private.fail('MG202');
  end if;
  if exists (
    select from public.newsletters
    where newsletters.space_id = select_responses.space_id
      and newsletters.week_number = v_week
      and newsletters.is_published
  ) then
    perform private.fail('MG402');
  end if;
  select array_agg(named) into v_strangers
  from unnest(select_responses.response_ids) as named
  where not exists (
    select from public.responses where responses.id = named and responses.space_id = select_responses.space_id
  );
  if v_strangers is not null then
    perform private.fail('MG307', array_to_string(v_strangers, ', ', 'null'));
  end if;
  select array_agg(named) into v_strangers
  from unnest(select_responses.response_ids) as named
  where not exists (
    select from public.responses
    where responses.id = named
      and responses.week_number = v_week
      and responses.is_published
  );
  if v_strangers is not null then
    perform private.fail('MG305', array_to_string(v_strangers, ', '));
  end if;
  update public.responses
  set is_selected = not is_selected
  where responses.space_id = select_responses.space_id
    and responses.week_number = v_week
    and is_selected <> (responses.id = any (coalesce(select_responses.response_ids, '{}')));
  return query
    select responses.*
    from public.responses
    join public.prompts on prompts.id = responses.prompt_id
    where responses.space_id = select_responses.space_id
      and responses.week_number = v_week
      and responses.is_selected
    order by prompts."order", responses.published_at, responses.id;
end;
$$;
comment on function private.select_responses(uuid, uuid[], integer) is
  'Definer because clients do not write is_selected; safe because it refuses all but the leader.';
grant execute on function private.select_responses(uuid, uuid[], integer) to authenticated, service_role;

create function public.select_responses(space_id uuid, response_ids uuid[], week_number integer default null)
returns setof public.responses
language sql
set search_path = ''
as $$
  select * from private.select_responses(
    select_responses.space_id, select_responses.response_ids, select_responses.week_number
  );
$$;
comment on function public.select_responses(uuid, uuid[], integer) is
  'Select exactly these responses for the newsletter of the open week, and answer them. Naming the week guards against '
  'its having closed meanwhile: MG202 for another than the open one. Leader only. MG305 for responses that are not '
  'published or of another week, MG307 for ids of none in this space.';
grant execute on function public.select_responses(uuid, uuid[], integer) to authenticated, service_role;
