-- Prompts: up to ten questions a week, written by the curator, for the open week only.

-- Tables -------------------------------------------------------------------------------------------------------------

create table public.prompts (
  id uuid primary key default gen_random_uuid(),
  space_id uuid not null references public.spaces (id) on delete cascade,
  week_number integer not null,
  curator_id uuid references public.users (id) on delete set null,
  question text not null,
  "order" integer not null,
  place integer not null,
  is_published boolean not null default false,
  published_at timestamptz,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  version integer not null default 1,
  constraint prompts_space_id_week_number_order_key unique (space_id, week_number, "order") deferrable initially immediate,
  constraint prompts_question_length check (char_length(question) between 1 and 500),
  constraint prompts_question_seen check (not private.is_blank(question)),
  constraint prompts_order_in_bounds check ("order" between 1 and 10),
  constraint prompts_space_id_week_number_place_key unique (space_id, week_number, place),
  constraint prompts_place_in_bounds check (place between 1 and 10),
  constraint prompts_week_number_positive check (week_number >= 1),
  constraint prompts_published_at_set check (is_published = (published_at is not null))
);
comment on table public.prompts is
  'The questions of a week. Triggers: prompts__bound_rows, prompts__fill, prompts__take_id, '
  'prompts__require_columns, prompts__guard, prompts__guard_delete (who, when, which values), prompts__forget '
  '(proposals of accounts that are gone), prompts__announce_new, prompts__announce (event, reward, notifications), '
  'prompts__note_weeks (streaks), prompts__version, prompts__touch_updated_at, prompts__retake_mails (emails that '
  'tell of them).';
comment on column public.prompts.curator_id is
  'Whose words the question is: the curator who wrote it, or who reworded it last, published or not. Who is paid for '
  'the week is whoever first published in it.';
comment on column public.prompts.version is
  'Counts changes of what people edit. Written with a change, it names the version that was changed: MG308 if there '
  'is another by now.';
comment on column public.prompts."order" is
  '1 to 10, unique within the week, which caps a week at ten. The next free one by default.';
comment on column public.prompts.place is
  'Which of the week''s ten places it was written into: its first order, or the next free one. It never changes, and '
  'it is what responses are paid for, once a person.';

create index idx_prompts_space_id on public.prompts (space_id);
create index idx_prompts_week_number on public.prompts (space_id, week_number, "order") where is_published;
create index idx_prompts_curator on public.prompts (curator_id);

alter table public.prompts enable row level security;

-- Predicates ---------------------------------------------------------------------------------------------------------

create function private.is_answered(prompt_id uuid)
returns boolean
language plpgsql
stable
security definer
set search_path = ''
as $$
begin
  return exists (
    select from public.responses where responses.prompt_id = is_answered.prompt_id and responses.is_published
  );
end;
$$;
comment on function private.is_answered(uuid) is
  'Return true if a prompt has published responses. Definer; not granted, only other definer functions call it.';

create function private.is_answered_by_others(prompt_id uuid)
returns boolean
language plpgsql
stable
security definer
set search_path = ''
as $$
begin
  return exists (
    select
    from public.responses
    where responses.prompt_id = is_answered_by_others.prompt_id
      and responses.is_published
      and responses.user_id is distinct from (select auth.uid())
      and not exists (
        select from private.removed_members
        where removed_members.space_id = responses.space_id and removed_members.user_id = responses.user_id
      )
  );
end;
$$;
comment on function private.is_answered_by_others(uuid) is
  'Return true if a prompt has published responses that keep it from being deleted: not the caller''s own, nor those '
  'of people who were removed. Nobody deletes what another member has published; but a week that somebody filled '
  'with questions and responses can be cleared after they are removed. Definer; not granted, only other definer '
  'functions call it.';

-- Policies and grants ------------------------------------------------------------------------------------------------

create policy "Members see published prompts, curators and leaders all" on public.prompts
  for select to authenticated using (
    (is_published and space_id = any (array(select private.my_space_ids())))
    or space_id = any (array(select private.my_curated_space_ids()))
    or space_id = any (array(select private.my_led_space_ids()))
  );

create policy "Curators write prompts" on public.prompts
  for insert to authenticated with check (
    curator_id = (select auth.uid())
    and space_id = any (array(select private.my_curated_space_ids()))
  );

create policy "Curators change prompts" on public.prompts
  for update to authenticated
  using (space_id = any (array(select private.my_curated_space_ids())) and private.hold_space_as(space_id, 'curator'))
  with check (space_id = any (array(select private.my_curated_space_ids())));

create policy "Curators delete prompts" on public.prompts
  for delete to authenticated using (
    space_id = any (array(select private.my_curated_space_ids())) and private.hold_space_as(space_id, 'curator')
  );

grant select on public.prompts to authenticated, service_role;
grant insert (id, space_id, week_number, curator_id, question, "order") on public.prompts to authenticated, service_role;
grant update (question, "order", is_published, version) on public.prompts to authenticated, service_role;
grant delete on public.prompts to authenticated, service_role;

-- Functions ----------------------------------------------------------------------------------------------------------

create function private.check_prompt_values(prompt public.prompts)
returns void
language plpgsql
stable
set search_path = ''
as $$
begin
  perform private.check_text('question', prompt.question, 1, 500);
  if prompt.question is null then
    perform private.fail('MG001', 'question', 'question takes 1 to 500 characters.');
  end if;
  if prompt."order" not between 1 and 10 then
    perform private.fail('MG001', 'order', '"order" lies between 1 and 10.');
  end if;
end;
$$;
comment on function private.check_prompt_values(public.prompts) is
  'Refuse bad values with an error that says what to do.';

create function public.reorder_prompts(space_id uuid, prompt_ids uuid[])
returns setof public.prompts
language plpgsql
set search_path = ''
as $$
declare
  v_week integer;
  v_ids uuid[];
begin
  perform private.lock_space_as(reorder_prompts.space_id, 'curator');
  v_week := private.open_week(reorder_prompts.space_id);
  select array_agg(prompts.id order by prompts.id) into v_ids
  from public.prompts
  where prompts.space_id = reorder_prompts.space_id and prompts.week_number = v_week;
  if v_ids is distinct from (select array_agg(named order by named) from unnest(reorder_prompts.prompt_ids) as named) then
    perform private.fail('MG201', 'prompt_ids', 'Name every prompt of the open week once, in the new order.');
  end if;
  perform set_config('monogram.reordering', 'on', true);
  update public.prompts
  set "order" = array_position(reorder_prompts.prompt_ids, prompts.id)
  where prompts.id = any (reorder_prompts.prompt_ids);
  perform set_config('monogram.reordering', 'off', true);
  return query
    select * from public.prompts where prompts.id = any (reorder_prompts.prompt_ids) order by prompts."order";
end;
$$;
comment on function public.reorder_prompts(uuid, uuid[]) is
  'Put the prompts of the open week into a new order: all of them, by id, first to last. The curator only. MG201 '
  'unless every prompt of the week is named once.';
grant execute on function public.reorder_prompts(uuid, uuid[]) to authenticated, service_role;

-- Triggers -----------------------------------------------------------------------------------------------------------

create function private.fill_prompt()
returns trigger
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_space public.spaces;
begin
  perform private.lock_space_as(new.space_id, 'curator');
  select * into v_space from public.spaces where id = new.space_id;
  new.curator_id := coalesce(new.curator_id, v_space.current_curator_id);
  new.week_number := coalesce(new.week_number, v_space.current_week);
  if new.week_number <> v_space.current_week then
    perform private.fail('MG202');
  end if;
  perform private.check_prompt_values(new);
  if new."order" is null then
    select min(free) into new."order"
    from generate_series(1, 10) as free
    where not exists (
      select from public.prompts
      where prompts.space_id = new.space_id and prompts.week_number = new.week_number and prompts."order" = free
    );
    if new."order" is null then
      perform private.fail('MG203');
    end if;
  elsif exists (
    select from public.prompts
    where prompts.space_id = new.space_id and prompts.week_number = new.week_number and prompts."order" = new."order"
  ) then
    if (
      select count(*) from public.prompts
      where prompts.space_id = new.space_id and prompts.week_number = new.week_number
    ) >= 10 then
      perform private.fail('MG203');
    end if;
    perform private.fail('MG204');
  end if;
  select free into new.place
  from generate_series(1, 10) as free
  where not exists (
    select from public.prompts
    where prompts.space_id = new.space_id and prompts.week_number = new.week_number and prompts.place = free
  )
  order by free <> new."order", free
  limit 1;
  new.published_at := case when new.is_published then now() end;
  return new;
end;
$$;
comment on function private.fill_prompt() is
  'Trigger: week, curator and order of a new prompt, or why it cannot be. Definer to see the whole week and to hold '
  'the space; safe because it refuses all but the curator before it says anything about the space.';

create trigger prompts__fill
  before insert on public.prompts
  for each row execute function private.fill_prompt();

create trigger prompts__take_id
  before insert on public.prompts
  for each row execute function private.take_id();

create trigger prompts__require_columns
  before update on public.prompts
  for each row when (new."order" is null or new.is_published is null)
  execute function private.require_columns('order', 'is_published');

create trigger prompts__touch_updated_at
  before update on public.prompts
  for each row execute function private.touch_updated_at();

create trigger prompts__version
  before update of question, "order", is_published, version
  on public.prompts
  for each row execute function private.count_version('question', 'order', 'is_published');

create function private.guard_prompt()
returns trigger
language plpgsql
security definer
set search_path = ''
as $$
begin
  if (new.question, new."order", new.is_published) is not distinct from (old.question, old."order", old.is_published) then
    return new;
  end if;
  perform private.lock_space(old.space_id);
  if old.week_number <> (select current_week from public.spaces where id = old.space_id) then
    perform private.fail('MG202');
  end if;
  perform private.check_prompt_values(new);
  if new.question <> old.question and private.is_answered(old.id) then
    perform private.fail('MG205');
  end if;
  if old.is_published and not new.is_published then
    perform private.fail('MG207');
  end if;
  if new.question <> old.question then
    select current_curator_id into new.curator_id from public.spaces where id = new.space_id;
  end if;
  -- A new order for the whole week passes through taken places; the deferrable constraint checks the result.
  if new."order" <> old."order"
    and coalesce(current_setting('monogram.reordering', true), '') <> 'on'
    and exists (
      select from public.prompts
      where prompts.space_id = new.space_id and prompts.week_number = new.week_number and prompts."order" = new."order"
    )
  then
    perform private.fail('MG204');
  end if;
  if new.is_published and not old.is_published then
    new.published_at := now();
  end if;
  return new;
end;
$$;
comment on function private.guard_prompt() is
  'Trigger: what may still change, or why not. A question is whose who reworded it. Definer to see every response and to hold the space; safe because the '
  'policy has already settled that the caller may change the row.';

create trigger prompts__guard
  before update of question, "order", is_published on public.prompts
  for each row execute function private.guard_prompt();

create function private.guard_prompt_delete()
returns trigger
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_week integer;
begin
  perform private.lock_space(old.space_id);
  select current_week into v_week from public.spaces where id = old.space_id;
  if not found then
    return old;
  end if;
  -- See forget_proposal().
  if old.curator_id is null and not old.is_published then
    return old;
  end if;
  if old.week_number <> v_week then
    perform private.fail('MG202');
  end if;
  if private.is_answered_by_others(old.id) then
    perform private.fail('MG205');
  end if;
  return old;
end;
$$;
comment on function private.guard_prompt_delete() is
  'Trigger: refuse to delete a prompt with responses of others, or of a closed week, unless the whole space goes, or '
  'the account of somebody who never published it. Definer to see every response and to hold the space; safe because '
  'it only refuses.';

create trigger prompts__guard_delete
  before delete on public.prompts
  for each row execute function private.guard_prompt_delete();

create function private.forget_proposal()
returns trigger
language plpgsql
security definer
set search_path = ''
as $$
begin
  delete from public.prompts where id = new.id;
  return null;
end;
$$;
comment on function private.forget_proposal() is
  'Trigger: prompts in somebody''s words that were never published go with the account, as drafts of responses do. '
  'Definer because clients delete their own only; safe because it only fires when an account is deleted.';

create trigger prompts__forget
  after update of curator_id on public.prompts
  for each row when (old.curator_id is not null and new.curator_id is null and not new.is_published)
  execute function private.forget_proposal();
