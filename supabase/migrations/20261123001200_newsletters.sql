-- Newsletters: one a week. Content is a snapshot (see the migration of newsletter_content); publishing closes the week
-- (see newsletter_publication).

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
comment on function private.people_in(jsonb) is 'Return whom a snapshot names: authors of responses, and the curator.';
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
comment on function private.responses_in(jsonb) is 'Return the responses that a snapshot shows.';
grant execute on function private.responses_in(jsonb) to anon, authenticated, service_role;

-- Tables -------------------------------------------------------------------------------------------------------------

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
  'The newsletter of a week. Triggers: newsletters__bound_rows, newsletters__fill, newsletters__take_id, '
  'newsletters__default_title, newsletters__require_columns, newsletters__guard (who, when, which values), newsletters__seal and '
  'newsletters__seal_anew (code), newsletters__limit, newsletters__send (closes the week), '
  'newsletters__ask_for_pictures, newsletters__note_new_files, newsletters__note_files, newsletters__note_deleted, '
  'newsletters__drop_files, newsletters__note_gone, newsletters__forget_curator, newsletters__version, newsletters__touch_updated_at.';
comment on column public.newsletters.title is
  'What the leader called it; else name and week of the snapshot, as "Book Club, week 3", which is renewed with it and '
  'written in the language of each reader. An empty title, or null, gives that back.';
comment on column public.newsletters.version is
  'Counts changes of what people edit. Written with a change, it names the version that was changed: MG308 if there '
  'is another by now.';
comment on column public.newsletters.content is
  'Snapshot: {"space", "week_number", "curator", "prompts": [{"id", "order", "question", "responses": [{"id", '
  '"author", "content", "image_path", "image_caption", "music", "published_at"}]}]}.';
comment on column public.newsletters.theme is
  'What the leader''s active theme was made of when the snapshot was taken (store_items.metadata), or null: how it '
  'looks.';
comment on column public.newsletters.visibility is
  'Who reads it once it is published. A draft follows its space; a published one keeps what its space said then, '
  'until the space is narrowed to members, or set_newsletter_visibility() opens or closes it alone.';
comment on column public.newsletters.redacted_at is 'When somebody was last redacted from it; null before.';
comment on column public.newsletters.html_path is
  'Object name of the web page in the storage bucket "newsletters", once rendered.';
comment on column public.newsletters.pdf_path is
  'Object name of the PDF in the storage bucket "newsletters", once rendered.';
comment on column public.newsletters.ledger_root is
  'The root over the heads of its members'' ledgers when it was published, in hexadecimal digits; see '
  'ledger_proof().';
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

-- Policies and grants ------------------------------------------------------------------------------------------------

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

-- Functions ----------------------------------------------------------------------------------------------------------

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
comment on function private.check_newsletter_values(public.newsletters) is
  'Refuse bad values with an error that says what to do.';

create function private.default_title(content jsonb)
returns text
language sql
immutable
set search_path = ''
as $$
  select (default_title.content #>> '{space,name}') || ', week ' || (default_title.content ->> 'week_number');
$$;
comment on function private.default_title(jsonb) is
  'Return what a newsletter with this snapshot is called that nobody gave a title. Page, PDF and email know it by that '
  '(titleOf in newsletter.ts), and say it in the language of their reader.';
grant execute on function private.default_title(jsonb) to authenticated, service_role;

create function private.generate_newsletter(space_id uuid, week_number integer)
returns public.newsletters
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_week integer;
  v_newsletter public.newsletters;
  v_content jsonb;
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
  v_content := private.newsletter_content(generate_newsletter.space_id, v_week);
  update public.newsletters
  set
    -- One that nobody gave says what the space is called now.
    title = case
      when newsletters.title = private.default_title(newsletters.content) then private.default_title(v_content)
      else newsletters.title
    end,
    content = v_content,
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
  'Take the snapshot of the open week and return the draft; again as often as the leader likes. Leader only. MG202 '
  'for another week, MG402 once it is published, MG403 where there are responses and none is selected.';
grant execute on function public.generate_newsletter(uuid, integer) to authenticated, service_role;

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
  'Return the published newsletter that shows a response; null where none does. It says nothing about who may read '
  'it. Secret key only.';
grant execute on function public.newsletter_with_response(uuid) to service_role;

-- Triggers -----------------------------------------------------------------------------------------------------------

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
  new.visibility := v_space.newsletter_visibility;
  new.content := private.newsletter_content(new.space_id, new.week_number);
  new.title := coalesce(nullif(new.title, ''), private.default_title(new.content));
  new.theme := private.newsletter_theme(new.space_id);
  perform private.check_newsletter_values(new);
  return new;
end;
$$;
comment on function private.fill_newsletter() is
  'Trigger: week, curator, title and snapshot of a new newsletter, or why it cannot be. Definer to see every author '
  'and to hold the space; safe because it refuses all but the leader first.';

create trigger newsletters__fill
  before insert on public.newsletters
  for each row execute function private.fill_newsletter();

create trigger newsletters__take_id
  before insert on public.newsletters
  for each row execute function private.take_id();

create function private.give_default_title()
returns trigger
language plpgsql
set search_path = ''
as $$
begin
  new.title := private.default_title(new.content);
  return new;
end;
$$;
comment on function private.give_default_title() is
  'Trigger: a newsletter whose title is taken away is called by space and week again.';

-- Named to come before newsletters__guard, which checks the title.
create trigger newsletters__default_title
  before update of title on public.newsletters
  for each row when (coalesce(new.title, '') = '')
  execute function private.give_default_title();

create trigger newsletters__require_columns
  before update on public.newsletters
  for each row when (new.is_published is null)
  execute function private.require_columns('is_published');

create trigger newsletters__touch_updated_at
  before update on public.newsletters
  for each row execute function private.touch_updated_at();

create trigger newsletters__version
  before update of title, intro, content, is_published, version
  on public.newsletters
  for each row execute function private.count_version('title', 'intro', 'content', 'is_published');

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
  'Trigger: a published newsletter stays as it is; only the open week''s is published, as the leader saw it and as '
  'far as it is still there. Definer to hold the space; safe because the policy has already settled that the caller '
  'may change the row.';

create trigger newsletters__guard
  before update of title, intro, content, is_published on public.newsletters
  for each row execute function private.guard_newsletter();
