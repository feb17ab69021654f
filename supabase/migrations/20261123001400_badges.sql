-- Badges: what they ask for is data ({"metric": ..., "at_least": ...}); who has earned one is found set-based, on the
-- events that can change a metric and by cron for everybody. A badge is earned once and pays its own reward.

create table public.badges (
  id uuid primary key default gen_random_uuid(),
  code text not null,
  name text not null,
  description text not null,
  icon text not null,
  criteria jsonb not null,
  token_reward bigint not null default 100,
  created_at timestamptz not null default now(),
  constraint badges_code_key unique (code),
  constraint badges_token_reward_not_negative check (token_reward >= 0),
  constraint badges_token_reward_bounded check (token_reward <= 1000000000),
  -- What is missing makes a comparison null, and a CHECK lets null pass.
  constraint badges_criteria_known check (
    coalesce(
      criteria ->> 'metric' in (
        'responses_published', 'current_streak', 'weeks_curated', 'tokens_earned', 'gifts_sent', 'purchases',
        'spaces_joined', 'selected_responses'
      )
      and jsonb_typeof(criteria -> 'at_least') = 'number'
      and (criteria ->> 'at_least')::numeric between 1 and 1000000000000
      and (criteria ->> 'at_least')::numeric % 1 = 0
      and private.is_plain_json(criteria, 4096),
      false
    )
  )
);
comment on table public.badges is 'What can be earned. Trigger: badges__require_columns.';
comment on column public.badges.criteria is '{"metric": one of eight, "at_least": number}; private.badge_metrics() defines the metrics.';
comment on column public.badges.token_reward is 'Tokens paid with the badge.';

create table public.user_badges (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null references public.users (id) on delete cascade,
  badge_id uuid not null references public.badges (id) on delete cascade,
  earned_at timestamptz not null default now(),
  is_displayed boolean not null default true,
  display_order integer not null default 0,
  constraint user_badges_user_id_badge_id_key unique (user_id, badge_id),
  constraint user_badges_display_order_not_negative check (display_order >= 0)
);
comment on table public.user_badges is 'Who earned which badge. Trigger: user_badges__reward (tokens, notification).';
comment on column public.user_badges.earned_at is 'When the event happened that completed it, also where it was found later.';
comment on column public.user_badges.is_displayed is 'Whether other members see it.';
comment on column public.user_badges.display_order is 'Lowest first.';

create index idx_user_badges_badge_id on public.user_badges (badge_id);

alter table public.badges enable row level security;
alter table public.user_badges enable row level security;

create policy "Everybody sees the badges" on public.badges
  for select to anon, authenticated using (true);

create policy "People see the badges they earned" on public.user_badges
  for select to authenticated using (user_id = (select auth.uid()));

grant select on public.badges to anon, authenticated, service_role;
grant insert (code, name, description, icon, criteria, token_reward) on public.badges to service_role;
grant update (name, description, icon, criteria, token_reward) on public.badges to service_role;

create trigger badges__require_columns
  before insert or update on public.badges
  for each row when (
    new.code is null or new.name is null or new.description is null or new.icon is null or new.criteria is null
    or new.token_reward is null
  )
  execute function private.require_columns('code', 'name', 'description', 'icon', 'criteria', 'token_reward');
grant select on public.user_badges to authenticated, service_role;

-- Metrics and awards ------------------------------------------------------------------------------------------------

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
      select prompts.curator_id, 'weeks_curated', 1::bigint, min(prompts.published_at)
      from public.prompts
      where prompts.curator_id = any (badge_events.user_ids) and prompts.is_published
      group by prompts.curator_id, prompts.space_id, prompts.week_number;
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
  'What moved these metrics of these people, when, and by how much. tokens_earned counts what taking part paid, not gifts; '
  'selected_responses counts closed weeks, from the moment their newsletter came out. Definer; not granted, only other '
  'definer functions call it.';

create function private.badge_metrics(user_ids uuid[], metrics text[])
returns table (user_id uuid, metric text, value bigint)
language sql
stable
security definer
set search_path = ''
as $$
  select badge_events.user_id, badge_events.metric, sum(badge_events.weight)::bigint
  from private.badge_events(badge_metrics.user_ids, badge_metrics.metrics)
  group by badge_events.user_id, badge_events.metric
  union all
  select users.id, 'current_streak', users.current_streak
  from public.users
  where 'current_streak' = any (badge_metrics.metrics) and users.id = any (badge_metrics.user_ids);
$$;
comment on function private.badge_metrics(uuid[], text[]) is
  'These metrics of these people; what is missing is 0. Definer; not granted, only other definer functions call it.';

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
  'The moment of the event with which a metric reached a number, so that a badge that is found late is not dated late. '
  'Definer; not granted, only other definer functions call it.';

create function private.award_badges(user_ids uuid[], metrics text[] default null)
returns setof public.user_badges
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_metrics text[];
begin
  -- In order, before the first is paid; who is gone by then earns nothing.
  award_badges.user_ids := array(
    select users.id from public.users where users.id = any (award_badges.user_ids) order by users.id for no key update
  );
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
  'Award what these people have earned and do not have yet, as far as it depends on these metrics, or on any. Only the '
  'metrics of badges that somebody still lacks are computed. Definer; not granted, only other definer functions call it.';

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
  'Trigger: tokens and the news. Definer because clients write neither; safe because only award_badges() inserts the row.';

create trigger user_badges__reward
  after insert on public.user_badges
  for each row execute function private.reward_badge();

create function private.award_all_badges()
returns integer
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_user_ids uuid[];
begin
  select array_agg(distinct metrics.user_id) into v_user_ids
  from private.badge_metrics(
    array(select id from public.users), array(select distinct badges.criteria ->> 'metric' from public.badges)
  ) as metrics
  join public.badges
    on badges.criteria ->> 'metric' = metrics.metric and metrics.value >= (badges.criteria ->> 'at_least')::numeric
  where not exists (
    select from public.user_badges
    where user_badges.user_id = metrics.user_id and user_badges.badge_id = badges.id
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
comment on function private.award_all_badges() is
  'Award badges to everybody, set-based; answers how many. Who is held by somebody else at this moment gets theirs the next '
  'time: work for everybody does not wait while it keeps others waiting. Scheduled. Definer; not granted to clients.';
grant execute on function private.award_all_badges() to service_role;

-- Functions ---------------------------------------------------------------------------------------------------------

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
comment on function public.check_badges() is 'Award the caller every badge they have earned by now, and answer the new ones.';
grant execute on function public.check_badges() to authenticated;

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
  'Definer to compute the metrics; safe because it answers for the caller only.';
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
comment on function public.badge_progress() is 'Every badge with how far the caller is and, once earned, since when.';
grant execute on function public.badge_progress() to authenticated;

create function private.set_badge_display(badge_id uuid, is_displayed boolean, display_order integer)
returns public.user_badges
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_badge public.user_badges;
begin
  if set_badge_display.display_order < 0 then
    perform private.fail('MG001', 'display_order', 'display_order is 0 or more.');
  end if;
  update public.user_badges
  set
    is_displayed = coalesce(set_badge_display.is_displayed, user_badges.is_displayed),
    display_order = coalesce(set_badge_display.display_order, user_badges.display_order)
  where user_badges.user_id = private.require_user() and user_badges.badge_id = set_badge_display.badge_id
  returning * into v_badge;
  if v_badge.id is null then
    perform private.fail('MG701');
  end if;
  return v_badge;
end;
$$;
comment on function private.set_badge_display(uuid, boolean, integer) is
  'Definer because clients do not update earned badges; safe because it touches the caller''s own only.';
grant execute on function private.set_badge_display(uuid, boolean, integer) to authenticated;

create function public.set_badge_display(badge_id uuid, is_displayed boolean, display_order integer default null)
returns public.user_badges
language sql
set search_path = ''
as $$
  select private.set_badge_display(
    set_badge_display.badge_id, set_badge_display.is_displayed, set_badge_display.display_order
  );
$$;
comment on function public.set_badge_display(uuid, boolean, integer) is
  'Show or hide a badge on one''s profile, and place it; null leaves a value as it is. MG701 for a badge not earned.';
grant execute on function public.set_badge_display(uuid, boolean, integer) to authenticated;
