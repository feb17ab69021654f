-- Newsletters: the week's letter. Its content is a snapshot of the prompts, the selected responses and the authors'
-- names at generation, so it stays what it was whatever people delete or change later. Publishing is one transaction:
-- the letter is out, the week closes, the next one opens with the next curator, and the work to do (page, PDF, emails,
-- notifications) stands in the outbox.

create function private.people_in(content jsonb)
returns uuid[]
language sql
immutable
set search_path = ''
as $$
  select coalesce(array_agg(distinct private.try_uuid(person.id)) filter (where person.id is not null), '{}')
  from (
    select jsonb_path_query(people_in.content, 'lax $.prompts[*].responses[*].author.id') #>> '{}' as id
    union all
    select people_in.content -> 'curator' ->> 'id'
  ) as person;
$$;
comment on function private.people_in(jsonb) is 'Whom a snapshot names: authors of responses, and the curator.';
grant execute on function private.people_in(jsonb) to anon, authenticated, service_role;

create function private.responses_in(content jsonb)
returns uuid[]
language sql
immutable
set search_path = ''
as $$
  select coalesce(array_agg(private.try_uuid(response.id #>> '{}')), '{}')
  from jsonb_path_query(responses_in.content, 'lax $.prompts[*].responses[*].id') as response (id);
$$;
comment on function private.responses_in(jsonb) is 'The responses that a snapshot shows.';
grant execute on function private.responses_in(jsonb) to anon, authenticated, service_role;

create table public.newsletters (
  id uuid primary key default gen_random_uuid(),
  space_id uuid not null references public.spaces (id) on delete cascade,
  week_number integer not null,
  curator_id uuid references public.users (id) on delete set null,
  title text not null,
  intro text,
  content jsonb not null,
  theme jsonb,
  visibility public.newsletter_visibility not null,
  html_path text,
  pdf_path text,
  is_published boolean not null default false,
  published_at timestamptz,
  redacted_at timestamptz,
  ledger_root text,
  code text,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  version integer not null default 1,
  constraint newsletters_space_id_week_number_key unique (space_id, week_number),
  constraint newsletters_week_number_positive check (week_number >= 1),
  constraint newsletters_title_length check (char_length(title) between 1 and 200),
  constraint newsletters_title_seen check (private.is_line(title) and not private.is_blank(title)),
  constraint newsletters_intro_length check (char_length(intro) <= 5000 and private.line_count(intro) <= 500),
  constraint newsletters_content_is_object check (jsonb_typeof(content) = 'object'),
  constraint newsletters_published_at_set check (is_published = (published_at is not null))
);
comment on table public.newsletters is
  'The letter of a week. Triggers: newsletters__bound_rows, newsletters__fill, newsletters__take_id, newsletters__require_columns, '
  'newsletters__guard (who, when, which values), newsletters__seal and newsletters__seal_anew (code), '
  'newsletters__limit, newsletters__send (closes the week), newsletters__ask_for_pictures, newsletters__note_deleted, '
  'newsletters__drop_files, newsletters__note_gone, newsletters__forget_curator, '
  'newsletters__version, newsletters__touch_updated_at.';
comment on column public.newsletters.version is
  'Counts changes of what people edit. Written with a change, it names the version that was changed: MG308 if there is '
  'another by now.';
comment on column public.newsletters.content is
  'Snapshot: {"space", "week_number", "curator", "prompts": [{"id", "order", "question", "responses": [{"id", "author", '
  '"content", "image_path", "image_caption", "music", "published_at"}]}]}.';
comment on column public.newsletters.theme is
  'What the leader''s active theme was made of when the snapshot was taken (store_items.metadata), or null: how it looks.';
comment on column public.newsletters.visibility is
  'Who reads it once it is published. A draft follows its space; a published one keeps what its space said then, until '
  'the space is narrowed to members, or set_newsletter_visibility() opens or closes it alone.';
comment on column public.newsletters.redacted_at is 'When somebody was last taken out of it, at their wish; null before.';
comment on column public.newsletters.html_path is 'Object name of the web page in the storage bucket "newsletters", once rendered.';
comment on column public.newsletters.pdf_path is 'Object name of the PDF in the storage bucket "newsletters", once rendered.';
comment on column public.newsletters.ledger_root is
  'The root over the heads of its members'' ledgers when it was published, in hexadecimal digits; see ledger_proof().';
comment on column public.newsletters.code is
  'What page and PDF print: SHA-256 over the published snapshot, shortened; see verify_newsletter().';

create index idx_newsletters_curator_id on public.newsletters (curator_id);
create index idx_newsletters_code on public.newsletters (code);
create index idx_newsletters_people on public.newsletters using gin (private.people_in(content));
create index idx_newsletters_responses on public.newsletters using gin (private.responses_in(content));
create index idx_newsletters_unrendered on public.newsletters (published_at) where is_published and html_path is null;
create index idx_newsletters_public on public.newsletters (published_at desc, id desc)
  where is_published and visibility = 'PUBLIC';

alter table public.newsletters enable row level security;

create policy "Everybody reads published newsletters that are public" on public.newsletters
  for select to anon using (is_published and visibility = 'PUBLIC');

create policy "People read published newsletters and those of their spaces" on public.newsletters
  for select to authenticated using (
    (is_published and visibility = 'PUBLIC')
    or space_id = any (array(select private.my_space_ids()))
  );

create policy "Leaders write newsletters" on public.newsletters
  for insert to authenticated with check (space_id = any (array(select private.my_led_space_ids())));

create policy "Leaders change newsletters" on public.newsletters
  for update to authenticated
  using (space_id = any (array(select private.my_led_space_ids())) and private.hold_space_as(space_id, 'leader'))
  with check (space_id = any (array(select private.my_led_space_ids())));

create policy "Leaders delete newsletters" on public.newsletters
  for delete to authenticated using (
    space_id = any (array(select private.my_led_space_ids())) and private.hold_space_as(space_id, 'leader')
  );

grant select on public.newsletters to anon, authenticated, service_role;
grant insert (id, space_id, week_number, title, intro) on public.newsletters to authenticated, service_role;
grant update (title, intro, is_published, version) on public.newsletters to authenticated;
grant update (title, intro, is_published, version, html_path, pdf_path) on public.newsletters to service_role;
grant delete on public.newsletters to authenticated, service_role;

-- The snapshot ------------------------------------------------------------------------------------------------------

create function private.newsletter_content(space_id uuid, week_number integer, every_prompt boolean default false)
returns jsonb
language sql
stable
security definer
set search_path = ''
as $$
  select jsonb_build_object(
    'space', jsonb_build_object(
      'id', spaces.id, 'name', spaces.name, 'description', spaces.description, 'cover_path', spaces.cover_path,
      'language', spaces.language
    ),
    'week_number', newsletter_content.week_number,
    'curator', (
      select jsonb_build_object('id', users.id, 'display_name', users.display_name)
      from public.curator_rotations
      join public.users on users.id = curator_rotations.curator_id
      where curator_rotations.space_id = spaces.id and curator_rotations.week_number = newsletter_content.week_number
    ),
    'prompts', coalesce(
      (
        select jsonb_agg(
          jsonb_build_object(
            'id', prompts.id,
            'order', prompts."order",
            'question', prompts.question,
            'responses', coalesce(
              (
                select jsonb_agg(
                  jsonb_build_object(
                    'id', responses.id,
                    'author', jsonb_build_object(
                      'id', users.id, 'display_name', users.display_name, 'username', users.username,
                      'avatar_path', users.avatar_path
                    ),
                    'content', responses.content,
                    'image_path', responses.image_path,
                    'image_caption', responses.image_caption,
                    'music', responses.music,
                    'published_at', responses.published_at
                  )
                  order by responses.published_at, responses.id
                )
                from public.responses
                join public.users on users.id = responses.user_id
                where responses.prompt_id = prompts.id and responses.is_selected and responses.is_published
              ),
              '[]'
            )
          )
          order by prompts."order"
        )
        from public.prompts
        where prompts.space_id = spaces.id
          and prompts.week_number = newsletter_content.week_number
          and prompts.is_published
          -- The leader has read the answers and selected none: nobody puts a question into the newsletter by answering it.
          and (
            newsletter_content.every_prompt
            or not private.is_answered(prompts.id)
            or exists (select from public.responses where responses.prompt_id = prompts.id and responses.is_selected)
          )
      ),
      '[]'
    )
  )
  from public.spaces
  where spaces.id = newsletter_content.space_id;
$$;
comment on function private.newsletter_content(uuid, integer, boolean) is
  'The snapshot of a week as it is now: the selected responses, and the prompts that have one, or were not answered. '
  'Definer; not granted, only other definer functions call it.';

create function private.settled_content(newsletter public.newsletters)
returns jsonb
language plpgsql
stable
security definer
set search_path = ''
as $$
declare
  v_now jsonb := private.newsletter_content(newsletter.space_id, newsletter.week_number, every_prompt => true);
  v_prompt_ids text[];
  v_response_ids text[];
begin
  -- Reworded, or in another place.
  select array_agg(seen.value ->> 'id' order by seen.ordinality) into v_prompt_ids
  from jsonb_array_elements(newsletter.content -> 'prompts') with ordinality as seen
  join jsonb_array_elements(v_now -> 'prompts') as present on present.value -> 'id' = seen.value -> 'id'
  where (present.value -> 'question', present.value -> 'order')
    is distinct from (seen.value -> 'question', seen.value -> 'order');

  -- Edited, or selected since: nobody has seen these in the draft.
  select array_agg(present.value ->> 'id' order by present.value ->> 'id') into v_response_ids
  from jsonb_array_elements(v_now -> 'prompts') as present_prompt
  cross join lateral jsonb_array_elements(present_prompt.value -> 'responses') as present
  left join (
    select response.value
    from jsonb_array_elements(newsletter.content -> 'prompts') as prompt
    cross join lateral jsonb_array_elements(prompt.value -> 'responses') as response
  ) as seen on seen.value -> 'id' = present.value -> 'id'
  where seen.value is null
    or (
      present.value -> 'content', present.value -> 'image_path', present.value -> 'image_caption',
      present.value -> 'music'
    ) is distinct from (
      seen.value -> 'content', seen.value -> 'image_path', seen.value -> 'image_caption', seen.value -> 'music'
    );

  if v_prompt_ids is not null
    or v_response_ids is not null
    or (v_now -> 'space' -> 'cover_path') is distinct from (newsletter.content -> 'space' -> 'cover_path')
  then
    perform private.fail(
      'MG404',
      concat_ws(
        '; ',
        'responses: ' || array_to_string(v_response_ids, ', '),
        'prompts: ' || array_to_string(v_prompt_ids, ', '),
        case when (v_now -> 'space' -> 'cover_path') is distinct from (newsletter.content -> 'space' -> 'cover_path')
          then 'cover'
        end
      )
    );
  end if;

  -- What is gone, or not selected any more, is left out; a picture that its owner has replaced is gone.
  return newsletter.content || jsonb_build_object(
    'curator', case
      when exists (select from public.users where id::text = newsletter.content -> 'curator' ->> 'id')
        then newsletter.content -> 'curator'
    end,
    'prompts', coalesce(
      (
        select jsonb_agg(
          seen_prompt.value || jsonb_build_object(
            'responses', coalesce(
              (
                select jsonb_agg(
                  case
                    when present.value -> 'author' -> 'avatar_path' is distinct from seen.value -> 'author' -> 'avatar_path'
                      then jsonb_set(seen.value, '{author,avatar_path}', 'null')
                    else seen.value
                  end
                  order by seen.ordinality
                )
                from jsonb_array_elements(seen_prompt.value -> 'responses') with ordinality as seen
                join jsonb_array_elements(present_prompt.value -> 'responses') as present
                  on present.value -> 'id' = seen.value -> 'id'
              ),
              '[]'
            )
          )
          order by seen_prompt.ordinality
        )
        from jsonb_array_elements(newsletter.content -> 'prompts') with ordinality as seen_prompt
        join jsonb_array_elements(v_now -> 'prompts') as present_prompt
          on present_prompt.value -> 'id' = seen_prompt.value -> 'id'
      ),
      '[]'
    )
  );
end;
$$;
comment on function private.settled_content(public.newsletters) is
  'The snapshot of a draft as it may go out now: what the leader saw and what is still there. What was edited, reworded, moved '
  'or selected since is refused as MG404 with its ids. Names stay as they were when it was generated. Definer; not granted, '
  'only other definer functions call it, holding the space.';

create function private.newsletter_theme(space_id uuid)
returns jsonb
language plpgsql
stable
security definer
set search_path = ''
as $$
begin
  return (
    select store_items.metadata
    from public.spaces
    join public.settings on settings.user_id = spaces.leader_id
    join public.store_items on store_items.id = settings.active_theme_id
    where spaces.id = newsletter_theme.space_id
  );
end;
$$;
comment on function private.newsletter_theme(uuid) is
  'What the leader''s active theme is made of, or null. Definer; not granted, only other definer functions call it.';

create function private.require_selection(space_id uuid, week_number integer)
returns void
language plpgsql
stable
security definer
set search_path = ''
as $$
begin
  if not exists (
    select from public.responses
    where responses.space_id = require_selection.space_id
      and responses.week_number = require_selection.week_number
      and responses.is_selected
  ) and exists (
    select from public.responses
    where responses.space_id = require_selection.space_id
      and responses.week_number = require_selection.week_number
      and responses.is_published
      and not exists (
        select from private.removed_members
        where removed_members.space_id = responses.space_id and removed_members.user_id = responses.user_id
      )
  ) and not exists (
    select from private.empty_selections
    where empty_selections.space_id = require_selection.space_id
      and empty_selections.week_number = require_selection.week_number
  ) then
    perform private.fail('MG403');
  end if;
end;
$$;
comment on function private.require_selection(uuid, integer) is
  'Refuse a letter that would leave out everybody who answered, unless the leader has said so. A week without answers may close '
  'with an empty letter; who was removed does not count. '
  'Definer; not granted, only other definer functions call it.';

-- Triggers ----------------------------------------------------------------------------------------------------------

create function private.check_newsletter_values(newsletter public.newsletters)
returns void
language plpgsql
stable
set search_path = ''
as $$
begin
  perform private.check_line('title', newsletter.title, 1, 200);
  perform private.check_text('intro', newsletter.intro, 0, 5000);
end;
$$;
comment on function private.check_newsletter_values(public.newsletters) is 'Refuse bad values in words.';

create function private.fill_newsletter()
returns trigger
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_space public.spaces;
begin
  perform private.lock_space_as(new.space_id, 'leader');
  select * into v_space from public.spaces where id = new.space_id;
  new.week_number := coalesce(new.week_number, v_space.current_week);
  if new.week_number <> v_space.current_week then
    perform private.fail('MG202');
  end if;
  if exists (
    select from public.newsletters
    where newsletters.space_id = new.space_id and newsletters.week_number = new.week_number
  ) then
    perform private.fail('MG208');
  end if;
  if new.is_published then
    perform private.fail('MG001', 'is_published', 'Insert the newsletter as a draft, then publish it.');
  end if;
  perform private.require_selection(new.space_id, new.week_number);
  new.curator_id := v_space.current_curator_id;
  new.title := coalesce(new.title, v_space.name || ', week ' || new.week_number::text);
  new.visibility := v_space.newsletter_visibility;
  new.content := private.newsletter_content(new.space_id, new.week_number);
  new.theme := private.newsletter_theme(new.space_id);
  perform private.check_newsletter_values(new);
  return new;
end;
$$;
comment on function private.fill_newsletter() is
  'Trigger: week, curator, title and snapshot of a new letter, or why it cannot be. Definer to see every author and to '
  'hold the space; safe because it refuses all but the leader first.';

create trigger newsletters__fill
  before insert on public.newsletters
  for each row execute function private.fill_newsletter();

create trigger newsletters__take_id
  before insert on public.newsletters
  for each row execute function private.take_id();

create function private.guard_newsletter()
returns trigger
language plpgsql
security definer
set search_path = ''
as $$
begin
  if old.is_published then
    if new.redacted_at is not distinct from old.redacted_at and (new.title, new.intro, new.content, new.is_published)
      is distinct from (old.title, old.intro, old.content, old.is_published)
    then
      perform private.fail('MG402');
    end if;
    return new;
  end if;
  perform private.check_newsletter_values(new);
  if new.is_published then
    perform private.lock_space(new.space_id);
    if new.week_number <> private.open_week(new.space_id) then
      perform private.fail('MG202');
    end if;
    perform private.require_selection(new.space_id, new.week_number);
    new.content := private.settled_content(new);
    select newsletter_visibility into new.visibility from public.spaces where id = new.space_id;
    new.published_at := now();
  end if;
  return new;
end;
$$;
comment on function private.guard_newsletter() is
  'Trigger: a published letter stays as it is; only the open week''s is published, as the leader saw it and as far as it is '
  'still there. Definer to hold the space; safe '
  'because the policy has already settled that the caller may change the row.';

create trigger newsletters__guard
  before update of title, intro, content, is_published on public.newsletters
  for each row execute function private.guard_newsletter();

create trigger newsletters__require_columns
  before update on public.newsletters
  for each row when (new.title is null or new.is_published is null)
  execute function private.require_columns('title', 'is_published');

create trigger newsletters__touch_updated_at
  before update on public.newsletters
  for each row execute function private.touch_updated_at();

create trigger newsletters__version
  before update of title, intro, content, is_published, version
  on public.newsletters
  for each row execute function private.count_version('title', 'intro', 'content', 'is_published');

create function private.send_newsletter()
returns trigger
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_space public.spaces;
begin
  -- Who may be paid for a badge, before everybody is told.
  perform private.lock_readers(
    array(
      select responses.user_id from public.responses
      where responses.space_id = new.space_id and responses.week_number = new.week_number and responses.is_selected
    )
  );
  perform private.emit(
    new.space_id, 'newsletter.published', new.id,
    jsonb_build_object('newsletter_id', new.id, 'week_number', new.week_number)
  );
  perform private.enqueue(
    'newsletter.render', 'newsletter.render:' || new.id::text, jsonb_build_object('newsletter_id', new.id),
    account_id => auth.uid()
  );
  -- The audience is settled here: everybody who is a member now gets the email, or a row that says why not.
  perform private.queue_mails(
    array(select user_id from public.memberships where space_id = new.space_id),
    'NEWSLETTER_PUBLISHED', new.space_id, new.id, '{}', 'newsletter:' || new.id::text
  );
  perform private.notify(
    array(select user_id from public.memberships where space_id = new.space_id),
    'NEWSLETTER_PUBLISHED', new.space_id,
    jsonb_build_object('newsletter_id', new.id, 'week_number', new.week_number, 'title', new.title),
    'newsletter:' || new.id::text
  );

  update public.spaces
  set current_week = current_week + 1
  where id = new.space_id
  returning * into v_space;
  perform private.emit(
    new.space_id, 'week.advanced', new.space_id, jsonb_build_object('week_number', v_space.current_week)
  );
  perform private.hand_pen(
    new.space_id, v_space.current_week,
    private.next_curator(new.space_id, v_space.rotation_type, v_space.current_curator_id)
  );

  perform private.nudge();
  perform private.award_badges(
    array(
      select distinct user_id from public.responses
      where responses.space_id = new.space_id and responses.week_number = new.week_number and responses.is_selected
    )
  );
  return null;
end;
$$;
comment on function private.send_newsletter() is
  'Trigger: all that publishing sets off, in the same transaction. Definer because clients write none of these; safe '
  'because it only fires for a letter whose publication was let in.';

create trigger newsletters__send
  after update on public.newsletters
  for each row when (new.is_published and not old.is_published)
  execute function private.send_newsletter();

create function private.spread_newsletter_visibility()
returns trigger
language plpgsql
security definer
set search_path = ''
as $$
begin
  -- Narrowing closes all; what was written for a few is not opened to the world by a switch.
  update public.newsletters
  set visibility = new.newsletter_visibility
  where space_id = new.id
    and visibility <> new.newsletter_visibility
    and (new.newsletter_visibility = 'MEMBERS' or not is_published);
  return null;
end;
$$;
comment on function private.spread_newsletter_visibility() is
  'Trigger: narrowing a space narrows all its letters, widening it opens later ones only. Definer because clients do not '
  'write the copy; safe because it only fires for a space whose change was let in.';

create trigger spaces__spread_visibility
  after update of newsletter_visibility on public.spaces
  for each row when (new.newsletter_visibility <> old.newsletter_visibility)
  execute function private.spread_newsletter_visibility();

-- Functions ---------------------------------------------------------------------------------------------------------

create function private.generate_newsletter(space_id uuid, week_number integer)
returns public.newsletters
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_week integer;
  v_newsletter public.newsletters;
begin
  perform private.lock_space_as(generate_newsletter.space_id, 'leader');
  v_week := coalesce(generate_newsletter.week_number, private.open_week(generate_newsletter.space_id));
  select * into v_newsletter
  from public.newsletters
  where newsletters.space_id = generate_newsletter.space_id and newsletters.week_number = v_week;
  if v_newsletter.is_published then
    perform private.fail('MG402');
  end if;
  if v_newsletter.id is null then
    insert into public.newsletters (space_id, week_number)
    values (generate_newsletter.space_id, v_week)
    returning * into v_newsletter;
    return v_newsletter;
  end if;
  perform private.require_selection(generate_newsletter.space_id, v_week);
  update public.newsletters
  set
    content = private.newsletter_content(generate_newsletter.space_id, v_week),
    theme = private.newsletter_theme(generate_newsletter.space_id),
    curator_id = (select current_curator_id from public.spaces where id = generate_newsletter.space_id)
  where id = v_newsletter.id
  returning * into v_newsletter;
  return v_newsletter;
end;
$$;
comment on function private.generate_newsletter(uuid, integer) is
  'Definer because clients do not write the snapshot; safe because it refuses all but the leader.';
grant execute on function private.generate_newsletter(uuid, integer) to authenticated, service_role;

create function public.generate_newsletter(space_id uuid, week_number integer default null)
returns public.newsletters
language sql
set search_path = ''
as $$
  select private.generate_newsletter(generate_newsletter.space_id, generate_newsletter.week_number);
$$;
comment on function public.generate_newsletter(uuid, integer) is
  'Take the snapshot of the open week and answer the draft; again as often as the leader likes. Leader only. MG202 for '
  'another week, MG402 once it is published, MG403 where there are responses and none is selected.';
grant execute on function public.generate_newsletter(uuid, integer) to authenticated, service_role;

create function public.publish_newsletter(newsletter_id uuid)
returns public.newsletters
language plpgsql
set search_path = ''
as $$
declare
  v_newsletter public.newsletters;
begin
  update public.newsletters
  set is_published = true
  where id = publish_newsletter.newsletter_id and not is_published;
  select * into v_newsletter from public.newsletters where id = publish_newsletter.newsletter_id;
  if v_newsletter.id is null or not v_newsletter.is_published then
    perform private.fail('MG401');
  end if;
  return v_newsletter;
end;
$$;
comment on function public.publish_newsletter(uuid) is
  'Publish the open week''s newsletter: the week closes, the next one opens, emails are queued. Publishing it again '
  'answers it and changes nothing. Responses deleted or deselected since it was generated are left out. Leader only. MG401 '
  'for a newsletter that is not there or not yours to publish, MG403 where none of the responses is selected any more, MG404 '
  'where something in it was changed, or selected, since it was generated.';
grant execute on function public.publish_newsletter(uuid) to authenticated, service_role;

create function private.set_newsletter_visibility(newsletter_id uuid, visibility public.newsletter_visibility)
returns public.newsletters
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_is_client boolean := private.is_client();
  v_me uuid := case when private.is_client() then private.require_user() end;
  v_newsletter public.newsletters;
begin
  -- Who has no right does not wait, and whoever lost it meanwhile is refused in the same words.
  for attempt in 1..2 loop
    select newsletters.* into v_newsletter
    from public.newsletters
    join public.spaces on spaces.id = newsletters.space_id
    where newsletters.id = set_newsletter_visibility.newsletter_id and (not v_is_client or spaces.leader_id = v_me);
    if not found then
      perform private.fail('MG401');
    end if;
    perform private.lock_space(v_newsletter.space_id);
  end loop;
  if set_newsletter_visibility.visibility is null then
    perform private.fail('MG001', 'visibility', 'visibility is PUBLIC or MEMBERS.');
  end if;
  if not v_newsletter.is_published then
    perform private.fail('MG309');
  end if;
  update public.newsletters
  set visibility = set_newsletter_visibility.visibility
  where newsletters.id = v_newsletter.id and newsletters.is_published
  returning * into v_newsletter;
  if not found then
    perform private.fail('MG401');
  end if;
  return v_newsletter;
end;
$$;
comment on function private.set_newsletter_visibility(uuid, public.newsletter_visibility) is
  'Definer because clients do not write the copy; safe because it refuses all but the leader, before and behind the lock, '
  'and words a newsletter of somebody else like one that does not exist.';
grant execute on function private.set_newsletter_visibility(uuid, public.newsletter_visibility)
  to authenticated, service_role;

create function public.newsletter_with_response(response_id uuid)
returns uuid
language sql
stable
set search_path = ''
as $$
  select newsletters.id
  from public.newsletters
  where private.responses_in(newsletters.content) @> array[newsletter_with_response.response_id]
    and newsletters.is_published;
$$;
comment on function public.newsletter_with_response(uuid) is
  'The published newsletter that shows a response; null where none does. It says nothing about who may read it. Secret key only.';
grant execute on function public.newsletter_with_response(uuid) to service_role;

create function public.set_newsletter_visibility(newsletter_id uuid, visibility public.newsletter_visibility)
returns public.newsletters
language sql
set search_path = ''
as $$
  select private.set_newsletter_visibility(
    set_newsletter_visibility.newsletter_id, set_newsletter_visibility.visibility
  );
$$;
comment on function public.set_newsletter_visibility(uuid, public.newsletter_visibility) is
  'Open one published newsletter to everybody, or close it to all but members, whatever its space says. Leader only. '
  'MG309 for a draft, MG401 for a newsletter that is not there or not yours to change.';
grant execute on function public.set_newsletter_visibility(uuid, public.newsletter_visibility)
  to authenticated, service_role;
