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
  v_changed integer;
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
  update public.memberships
  set weekly_streak = streaks.streak
  from streaks
  where streaks.id = memberships.id and memberships.weekly_streak <> streaks.streak;
  get diagnostics v_changed = row_count;
  return v_changed;
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
  ),
  changed as (
    update public.users
    set current_streak = streaks.streak, longest_streak = greatest(users.longest_streak, streaks.longest)
    from streaks
    where streaks.id = users.id
      and (users.current_streak, users.longest_streak)
        is distinct from (streaks.streak, greatest(users.longest_streak, streaks.longest))
    returning users.id
  )
  select array_agg(changed.id) into v_changed from changed;

  for v_due in
    select runs.user_id, runs.first_week, milestone.weeks, reward_rules.amount * milestone.weeks as bonus
    from private.calendar_runs(refresh_streaks.at) as runs
    join public.reward_rules on reward_rules.code = 'streak' and reward_rules.amount > 0
    cross join lateral unnest(reward_rules.milestones) as milestone (weeks)
    where runs.last_week >= private.week_index(refresh_streaks.at) - 1
      and runs.length >= milestone.weeks
      and not exists (
        select from public.transactions
        where transactions.user_id = runs.user_id
          and transactions.idempotency_key = 'streak:' || runs.first_week::text || ':' || milestone.weeks::text
      )
    order by runs.user_id, milestone.weeks
  loop
    perform private.post_transaction(
      v_due.user_id, 'EARN_STREAK', v_due.bonus, 'streak', null,
      'streak:' || v_due.first_week::text || ':' || v_due.weeks::text,
      v_due.weeks::text || ' weeks in a row'
    );
  end loop;

  perform private.award_badges(coalesce(v_changed, '{}'));
  return coalesce(cardinality(v_changed), 0);
end;
$$;
comment on function private.refresh_streaks(timestamptz) is
  'Compute both kinds of streaks for everybody as of a time, pay milestones reached (once per run of weeks), award '
  'badges. Answers how many people''s streaks changed. Scheduled. Definer; not granted to clients.';
grant execute on function private.refresh_streaks(timestamptz) to service_role;
