-- Responses: text, an image, a piece of music, or several of them; a draft first if the author likes. Publishing one
-- counts, pays and tells the space, in the same transaction. When the week has closed nothing changes any more, but an
-- author may always delete what is theirs.

-- Tables -------------------------------------------------------------------------------------------------------------

create table public.responses (
  id uuid primary key default gen_random_uuid(),
  prompt_id uuid not null references public.prompts (id) on delete cascade,
  user_id uuid not null default auth.uid() references public.users (id) on delete cascade,
  space_id uuid not null references public.spaces (id) on delete cascade,
  week_number integer not null,
  content text,
  image_path text,
  image_caption text,
  music jsonb,
  is_published boolean not null default false,
  published_at timestamptz,
  calendar_week integer,
  is_selected boolean not null default false,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  version integer not null default 1,
  constraint responses_prompt_id_user_id_key unique (prompt_id, user_id),
  constraint responses_content_length check (char_length(content) <= 10000 and private.line_count(content) <= 500),
  constraint responses_image_path_length check (char_length(image_path) <= 300),
  constraint responses_image_caption_length check (char_length(image_caption) between 1 and 300),
  constraint responses_image_caption_seen check (
    image_caption is null or private.is_line(image_caption) and not private.is_blank(image_caption)
  ),
  constraint responses_image_caption_with_image check (image_caption is null or image_path is not null),
  constraint responses_music_readable check (music is null or private.is_music(music)),
  constraint responses_published_not_empty check (
    not is_published
    or not private.is_blank(content)
    or image_path is not null
    or music is not null
  ),
  constraint responses_published_at_set check (is_published = (published_at is not null)),
  constraint responses_calendar_week_set check (is_published = (calendar_week is not null)),
  constraint responses_selected_published check (is_published or not is_selected)
);
comment on table public.responses is
  'A member''s response to a prompt. Triggers: responses__bound_rows, responses__fill, responses__take_id, '
  'responses__require_columns, responses__guard (who, when, which values), responses__count (counters, ledger, '
  'event, badges), responses__uncount, responses__note_week, responses__note_week_late, responses__forget_week '
  '(streaks), responses__leave_drafts (of the newsletter), responses__ask_for_picture, responses__version, '
  'responses__touch_updated_at.';
comment on column public.responses.version is
  'Counts changes of what people edit. Written with a change, it names the version that was changed: MG308 if there '
  'is another by now.';
comment on column public.responses.space_id is 'The prompt''s space, copied by the database.';
comment on column public.responses.week_number is 'The prompt''s week, copied by the database.';
comment on column public.responses.image_path is
  'Object name in the storage bucket "responses": {space_id}/{user_id}/{file}.';
comment on column public.responses.image_caption is
  'What its author says about the image, in one line of up to 300 characters: shown under it, and read to those who '
  'do not see it. Null where they say nothing. It goes with its image: taking that away takes the caption, too.';
comment on column public.responses.music is
  '{"url": ..., "provider": ..., "title": ..., "artist": ...}; url is required, http or https, and kept with a '
  'scheme and host in lower case; the others are texts of up to 300 characters in one line.';
comment on column public.responses.calendar_week is
  'The calendar week in which it was published, by its author''s own zone then: private.week_index(). It never '
  'changes.';
comment on column public.responses.is_selected is 'Chosen by the leader for the newsletter.';

create index idx_responses_space_id on public.responses (space_id, week_number, created_at, id);
create index idx_responses_created_at on public.responses (space_id, created_at, id);
create index idx_responses_user_id on public.responses (user_id, published_at desc);
create index idx_responses_image_path on public.responses (image_path) where image_path is not null;

alter table public.responses enable row level security;

-- Policies and grants ------------------------------------------------------------------------------------------------

create policy "Members read published responses, authors all of theirs" on public.responses
  for select to authenticated using (
    user_id = (select auth.uid())
    or (is_published and space_id = any (array(select private.my_space_ids())))
  );

create policy "Members respond as themselves" on public.responses
  for insert to authenticated with check (
    user_id = (select auth.uid()) and space_id = any (array(select private.my_space_ids()))
  );

create policy "Members change their own responses" on public.responses
  for update to authenticated
  using (
    user_id = (select auth.uid())
    and space_id = any (array(select private.my_space_ids()))
    and private.hold_space_as(space_id, 'member')
  )
  with check (user_id = (select auth.uid()) and space_id = any (array(select private.my_space_ids())));

create policy "Authors delete their own responses" on public.responses
  for delete to authenticated using (user_id = (select auth.uid()) and private.hold_space_as(space_id, 'author'));

grant select on public.responses to authenticated, service_role;
grant insert (id, prompt_id, user_id, content, image_path, image_caption, music, is_published) on public.responses to authenticated, service_role;
grant update (content, image_path, image_caption, music, is_published, version) on public.responses to authenticated, service_role;
grant delete on public.responses to authenticated, service_role;

-- Functions ----------------------------------------------------------------------------------------------------------

-- The planner takes the policy above for one that few rows of a space satisfy, while members see nearly all of them. So
-- it would collect all responses of a space and sort them, for each page; this makes it follow an index in its order.
create function public.space_responses(
  space_id uuid, week_number integer default null, is_selected boolean default null,
  after_created_at timestamptz default null, after_id uuid default null, limit_count integer default null
)
returns setof public.responses
language plpgsql
stable
set search_path = ''
set enable_sort = off
as $$
declare
  -- The bound is compared before the policy is looked at, which a coalesce() within the query would prevent.
  v_after_created_at timestamptz := coalesce(space_responses.after_created_at, '-infinity');
  v_after_id uuid := coalesce(space_responses.after_id, 'ffffffff-ffff-ffff-ffff-ffffffffffff');
begin
  if space_responses.limit_count < 1 then
    perform private.fail('MG001', 'limit_count', 'limit_count is 1 or more; null for all responses.');
  end if;
  if space_responses.week_number is null then
    return query
      select *
      from public.responses
      where responses.space_id = space_responses.space_id
        and (space_responses.is_selected is null or responses.is_selected = space_responses.is_selected)
        and (responses.created_at, responses.id) > (v_after_created_at, v_after_id)
      order by responses.created_at, responses.id
      limit space_responses.limit_count;
  else
    return query
      select *
      from public.responses
      where responses.space_id = space_responses.space_id
        and responses.week_number = space_responses.week_number
        and (space_responses.is_selected is null or responses.is_selected = space_responses.is_selected)
        and (responses.created_at, responses.id) > (v_after_created_at, v_after_id)
      order by responses.created_at, responses.id
      limit space_responses.limit_count;
  end if;
end;
$$;
comment on function public.space_responses(uuid, integer, boolean, timestamptz, uuid, integer) is
  'Return the responses in a space that the caller may see, oldest first; of a week, or those that are selected or not, '
  'if given. A page is limit_count of them after the response that was created at after_created_at with the id after_id. '
  'It reads no more than the page, which the same selection from the table does. MG001 for a limit_count below 1.';
grant execute on function public.space_responses(uuid, integer, boolean, timestamptz, uuid, integer)
  to authenticated, service_role;

create function private.check_response_values(response public.responses)
returns void
language plpgsql
stable
set search_path = ''
as $$
begin
  -- A draft may hold what is blank as yet.
  perform private.check_text('content', response.content, -1, 10000);
  if not private.is_file_in(response.image_path, response.space_id::text || '/' || response.user_id::text) then
    perform private.fail('MG306');
  end if;
  perform private.check_text('image_path', response.image_path, -1, 300);
  if response.image_caption is not null and response.image_path is null then
    perform private.fail('MG312');
  end if;
  perform private.check_line('image_caption', response.image_caption, 1, 300);
  if response.music is not null and not private.is_music(response.music) then
    perform private.fail(
      'MG001', 'music',
      'music is an object with a url that begins with http:// or https:// and names no user, and otherwise holds texts '
      'of up to 300 characters: provider, title, artist.'
    );
  end if;
  if response.is_published
    and private.is_blank(response.content)
    and response.image_path is null
    and response.music is null
  then
    perform private.fail('MG302');
  end if;
end;
$$;
comment on function private.check_response_values(public.responses) is
  'Refuse bad values with an error that says what to do.';

create function private.response_event(response public.responses)
returns jsonb
language plpgsql
immutable
set search_path = ''
as $$
begin
  return jsonb_build_object(
    'response_id', response.id, 'prompt_id', response.prompt_id, 'user_id', response.user_id,
    'week_number', response.week_number
  );
end;
$$;
comment on function private.response_event(public.responses) is 'Return the payload of a response''s events: ids only.';

-- Triggers -----------------------------------------------------------------------------------------------------------

create function private.fill_response()
returns trigger
language plpgsql
security definer
set search_path = ''
set plan_cache_mode = 'force_generic_plan'
as $$
declare
  v_prompt public.prompts;
  v_space_id uuid;
begin
  select space_id into v_space_id from public.prompts where id = new.prompt_id;
  perform private.lock_space(v_space_id);
  select * into v_prompt from public.prompts where id = new.prompt_id;
  if private.is_client() and (
    new.user_id is distinct from private.require_user() or not private.is_member(v_prompt.space_id, new.user_id)
  ) then
    perform private.deny(
      'Only members of the space respond to its prompts, each for themselves.', 'Check the prompt''s id, or join the space first.'
    );
  end if;
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
  perform private.hold_account(new.user_id);
  new.space_id := v_prompt.space_id;
  new.week_number := v_prompt.week_number;
  new.published_at := case when new.is_published then coalesce(new.published_at, now()) end;
  new.image_caption := nullif(new.image_caption, '');
  if new.music is not null then
    new.music := private.canonical_music(new.music);
  end if;
  new.calendar_week := private.week_of(new.user_id, new.published_at);
  perform private.check_response_values(new);
  return new;
end;
$$;
comment on function private.fill_response() is
  'Trigger: space and week of a new response, or why it cannot be. Definer to see the prompt and to hold the space; '
  'safe because it refuses all but members before it says anything about the prompt.';

create trigger responses__fill
  before insert on public.responses
  for each row execute function private.fill_response();

create trigger responses__take_id
  before insert on public.responses
  for each row execute function private.take_id();

create trigger responses__require_columns
  before insert or update on public.responses
  for each row when (new.is_published is null)
  execute function private.require_columns('is_published');

create trigger responses__touch_updated_at
  before update on public.responses
  for each row execute function private.touch_updated_at();

create trigger responses__version
  before update of content, image_path, image_caption, music, is_published, version
  on public.responses
  for each row execute function private.count_version('content', 'image_path', 'image_caption', 'music', 'is_published');

create function private.guard_response()
returns trigger
language plpgsql
security definer
set search_path = ''
as $$
begin
  if (new.content, new.image_path, new.image_caption, new.music, new.is_published)
    is not distinct from (old.content, old.image_path, old.image_caption, old.music, old.is_published)
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
  new.image_caption := nullif(new.image_caption, '');
  if new.image_path is null and new.image_caption is not distinct from old.image_caption then
    new.image_caption := null;
  end if;
  new.music := private.canonical_music(new.music);
  perform private.check_response_values(new);
  if new.is_published and not old.is_published then
    new.published_at := now();
    new.calendar_week := private.week_of(new.user_id, new.published_at);
  end if;
  return new;
end;
$$;
comment on function private.guard_response() is
  'Trigger: what may still change, or why not. Definer to hold the space; safe because the policy has already '
  'settled that the caller may change the row.';

create trigger responses__guard
  before update of content, image_path, image_caption, music, is_published on public.responses
  for each row execute function private.guard_response();
