-- Streaks: weeks of a space in a row, and calendar weeks in a row over all spaces. Both are computed by the clock, for
-- a portion of people after another; the time is a parameter, so that a test can travel.

-- Tables -------------------------------------------------------------------------------------------------------------

create table private.paid_streaks (
  user_id uuid not null references public.users (id) on delete cascade,
  milestone integer not null,
  first_week integer not null,
  last_week integer not null,
  primary key (user_id, milestone, first_week)
);
comment on table private.paid_streaks is
  'Which weeks were paid for as which milestone; a week counts once towards each.';

alter table private.paid_streaks enable row level security;

-- Functions ----------------------------------------------------------------------------------------------------------

create function private.calendar_runs(user_ids uuid[], at timestamptz)
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
    where users.id = any (calendar_runs.user_ids)
  ),
  marks as (
    select
      coalesce(active_weeks.user_id, open_weeks.user_id) as user_id,
      coalesce(active_weeks.week, open_weeks.week) as week,
      active_weeks.user_id is not null as is_active
    from (
      select active_weeks.user_id, active_weeks.week
      from private.active_weeks
      where active_weeks.user_id = any (calendar_runs.user_ids) and active_weeks.responses > 0
    ) as active_weeks
    full join (
      select distinct open_weeks.user_id, open_weeks.week
      from private.open_weeks
      where open_weeks.user_id = any (calendar_runs.user_ids)
    ) as open_weeks
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
comment on function private.calendar_runs(uuid[], timestamptz) is
  'Return every unbroken run of calendar weeks with a published response of these people: no week lies between them that '
  'had open prompts and no response. is_alive: it is not broken since, up to the week of this moment. Definer; not '
  'granted, only other definer functions call it.';

create function private.refresh_member_streaks(user_ids uuid[])
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
    select distinct space_id, user_id, week_number
    from public.responses
    where responses.user_id = any (refresh_member_streaks.user_ids) and is_published
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
    where memberships.user_id = any (refresh_member_streaks.user_ids)
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
comment on function private.refresh_member_streaks(uuid[]) is
  'Compute memberships.weekly_streak of these people: weeks of the space in a row, up to the open one or the one '
  'before. Returns how many changed. Definer; not granted to clients.';

create function private.refresh_streaks_of(user_ids uuid[], at timestamptz)
returns integer
language plpgsql
security definer
set search_path = ''
set plan_cache_mode = 'force_generic_plan'
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
  perform private.refresh_member_streaks(refresh_streaks_of.user_ids);
  -- The weeks of a space that has been open for longer are noted when its week closes.
  perform private.note_open_weeks(
    null, refresh_streaks_of.user_ids, refresh_streaks_of.at - interval '4 weeks', refresh_streaks_of.at
  );

  with streaks as (
    select
      users.id,
      coalesce(max(cardinality(runs.weeks)) filter (where runs.is_alive), 0) as streak,
      coalesce(max(cardinality(runs.weeks)), 0) as longest
    from public.users
    left join private.calendar_runs(refresh_streaks_of.user_ids, refresh_streaks_of.at) as runs on runs.user_id = users.id
    where users.id = any (refresh_streaks_of.user_ids)
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
  from private.calendar_runs(refresh_streaks_of.user_ids, refresh_streaks_of.at) as runs
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
comment on function private.refresh_streaks_of(uuid[], timestamptz) is
  'Compute both kinds of streaks of these people as of a time, pay milestones reached (a week counts once towards '
  'each), award badges. Returns how many people''s streaks changed. Definer; not granted, only other definer functions '
  'call it.';

create function private.next_people(after_id uuid)
returns uuid[]
language sql
stable
security definer
set search_path = ''
as $$
  select array(
    select users.id
    from public.users
    where next_people.after_id is null or users.id > next_people.after_id
    order by users.id
    limit 100
  );
$$;
comment on function private.next_people(uuid) is
  'Return a portion of all people, in order: those after this one, or (null) the first. Work for everybody takes one '
  'portion a transaction, since it holds whom it changes. Definer; not granted, only other definer functions call it.';

create function private.refresh_streaks(at timestamptz default now())
returns integer
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_user_ids uuid[] := private.next_people(null);
  v_count integer := 0;
begin
  if coalesce(extract(year from refresh_streaks.at) not between 2000 and 2200, true) then
    perform private.fail('MG001', 'at', 'at is a time between the years 2000 and 2200.');
  end if;
  while v_user_ids <> '{}' loop
    v_count := v_count + private.refresh_streaks_of(v_user_ids, refresh_streaks.at);
    v_user_ids := private.next_people(v_user_ids[cardinality(v_user_ids)]);
  end loop;
  return v_count;
end;
$$;
comment on function private.refresh_streaks(timestamptz) is
  'private.refresh_streaks_of() for everybody, in one transaction; tick() does it a portion at a time. Definer because '
  'clients write none of it; granted to the service role only.';
grant execute on function private.refresh_streaks(timestamptz) to service_role;

create function public.refresh_streaks(at timestamptz default now())
returns integer
language sql
set search_path = ''
as $$
  select private.refresh_streaks(private.require_instant(refresh_streaks.at));
$$;
comment on function public.refresh_streaks(timestamptz) is
  'Compute all streaks as of a time, pay milestones, award badges; returns how many people''s streaks changed. In one '
  'transaction: tick() holds fewer people at a time. Secret key only.';
grant execute on function public.refresh_streaks(timestamptz) to service_role;
