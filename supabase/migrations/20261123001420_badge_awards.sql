-- Who has earned a badge is found set-based, on the events that can change a metric and by the clock for everybody. A
-- badge is earned once and pays its own reward.

-- Functions ----------------------------------------------------------------------------------------------------------

create function private.award_badges(user_ids uuid[], metrics text[] default null)
returns setof public.user_badges
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_metrics text[];
begin
  -- A badge is kept, so whoever has them all already is not held to find that out.
  if not exists (
    select from public.badges
    where (award_badges.metrics is null or badges.criteria ->> 'metric' = any (award_badges.metrics))
      and (
        select count(*) from public.user_badges
        where user_badges.badge_id = badges.id and user_badges.user_id = any (award_badges.user_ids)
      ) < cardinality(award_badges.user_ids)
  ) then
    return;
  end if;
  -- In order, before the first is paid; who is gone by then earns nothing.
  perform private.lock_people(award_badges.user_ids);
  award_badges.user_ids := array(select users.id from public.users where users.id = any (award_badges.user_ids));
  -- A badge pays tokens, and tokens may complete the next badge: again until nothing new is earned.
  loop
    select array_agg(distinct badges.criteria ->> 'metric') into v_metrics
    from public.badges
    where (award_badges.metrics is null or badges.criteria ->> 'metric' = any (award_badges.metrics))
      and (
        select count(*) from public.user_badges
        where user_badges.badge_id = badges.id and user_badges.user_id = any (award_badges.user_ids)
      ) < cardinality(award_badges.user_ids);
    exit when v_metrics is null;
    return query
      insert into public.user_badges (user_id, badge_id, earned_at)
      select
        metrics.user_id, badges.id,
        private.badge_earned_at(metrics.user_id, metrics.metric, (badges.criteria ->> 'at_least')::numeric)
      from private.badge_metrics(award_badges.user_ids, v_metrics) as metrics
      join public.badges
        on badges.criteria ->> 'metric' = metrics.metric
        and metrics.value >= (badges.criteria ->> 'at_least')::numeric
      where not exists (
        select from public.user_badges
        where user_badges.user_id = metrics.user_id and user_badges.badge_id = badges.id
      )
      order by metrics.user_id, badges.code
      on conflict on constraint user_badges_user_id_badge_id_key do nothing
      returning *;
    exit when not found;
    award_badges.metrics := array['tokens_earned'];
  end loop;
end;
$$;
comment on function private.award_badges(uuid[], text[]) is
  'Award what these people have earned and do not have yet, as far as it depends on these metrics, or on any. Only '
  'the metrics of badges that somebody still lacks are computed. Definer; not granted, only other definer functions '
  'call it.';

create function private.check_badges()
returns setof public.user_badges
language sql
security definer
set search_path = ''
as $$
  select * from private.award_badges(array[private.require_user()]);
$$;
comment on function private.check_badges() is
  'Definer because clients award nothing; safe because it looks at the caller only and awards what the data shows.';
grant execute on function private.check_badges() to authenticated;

create function public.check_badges()
returns setof public.user_badges
language sql
set search_path = ''
as $$
  select * from private.check_badges();
$$;
comment on function public.check_badges() is
  'Award the caller every badge they have earned by now, and return the new ones.';
grant execute on function public.check_badges() to authenticated;

create function private.award_badges_of(user_ids uuid[])
returns integer
language plpgsql
security definer
set search_path = ''
set plan_cache_mode = 'force_generic_plan'
as $$
declare
  v_user_ids uuid[];
begin
  v_user_ids := array(
    select distinct metrics.user_id
    from private.badge_metrics(
      award_badges_of.user_ids, array(select distinct badges.criteria ->> 'metric' from public.badges)
    ) as metrics
    join public.badges
      on badges.criteria ->> 'metric' = metrics.metric and metrics.value >= (badges.criteria ->> 'at_least')::numeric
    where not exists (
      select from public.user_badges
      where user_badges.user_id = metrics.user_id and user_badges.badge_id = badges.id
    )
  );
  return (
    select count(*)
    from private.award_badges(
      array(
        select users.id from public.users where users.id = any (v_user_ids) order by users.id for no key update skip locked
      )
    )
  );
end;
$$;
comment on function private.award_badges_of(uuid[]) is
  'Award these people the badges they have earned by now; returns how many. Who is held by somebody else at this '
  'moment gets theirs the next time: work for everybody does not wait while it keeps others waiting. Definer; not '
  'granted, only other definer functions call it.';

create function private.award_all_badges()
returns integer
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_user_ids uuid[] := private.next_people(null);
  v_count integer := 0;
begin
  while v_user_ids <> '{}' loop
    v_count := v_count + private.award_badges_of(v_user_ids);
    v_user_ids := private.next_people(v_user_ids[cardinality(v_user_ids)]);
  end loop;
  return v_count;
end;
$$;
comment on function private.award_all_badges() is
  'private.award_badges_of() for everybody, in one transaction; tick() does it a portion at a time. Definer because '
  'clients award nothing; granted to the service role only.';
grant execute on function private.award_all_badges() to service_role;

create function public.award_all_badges()
returns integer
language sql
set search_path = ''
as $$
  select private.award_all_badges();
$$;
comment on function public.award_all_badges() is
  'Award everybody the badges they have earned by now; returns how many. In one transaction: tick() holds fewer people '
  'at a time. Secret key only.';
grant execute on function public.award_all_badges() to service_role;

-- Triggers -----------------------------------------------------------------------------------------------------------

create function private.reward_badge()
returns trigger
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_badge public.badges;
begin
  select * into v_badge from public.badges where id = new.badge_id;
  if private.was_badge_paid(new.user_id, new.badge_id) then
    v_badge.token_reward := 0;
  end if;
  if v_badge.token_reward > 0 then
    perform private.post_transaction(
      new.user_id, 'EARN_BADGE', v_badge.token_reward, 'badge', new.badge_id, 'badge:' || new.badge_id::text, v_badge.name
    );
  end if;
  perform private.notify(
    array[new.user_id], 'BADGE_EARNED', null,
    jsonb_build_object('badge_id', v_badge.id, 'code', v_badge.code, 'name', v_badge.name, 'tokens', v_badge.token_reward),
    'badge:' || new.badge_id::text
  );
  return null;
end;
$$;
comment on function private.reward_badge() is
  'Trigger: tokens and the news. Definer because clients write neither; safe because only award_badges() inserts the '
  'row.';

create trigger user_badges__reward
  after insert on public.user_badges
  for each row execute function private.reward_badge();
