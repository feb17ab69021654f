-- Calendar weeks are integers. The calendar week of a response is settled once, when it is published, by its author's
-- own zone then, so that a Sunday evening is a Sunday everywhere and no later change of zone breaks a streak. Which
-- weeks a person was active in, and in which they were asked something at all, is kept apart from spaces and
-- responses: a streak does not end because somebody deletes a space.

-- Tables -------------------------------------------------------------------------------------------------------------

create table private.active_weeks (
  user_id uuid not null references public.users (id) on delete cascade,
  week integer not null,
  responses integer not null,
  first_published_at timestamptz not null,
  primary key (user_id, week),
  constraint active_weeks_responses_not_negative check (responses >= 0)
);
comment on table private.active_weeks is
  'In which calendar weeks (private.week_index) a person published responses, and how many of them their author has '
  'not taken back. A response that goes with its space stays counted.';

create table private.open_weeks (
  id bigint generated always as identity primary key,
  user_id uuid not null,
  week integer not null
);
comment on table private.open_weeks is
  'In which calendar weeks a person was in a space whose open week had published prompts. Other weeks neither count '
  'towards a streak nor break it. A week may stand here twice, and there is no foreign key: whoever notes one waits '
  'for nobody. users__forget_weeks removes the rows with the person.';

create index idx_open_weeks_user_id on private.open_weeks (user_id, week);

alter table private.active_weeks enable row level security;
alter table private.open_weeks enable row level security;

-- Functions ----------------------------------------------------------------------------------------------------------

create function private.week_index(at timestamptz)
returns integer
language plpgsql
immutable
set search_path = ''
as $$
begin
  -- 1970-01-05, day 4 of the epoch, was a Monday.
  return floor((extract(epoch from week_index.at) - 4 * 86400) / (7 * 86400))::integer;
end;
$$;
comment on function private.week_index(timestamptz) is
  'Return the number of an ISO week in UTC, counted from the first Monday of 1970.';

create function private.local_week(at timestamptz, timezone text)
returns integer
language plpgsql
stable
set search_path = ''
as $$
begin
  return private.week_index((local_week.at at time zone coalesce(local_week.timezone, 'UTC')) at time zone 'UTC');
exception
  -- A zone that this server knows no more must not keep everybody else from being counted.
  when invalid_parameter_value then
    return private.week_index(local_week.at);
end;
$$;
comment on function private.local_week(timestamptz, text) is
  'Return the number of the ISO week that a calendar in this zone shows, counted from the first Monday of 1970.';

create function private.week_of(user_id uuid, at timestamptz)
returns integer
language plpgsql
stable
security definer
set search_path = ''
as $$
begin
  return private.local_week(
    week_of.at, (select settings.timezone from public.settings where settings.user_id = week_of.user_id)
  );
end;
$$;
comment on function private.week_of(uuid, timestamptz) is
  'Return the calendar week of a moment in a person''s own zone; UTC without settings. Definer; not granted, only '
  'other definer functions call it.';

create function private.note_open_weeks(space_ids uuid[], user_ids uuid[], since timestamptz, at timestamptz)
returns void
language sql
security definer
set search_path = ''
as $$
  with missing as (
    select distinct users.id, noted.week
    from (
      select spaces.id as space_id, min(prompts.published_at) as since
      from public.spaces
      join public.prompts
        on prompts.space_id = spaces.id and prompts.week_number = spaces.current_week and prompts.is_published
      where spaces.id = any (
        coalesce(
          note_open_weeks.space_ids,
          array(select memberships.space_id from public.memberships where memberships.user_id = any (note_open_weeks.user_ids))
        )
      )
      group by spaces.id
    ) as asked
    join public.memberships on memberships.space_id = asked.space_id
    join public.users on users.id = memberships.user_id
    left join public.settings on settings.user_id = users.id
    cross join lateral generate_series(
      private.local_week(greatest(asked.since, memberships.joined_at, note_open_weeks.since), settings.timezone),
      private.local_week(note_open_weeks.at, settings.timezone)
    ) as noted (week)
    where (note_open_weeks.user_ids is null or users.id = any (note_open_weeks.user_ids))
      and greatest(asked.since, memberships.joined_at) <= note_open_weeks.at
      and not exists (
        select from private.open_weeks where open_weeks.user_id = users.id and open_weeks.week = noted.week
      )
  ),
  -- Whose account is being deleted needs none, and is not waited for.
  held as (
    select users.id from public.users where users.id in (select missing.id from missing) for key share skip locked
  )
  insert into private.open_weeks (user_id, week)
  select missing.id, missing.week from missing join held on held.id = missing.id
  order by missing.id, missing.week;
$$;
comment on function private.note_open_weeks(uuid[], uuid[], timestamptz, timestamptz) is
  'Note in which calendar weeks between two moments people had open prompts: the members of these spaces, or (null) '
  'these people in all of theirs. Definer; not granted, only other definer functions call it.';

-- Triggers -----------------------------------------------------------------------------------------------------------

create function private.note_week()
returns trigger
language plpgsql
security definer
set search_path = ''
as $$
begin
  insert into private.active_weeks (user_id, week, responses, first_published_at)
  values (new.user_id, new.calendar_week, 1, new.published_at)
  on conflict on constraint active_weeks_pkey do update
  set
    responses = active_weeks.responses + 1,
    first_published_at = least(active_weeks.first_published_at, excluded.first_published_at);
  return null;
end;
$$;
comment on function private.note_week() is
  'Trigger: the author was active in this week. Definer because clients do not reach the table; safe because it only '
  'fires for a response whose publication was let in.';

create trigger responses__note_week
  after insert on public.responses
  for each row when (new.is_published)
  execute function private.note_week();

create trigger responses__note_week_late
  after update of is_published on public.responses
  for each row when (new.is_published and not old.is_published)
  execute function private.note_week();

create function private.forget_week()
returns trigger
language plpgsql
security definer
set search_path = ''
as $$
begin
  if exists (select from public.spaces where id = old.space_id) then
    update private.active_weeks
    set responses = greatest(responses - 1, 0)
    where active_weeks.user_id = old.user_id and active_weeks.week = old.calendar_week;
  end if;
  return null;
end;
$$;
comment on function private.forget_week() is
  'Trigger: a response that was taken back does not count, unless it went with its space. Definer because clients do '
  'not reach the table; safe because it only fires for rows that are gone.';

create trigger responses__forget_week
  after delete on public.responses
  for each row when (old.is_published)
  execute function private.forget_week();

create function private.note_weeks_of_space()
returns trigger
language plpgsql
security definer
set search_path = ''
as $$
begin
  perform private.note_open_weeks(array[old.id], null, '-infinity', now());
  if tg_op = 'DELETE' then
    return old;
  end if;
  return new;
end;
$$;
comment on function private.note_weeks_of_space() is
  'Trigger: note the open weeks of a space''s members before its week closes, or it goes. Definer because clients do '
  'not reach the table; safe because it only fires for what was let in.';

create trigger spaces__note_weeks
  before update of current_week or delete on public.spaces
  for each row execute function private.note_weeks_of_space();

create function private.note_weeks_of_member()
returns trigger
language plpgsql
security definer
set search_path = ''
as $$
begin
  perform private.note_open_weeks(array[old.space_id], array[old.user_id], '-infinity', now());
  return old;
end;
$$;
comment on function private.note_weeks_of_member() is
  'Trigger: note somebody''s open weeks before they leave. Definer because clients do not reach the table; safe '
  'because it only fires for a membership that goes.';

create trigger memberships__note_weeks
  before delete on public.memberships
  for each row execute function private.note_weeks_of_member();

create function private.note_weeks_of_prompt()
returns trigger
language plpgsql
security definer
set search_path = ''
as $$
begin
  perform private.note_open_weeks(array[old.space_id], null, '-infinity', now());
  return old;
end;
$$;
comment on function private.note_weeks_of_prompt() is
  'Trigger: note the open weeks of a space''s members before a published prompt goes, which may be its only one. '
  'Definer because clients do not reach the table; safe because it only fires for a prompt that goes.';

create trigger prompts__note_weeks
  before delete on public.prompts
  for each row when (old.is_published)
  execute function private.note_weeks_of_prompt();

create function private.forget_open_weeks()
returns trigger
language plpgsql
security definer
set search_path = ''
as $$
begin
  delete from private.open_weeks where user_id = old.id;
  return null;
end;
$$;
comment on function private.forget_open_weeks() is
  'Trigger: a person''s open weeks go with the account. Definer because the auth service has no rights here; safe '
  'because it only fires for an account that is gone.';

create trigger users__forget_weeks
  after delete on public.users
  for each row execute function private.forget_open_weeks();
