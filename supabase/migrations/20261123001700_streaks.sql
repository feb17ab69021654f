-- Streaks. Weeks are integers, so no time zone and no summer time can break one. Both kinds are computed by cron, for
-- everybody at once; the time is a parameter, so that a test can travel.

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

create function private.calendar_runs(at timestamptz)
returns table (user_id uuid, first_week integer, last_week integer, length integer)
language sql
stable
security definer
set search_path = ''
as $$
  with weeks as (
    select distinct responses.user_id, private.week_index(responses.published_at) as week
    from public.responses
    where responses.is_published and responses.published_at <= calendar_runs.at
  ),
  numbered as (
    select
      weeks.user_id, weeks.week, weeks.week - row_number() over (partition by weeks.user_id order by weeks.week) as run
    from weeks
  )
  select numbered.user_id, min(numbered.week), max(numbered.week), count(*)::integer
  from numbered
  group by numbered.user_id, numbered.run;
$$;
comment on function private.calendar_runs(timestamptz) is
  'Every unbroken run of calendar weeks with a published response, per person. Definer; not granted, only other definer '
  'functions call it.';

create function private.refresh_member_streaks()
returns integer
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_ids uuid[];
  v_streaks integer[];
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

  -- Held in order of id, as everywhere, so that nobody waits in a circle.
  perform from public.memberships where id = any (v_ids) order by id for no key update;
  update public.memberships
  set weekly_streak = changed.streak
  from unnest(v_ids, v_streaks) as changed (id, streak)
  where changed.id = memberships.id;
  return coalesce(cardinality(v_ids), 0);
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
  v_first_weeks integer[];
  v_milestones integer[];
  v_bonuses bigint[];
  v_due record;
begin
  perform private.refresh_member_streaks();

  with streaks as (
    select
      users.id,
      coalesce(max(runs.length) filter (where runs.last_week >= private.week_index(refresh_streaks.at) - 1), 0) as streak,
      coalesce(max(runs.length), 0) as longest
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
    array_agg(runs.first_week order by runs.user_id, milestone.weeks),
    array_agg(milestone.weeks order by runs.user_id, milestone.weeks),
    array_agg(reward_rules.amount * milestone.weeks order by runs.user_id, milestone.weeks)
  into v_due_ids, v_first_weeks, v_milestones, v_bonuses
  from private.calendar_runs(refresh_streaks.at) as runs
  join public.reward_rules on reward_rules.code = 'streak' and reward_rules.amount > 0
  cross join lateral unnest(reward_rules.milestones) as milestone (weeks)
  where runs.last_week >= private.week_index(refresh_streaks.at) - 1
    and runs.length >= milestone.weeks
    and not exists (
      select from public.transactions
      where transactions.user_id = runs.user_id
        and transactions.idempotency_key = any (
          array(
            select 'streak:' || paid.first_week::text || ':' || milestone.weeks::text
            from generate_series(runs.first_week - milestone.weeks + 1, runs.last_week) as paid (first_week)
          )
        )
    );

  perform private.lock_people(v_changed || v_due_ids);
  update public.users
  set current_streak = changed.streak, longest_streak = greatest(users.longest_streak, changed.longest)
  from unnest(v_changed, v_streaks, v_longest) as changed (id, streak, longest)
  where changed.id = users.id;

  for v_due in
    select * from unnest(v_due_ids, v_first_weeks, v_milestones, v_bonuses) as due (user_id, first_week, weeks, bonus)
  loop
    perform private.post_transaction(
      v_due.user_id, 'EARN_STREAK', v_due.bonus, 'streak', null,
      'streak:' || v_due.first_week::text || ':' || v_due.weeks::text,
      v_due.weeks::text || ' weeks in a row'
    );
  end loop;

  perform private.award_badges(coalesce(v_changed || v_due_ids, '{}'));
  return coalesce(cardinality(v_changed), 0);
end;
$$;
comment on function private.refresh_streaks(timestamptz) is
  'Compute both kinds of streaks for everybody as of a time, pay milestones reached (a week counts once towards '
  'each), award badges. Answers how many people''s streaks changed. Scheduled. Definer; not granted to clients.';
grant execute on function private.refresh_streaks(timestamptz) to service_role;
