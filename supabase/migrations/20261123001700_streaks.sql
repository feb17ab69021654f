-- Streaks. Weeks are integers: the calendar week of a response is settled once, when it is published, by its author's own
-- zone then, so that a Sunday evening is a Sunday everywhere and no later change of zone breaks a streak. Which weeks a
-- person was active in, and in which they were asked something at all, is kept apart from spaces and responses: a streak
-- does not end because somebody deletes a space. Both kinds of streaks are computed by cron, for everybody at once; the
-- time is a parameter, so that a test can travel.

create table private.active_weeks (
  user_id uuid not null references public.users (id) on delete cascade,
  week integer not null,
  responses integer not null,
  first_published_at timestamptz not null,
  primary key (user_id, week),
  constraint active_weeks_responses_not_negative check (responses >= 0)
);
comment on table private.active_weeks is
  'In which calendar weeks (private.week_index) a person published responses, and how many of them their author has not '
  'taken back. A response that goes with its space stays counted.';

create table private.open_weeks (
  id bigint generated always as identity primary key,
  user_id uuid not null,
  week integer not null
);
comment on table private.open_weeks is
  'In which calendar weeks a person was in a space whose open week had published prompts. Other weeks neither count '
  'towards a streak nor break it. A week may stand here twice, and there is no foreign key: whoever notes one waits for '
  'nobody. users__forget_weeks removes the rows with the person.';

create index idx_open_weeks_user_id on private.open_weeks (user_id, week);

create table private.paid_streaks (
  user_id uuid not null references public.users (id) on delete cascade,
  milestone integer not null,
  first_week integer not null,
  last_week integer not null,
  primary key (user_id, milestone, first_week)
);
comment on table private.paid_streaks is
  'Which weeks were paid for as which milestone; a week counts once towards each.';

alter table private.active_weeks enable row level security;
alter table private.open_weeks enable row level security;
alter table private.paid_streaks enable row level security;

-- Weeks -------------------------------------------------------------------------------------------------------------

create function private.week_index(at timestamptz)
returns integer
language sql
immutable
set search_path = ''
as $$
  -- 1970-01-05, day 4 of the epoch, was a Monday.
  select floor((extract(epoch from week_index.at) - 4 * 86400) / (7 * 86400))::integer;
$$;
comment on function private.week_index(timestamptz) is 'The number of an ISO week in UTC, counted from the first Monday of 1970.';

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
  'The number of the ISO week that a calendar in this zone shows, counted from the first Monday of 1970.';

create function private.week_of(user_id uuid, at timestamptz)
returns integer
language sql
stable
security definer
set search_path = ''
as $$
  select private.local_week(
    week_of.at, (select settings.timezone from public.settings where settings.user_id = week_of.user_id)
  );
$$;
comment on function private.week_of(uuid, timestamptz) is
  'The calendar week of a moment in a person''s own zone; UTC without settings. Definer; not granted, only other definer '
  'functions call it.';

-- What is noted as it happens ---------------------------------------------------------------------------------------

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
  'Trigger: a response that was taken back does not count, unless it went with its space. Definer because clients do not '
  'reach the table; safe because it only fires for rows that are gone.';

create trigger responses__forget_week
  after delete on public.responses
  for each row when (old.is_published)
  execute function private.forget_week();

create function private.note_open_weeks(space_ids uuid[], user_id uuid, since timestamptz, at timestamptz)
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
      where note_open_weeks.space_ids is null or spaces.id = any (note_open_weeks.space_ids)
      group by spaces.id
    ) as asked
    join public.memberships on memberships.space_id = asked.space_id
    join public.users on users.id = memberships.user_id
    left join public.settings on settings.user_id = users.id
    cross join lateral generate_series(
      private.local_week(greatest(asked.since, memberships.joined_at, note_open_weeks.since), settings.timezone),
      private.local_week(note_open_weeks.at, settings.timezone)
    ) as noted (week)
    where (note_open_weeks.user_id is null or users.id = note_open_weeks.user_id)
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
comment on function private.note_open_weeks(uuid[], uuid, timestamptz, timestamptz) is
  'Note for the members of these spaces (null: all), or one of them, in which calendar weeks between two moments they had '
  'prompts to answer. Definer; not granted, only other definer functions call it.';

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
  'Trigger: note the open weeks of a space''s members before its week closes, or it goes. Definer because clients do not '
  'reach the table; safe because it only fires for what was let in.';

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
  perform private.note_open_weeks(array[old.space_id], old.user_id, '-infinity', now());
  return old;
end;
$$;
comment on function private.note_weeks_of_member() is
  'Trigger: note somebody''s open weeks before they leave. Definer because clients do not reach the table; safe because it '
  'only fires for a membership that goes.';

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
  'Trigger: note the open weeks of a space''s members before a published prompt goes, which may be its only one. Definer '
  'because clients do not reach the table; safe because it only fires for a prompt that goes.';

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
  'Trigger: a person''s open weeks go with the account. Definer because the auth service has no rights here; safe because '
  'it only fires for an account that is gone.';

create trigger users__forget_weeks
  after delete on public.users
  for each row execute function private.forget_open_weeks();

-- Streaks -----------------------------------------------------------------------------------------------------------

create function private.calendar_runs(at timestamptz)
returns table (user_id uuid, weeks integer[], is_alive boolean)
language sql
stable
security definer
set search_path = ''
as $$
  with present as (
    select users.id, private.local_week(calendar_runs.at, settings.timezone) as week
    from public.users
    left join public.settings on settings.user_id = users.id
  ),
  marks as (
    select
      coalesce(active_weeks.user_id, open_weeks.user_id) as user_id,
      coalesce(active_weeks.week, open_weeks.week) as week,
      active_weeks.user_id is not null as is_active
    from (
      select active_weeks.user_id, active_weeks.week from private.active_weeks where active_weeks.responses > 0
    ) as active_weeks
    full join (select distinct open_weeks.user_id, open_weeks.week from private.open_weeks) as open_weeks
      on open_weeks.user_id = active_weeks.user_id and open_weeks.week = active_weeks.week
  ),
  numbered as (
    select
      marks.user_id, marks.week, marks.is_active,
      count(*) filter (where not marks.is_active) over (partition by marks.user_id order by marks.week) as run,
      count(*) filter (where not marks.is_active) over (partition by marks.user_id) as last_run
    from marks
    join present on present.id = marks.user_id
    -- A week that is not over breaks nothing yet.
    where marks.week < present.week or (marks.week = present.week and marks.is_active)
  )
  select numbered.user_id, array_agg(numbered.week order by numbered.week), numbered.run = numbered.last_run
  from numbered
  where numbered.is_active
  group by numbered.user_id, numbered.run, numbered.last_run;
$$;
comment on function private.calendar_runs(timestamptz) is
  'Every unbroken run of calendar weeks with a published response, per person: no week lies between them in which there '
  'were prompts to answer and none was. is_alive: it is not broken since, up to the week of this moment. Definer; not '
  'granted, only other definer functions call it.';

create function private.refresh_member_streaks()
returns integer
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_ids uuid[];
  v_streaks integer[];
  v_held uuid[];
begin
  with weeks as (
    select distinct space_id, user_id, week_number from public.responses where is_published
  ),
  numbered as (
    select
      space_id, user_id, week_number,
      week_number - row_number() over (partition by space_id, user_id order by week_number) as run
    from weeks
  ),
  runs as (
    select space_id, user_id, max(week_number) as last_week, count(*)::integer as length
    from numbered
    group by space_id, user_id, run
  ),
  streaks as (
    select memberships.id, coalesce(max(runs.length), 0) as streak
    from public.memberships
    join public.spaces on spaces.id = memberships.space_id
    left join runs
      on runs.space_id = memberships.space_id
      and runs.user_id = memberships.user_id
      and runs.last_week >= spaces.current_week - 1
    group by memberships.id
  )
  select array_agg(memberships.id), array_agg(streaks.streak) into v_ids, v_streaks
  from public.memberships
  join streaks on streaks.id = memberships.id
  where memberships.weekly_streak <> streaks.streak;

  -- Who is held by somebody else at this moment is counted the next time, so that nobody waits in a circle.
  v_held := array(select id from public.memberships where id = any (v_ids) for no key update skip locked);
  update public.memberships
  set weekly_streak = changed.streak
  from unnest(v_ids, v_streaks) as changed (id, streak)
  where changed.id = memberships.id and memberships.id = any (v_held);
  return cardinality(v_held);
end;
$$;
comment on function private.refresh_member_streaks() is
  'Compute memberships.weekly_streak for everybody: weeks of the space in a row, up to the open one or the one before. '
  'Answers how many changed. Definer; not granted to clients.';

create function private.refresh_streaks(at timestamptz default now())
returns integer
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_changed uuid[];
  v_streaks integer[];
  v_longest integer[];
  v_due_ids uuid[];
  v_milestones integer[];
  v_first_weeks integer[];
  v_last_weeks integer[];
  v_bonuses bigint[];
  v_due record;
  v_held uuid[];
begin
  if coalesce(extract(year from refresh_streaks.at) not between 2000 and 2200, true) then
    perform private.fail('MG001', 'at', 'at is a time between the years 2000 and 2200.');
  end if;
  perform private.refresh_member_streaks();
  -- The weeks of a space that has been open for longer are noted when its week closes.
  perform private.note_open_weeks(null, null, refresh_streaks.at - interval '4 weeks', refresh_streaks.at);

  with streaks as (
    select
      users.id,
      coalesce(max(cardinality(runs.weeks)) filter (where runs.is_alive), 0) as streak,
      coalesce(max(cardinality(runs.weeks)), 0) as longest
    from public.users
    left join private.calendar_runs(refresh_streaks.at) as runs on runs.user_id = users.id
    group by users.id
  )
  select array_agg(users.id), array_agg(streaks.streak), array_agg(streaks.longest)
  into v_changed, v_streaks, v_longest
  from public.users
  join streaks on streaks.id = users.id
  where (users.current_streak, users.longest_streak)
    is distinct from (streaks.streak, greatest(users.longest_streak, streaks.longest));

  -- A week counts once towards each milestone: who deletes an old response begins a new run but is not paid again for
  -- weeks that were paid for.
  select
    array_agg(runs.user_id order by runs.user_id, milestone.weeks),
    array_agg(milestone.weeks order by runs.user_id, milestone.weeks),
    array_agg(runs.weeks[1] order by runs.user_id, milestone.weeks),
    array_agg(runs.weeks[milestone.weeks] order by runs.user_id, milestone.weeks),
    array_agg(reward_rules.amount * milestone.weeks order by runs.user_id, milestone.weeks)
  into v_due_ids, v_milestones, v_first_weeks, v_last_weeks, v_bonuses
  from private.calendar_runs(refresh_streaks.at) as runs
  join public.reward_rules on reward_rules.code = 'streak' and reward_rules.amount > 0
  cross join lateral unnest(reward_rules.milestones) as milestone (weeks)
  where runs.is_alive
    and milestone.weeks between 1 and cardinality(runs.weeks)
    and not exists (
      select from private.paid_streaks
      where paid_streaks.user_id = runs.user_id
        and paid_streaks.milestone = milestone.weeks
        and paid_streaks.last_week >= runs.weeks[1]
        and paid_streaks.first_week <= runs.weeks[cardinality(runs.weeks)]
    );

  -- Who is held by somebody else at this moment is counted the next time, so that nobody waits in a circle.
  v_held := array(
    select id
    from public.users
    where id = any (v_changed)
      or id = any (array(select private.accounts_of(due.user_id) from unnest(v_due_ids) as due (user_id)))
    order by id
    for no key update skip locked
  );
  update public.users
  set current_streak = changed.streak, longest_streak = greatest(users.longest_streak, changed.longest)
  from unnest(v_changed, v_streaks, v_longest) as changed (id, streak, longest)
  where changed.id = users.id and users.id = any (v_held);

  for v_due in
    select *
    from unnest(v_due_ids, v_milestones, v_first_weeks, v_last_weeks, v_bonuses)
      as due (user_id, milestone, first_week, last_week, bonus)
    where due.user_id = any (v_held)
  loop
    -- Whose account went meanwhile is paid nothing.
    insert into private.paid_streaks (user_id, milestone, first_week, last_week)
    select users.id, v_due.milestone, v_due.first_week, v_due.last_week
    from public.users
    where users.id = v_due.user_id
      -- Somebody else may be paying another account of theirs.
      and not exists (
        select from private.accounts_of(v_due.user_id) as account (id) where account.id <> all (v_held)
      )
      -- A week counts once towards each milestone of a person, whichever of their accounts it was paid to.
      and not private.was_streak_paid(v_due.user_id, v_due.milestone, v_due.first_week, v_due.last_week)
    on conflict do nothing;
    if found then
      perform private.post_transaction(
        v_due.user_id, 'EARN_STREAK', v_due.bonus, 'streak', null,
        'streak:' || v_due.first_week::text || ':' || v_due.milestone::text,
        v_due.milestone::text || ' weeks in a row'
      );
    end if;
  end loop;

  perform private.award_badges(v_held);
  return (select count(*) from unnest(v_changed) as changed (id) where changed.id = any (v_held));
end;
$$;
comment on function private.refresh_streaks(timestamptz) is
  'Compute both kinds of streaks for everybody as of a time, pay milestones reached (a week counts once towards '
  'each), award badges. Answers how many people''s streaks changed. Scheduled. Definer; not granted to clients.';
grant execute on function private.refresh_streaks(timestamptz) to service_role;
