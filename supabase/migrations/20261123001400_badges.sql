-- Badges. Which ones there are, who has earned which, and what people may look at. What they ask for is data
-- ({"metric": ..., "at_least": ...}); how it is measured is in badge_metrics, and how they are awarded in
-- badge_awards.

-- Tables -------------------------------------------------------------------------------------------------------------

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
comment on column public.badges.criteria is
  '{"metric": one of eight, "at_least": number}; private.badge_metrics() defines the metrics.';
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
comment on column public.user_badges.earned_at is
  'When the event happened that completed it, also where it was found later.';
comment on column public.user_badges.is_displayed is 'Whether other members see it.';
comment on column public.user_badges.display_order is 'Lowest first.';

create index idx_user_badges_badge_id on public.user_badges (badge_id);

alter table public.badges enable row level security;
alter table public.user_badges enable row level security;

-- Policies and grants ------------------------------------------------------------------------------------------------

create policy "Everybody sees the badges" on public.badges
  for select to anon, authenticated using (true);

grant select on public.badges to anon, authenticated, service_role;
grant insert (code, name, description, icon, criteria, token_reward) on public.badges to service_role;
grant update (name, description, icon, criteria, token_reward) on public.badges to service_role;

create policy "People see the badges they earned" on public.user_badges
  for select to authenticated using (user_id = (select auth.uid()));

grant select on public.user_badges to authenticated, service_role;

-- Functions ----------------------------------------------------------------------------------------------------------

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

create function private.displayed_badges(user_id uuid)
returns jsonb
language sql
stable
security definer
set search_path = ''
as $$
  select coalesce(
    jsonb_agg(
      jsonb_build_object(
        'code', badges.code, 'name', badges.name, 'icon', badges.icon, 'earned_at', user_badges.earned_at
      )
      order by user_badges.display_order, user_badges.earned_at, badges.code
    ),
    '[]'
  )
  from public.user_badges
  join public.badges on badges.id = user_badges.badge_id
  where user_badges.user_id = displayed_badges.user_id and user_badges.is_displayed;
$$;
comment on function private.displayed_badges(uuid) is
  'Return the badges a person shows. Definer; not granted, only other definer functions call it.';

-- Triggers -----------------------------------------------------------------------------------------------------------

create trigger badges__require_columns
  before insert or update on public.badges
  for each row when (
    new.code is null or new.name is null or new.description is null or new.icon is null or new.criteria is null
    or new.token_reward is null
  )
  execute function private.require_columns('code', 'name', 'description', 'icon', 'criteria', 'token_reward');
