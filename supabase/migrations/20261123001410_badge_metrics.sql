-- What badges ask for, measured: a metric is a sum of events, so that it is known when a badge was completed.

create function private.badge_events(user_ids uuid[], metrics text[])
returns table (user_id uuid, metric text, weight bigint, at timestamptz)
language plpgsql
stable
security definer
set search_path = ''
as $$
begin
  if 'responses_published' = any (badge_events.metrics) then
    return query
      select responses.user_id, 'responses_published', 1::bigint, responses.published_at
      from public.responses
      where responses.user_id = any (badge_events.user_ids) and responses.is_published;
  end if;
  if 'weeks_curated' = any (badge_events.metrics) then
    return query
      select paid_curations.user_id, 'weeks_curated', 1::bigint, min(prompts.published_at)
      from private.paid_curations
      join public.curator_rotations on curator_rotations.id = paid_curations.rotation_id
      join public.prompts
        on prompts.space_id = curator_rotations.space_id
        and prompts.week_number = curator_rotations.week_number
        and prompts.is_published
      where paid_curations.user_id = any (badge_events.user_ids)
      group by paid_curations.user_id, paid_curations.rotation_id;
  end if;
  if 'tokens_earned' = any (badge_events.metrics) then
    return query
      select transactions.user_id, 'tokens_earned', transactions.amount, transactions.created_at
      from public.transactions
      where transactions.user_id = any (badge_events.user_ids)
        and transactions.type in ('EARN_RESPONSE', 'EARN_CURATOR', 'EARN_STREAK', 'EARN_BADGE');
  end if;
  if 'gifts_sent' = any (badge_events.metrics) then
    return query
      select token_gifts.sender_id, 'gifts_sent', 1::bigint, token_gifts.created_at
      from public.token_gifts
      where token_gifts.sender_id = any (badge_events.user_ids);
  end if;
  if 'purchases' = any (badge_events.metrics) then
    return query
      select purchases.user_id, 'purchases', 1::bigint, purchases.purchased_at
      from public.purchases
      where purchases.user_id = any (badge_events.user_ids);
  end if;
  if 'spaces_joined' = any (badge_events.metrics) then
    return query
      select memberships.user_id, 'spaces_joined', 1::bigint, memberships.joined_at
      from public.memberships
      where memberships.user_id = any (badge_events.user_ids);
  end if;
  if 'selected_responses' = any (badge_events.metrics) then
    return query
      select responses.user_id, 'selected_responses', 1::bigint, newsletters.published_at
      from public.responses
      join public.spaces on spaces.id = responses.space_id
      left join public.newsletters
        on newsletters.space_id = responses.space_id
        and newsletters.week_number = responses.week_number
        and newsletters.is_published
      where responses.user_id = any (badge_events.user_ids)
        and responses.is_selected
        and responses.week_number < spaces.current_week;
  end if;
end;
$$;
comment on function private.badge_events(uuid[], text[]) is
  'Return what moved these metrics of these people, when, and by how much. tokens_earned counts what taking part '
  'paid, not gifts; selected_responses counts closed weeks, from the moment their newsletter came out. Definer; not '
  'granted, only other definer functions call it.';

create function private.badge_metrics(user_ids uuid[], metrics text[])
returns table (user_id uuid, metric text, value bigint)
language plpgsql
stable
security definer
set search_path = ''
as $$
begin
  return query
    select badge_events.user_id, badge_events.metric, sum(badge_events.weight)::bigint
    from private.badge_events(badge_metrics.user_ids, badge_metrics.metrics)
    group by badge_events.user_id, badge_events.metric
    union all
    select users.id, 'current_streak', users.current_streak
    from public.users
    where 'current_streak' = any (badge_metrics.metrics) and users.id = any (badge_metrics.user_ids);
end;
$$;
comment on function private.badge_metrics(uuid[], text[]) is
  'Return these metrics of these people; what is missing is 0. Definer; not granted, only other definer functions '
  'call it.';

create function private.badge_earned_at(user_id uuid, metric text, at_least numeric)
returns timestamptz
language plpgsql
stable
security definer
set search_path = ''
as $$
begin
  return coalesce(
    case badge_earned_at.metric
      when 'current_streak' then (
        select coalesce(
          (
            select min(responses.published_at)
            from public.responses
            where responses.user_id = badge_earned_at.user_id
              and responses.is_published
              and responses.calendar_week = weeks.week
          ),
          weeks.first_published_at
        )
        from (
          select active_weeks.week, active_weeks.first_published_at
          from private.active_weeks
          where active_weeks.user_id = badge_earned_at.user_id and active_weeks.responses > 0
          order by active_weeks.week desc
          limit (select users.current_streak from public.users where users.id = badge_earned_at.user_id)
        ) as weeks
        order by weeks.week
        limit 1
        offset ceil(badge_earned_at.at_least)::bigint - 1
      )
      else (
        select min(reached.at)
        from (
          select badge_events.at, sum(badge_events.weight) over (order by badge_events.at) as total
          from private.badge_events(array[badge_earned_at.user_id], array[badge_earned_at.metric])
        ) as reached
        where reached.total >= badge_earned_at.at_least
      )
    end,
    now()
  );
end;
$$;
comment on function private.badge_earned_at(uuid, text, numeric) is
  'Return the moment of the event with which a metric reached a number, so that a badge that is found late is not '
  'dated late. Definer; not granted, only other definer functions call it.';

create function private.badge_progress()
returns table (
  badge_id uuid, code text, name text, description text, icon text, metric text, current_value bigint, target bigint,
  token_reward bigint, earned_at timestamptz
)
language sql
stable
security definer
set search_path = ''
as $$
  select
    badges.id, badges.code, badges.name, badges.description, badges.icon, badges.criteria ->> 'metric',
    coalesce(metrics.value, 0), (badges.criteria ->> 'at_least')::bigint, badges.token_reward, user_badges.earned_at
  from public.badges
  left join private.badge_metrics(
    array[private.require_user()], array(select distinct badges.criteria ->> 'metric' from public.badges)
  ) as metrics on metrics.metric = badges.criteria ->> 'metric'
  left join public.user_badges on user_badges.badge_id = badges.id and user_badges.user_id = private.require_user()
  order by badges.code;
$$;
comment on function private.badge_progress() is
  'Definer to compute the metrics; safe because it looks at the caller only.';
grant execute on function private.badge_progress() to authenticated;

create function public.badge_progress()
returns table (
  badge_id uuid, code text, name text, description text, icon text, metric text, current_value bigint, target bigint,
  token_reward bigint, earned_at timestamptz
)
language sql
stable
set search_path = ''
as $$
  select * from private.badge_progress();
$$;
comment on function public.badge_progress() is
  'Return every badge with how far the caller is and, once earned, since when.';
grant execute on function public.badge_progress() to authenticated;
