-- Newsletters: the week's letter. Its content is a snapshot of the prompts, the selected responses and the authors'
-- names at generation, so it stays what it was whatever people delete or change later. Publishing is one transaction:
-- the letter is out, the week closes, the next one opens with the next curator, and the work to do (page, PDF, emails,
-- notifications) stands in the outbox.

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
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint newsletters_space_id_week_number_key unique (space_id, week_number),
  constraint newsletters_week_number_positive check (week_number >= 1),
  constraint newsletters_title_length check (char_length(title) between 1 and 200),
  constraint newsletters_intro_length check (char_length(intro) <= 5000),
  constraint newsletters_content_is_object check (jsonb_typeof(content) = 'object'),
  constraint newsletters_published_at_set check (is_published = (published_at is not null))
);
comment on table public.newsletters is
  'The letter of a week. Triggers: newsletters__fill, newsletters__guard (who, when, which values), newsletters__send '
  '(closes the week), newsletters__touch_updated_at.';
comment on column public.newsletters.content is
  'Snapshot: {"space", "week_number", "curator", "prompts": [{"id", "order", "question", "responses": [{"id", "author", '
  '"content", "image_path", "music", "published_at"}]}]}.';
comment on column public.newsletters.theme is
  'What the leader''s active theme was made of when the snapshot was taken (store_items.metadata), or null: how it looks.';
comment on column public.newsletters.visibility is 'Copied from the space and kept equal to it, so that a policy need not look there.';
comment on column public.newsletters.html_path is 'Object name of the web page in the storage bucket "newsletters", once rendered.';
comment on column public.newsletters.pdf_path is 'Object name of the PDF in the storage bucket "newsletters", once rendered.';

create index idx_newsletters_curator_id on public.newsletters (curator_id);
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
  using (space_id = any (array(select private.my_led_space_ids())))
  with check (space_id = any (array(select private.my_led_space_ids())));

create policy "Leaders delete newsletters" on public.newsletters
  for delete to authenticated using (space_id = any (array(select private.my_led_space_ids())));

grant select on public.newsletters to anon, authenticated, service_role;
grant insert (id, space_id, week_number, title, intro) on public.newsletters to authenticated, service_role;
grant update (title, intro, is_published) on public.newsletters to authenticated;
grant update (title, intro, is_published, html_path, pdf_path) on public.newsletters to service_role;
grant delete on public.newsletters to authenticated, service_role;

-- The snapshot ------------------------------------------------------------------------------------------------------

create function private.newsletter_content(space_id uuid, week_number integer)
returns jsonb
language sql
stable
security definer
set search_path = ''
as $$
  select jsonb_build_object(
    'space', jsonb_build_object(
      'id', spaces.id, 'name', spaces.name, 'description', spaces.description, 'cover_path', spaces.cover_path
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
      ),
      '[]'
    )
  )
  from public.spaces
  where spaces.id = newsletter_content.space_id;
$$;
comment on function private.newsletter_content(uuid, integer) is
  'The snapshot of a week as it is now. Definer; not granted, only other definer functions call it.';

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
  ) then
    perform private.fail('MG403');
  end if;
end;
$$;
comment on function private.require_selection(uuid, integer) is
  'Refuse a letter that would leave out everybody who answered. A week without answers may close with an empty letter. '
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
  perform private.lock_space(new.space_id);
  perform private.require_leader(new.space_id);
  select * into v_space from public.spaces where id = new.space_id;
  new.week_number := coalesce(new.week_number, v_space.current_week);
  if new.week_number <> v_space.current_week then
    perform private.fail('MG202');
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

create function private.guard_newsletter()
returns trigger
language plpgsql
security definer
set search_path = ''
as $$
begin
  if old.is_published then
    if (new.title, new.intro, new.content, new.is_published)
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
    new.published_at := now();
  end if;
  return new;
end;
$$;
comment on function private.guard_newsletter() is
  'Trigger: a published letter stays as it is; only the open week''s is published. Definer to hold the space; safe '
  'because the policy has already settled that the caller may change the row.';

create trigger newsletters__guard
  before update of title, intro, content, is_published on public.newsletters
  for each row execute function private.guard_newsletter();

create trigger newsletters__touch_updated_at
  before update on public.newsletters
  for each row execute function private.touch_updated_at();

create function private.send_newsletter()
returns trigger
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_space public.spaces;
begin
  perform private.emit(
    new.space_id, 'newsletter.published', new.id,
    jsonb_build_object('newsletter_id', new.id, 'week_number', new.week_number)
  );
  perform private.enqueue(
    'newsletter.render', 'newsletter.render:' || new.id::text, jsonb_build_object('newsletter_id', new.id)
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
  update public.newsletters
  set visibility = new.newsletter_visibility
  where space_id = new.id and visibility <> new.newsletter_visibility;
  return null;
end;
$$;
comment on function private.spread_newsletter_visibility() is
  'Trigger: who reads a space''s letters changes for all of them at once. Definer because clients do not write the copy; '
  'safe because it only fires for a space whose change was let in.';

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
  perform private.require_leader(generate_newsletter.space_id);
  perform from public.newsletters
  where newsletters.space_id = generate_newsletter.space_id and not newsletters.is_published
  order by id
  for no key update;
  perform private.lock_space(generate_newsletter.space_id);
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
  'answers it and changes nothing. Leader only. MG401 for a newsletter that is not there or not yours to publish.';
grant execute on function public.publish_newsletter(uuid) to authenticated, service_role;
