-- What taking part pays: the rules, and how often each has paid a person this week.

-- Tables -------------------------------------------------------------------------------------------------------------

create table public.reward_rules (
  code text primary key,
  amount bigint not null,
  milestones integer[],
  weekly_limit integer,
  description text not null,
  updated_at timestamptz not null default now(),
  constraint reward_rules_code_known check (code in ('response', 'curation', 'streak')),
  constraint reward_rules_amount_not_negative check (amount >= 0),
  constraint reward_rules_milestones_plain check (
    array_ndims(milestones) = 1 and array_position(milestones, null) is null
  ),
  constraint reward_rules_amount_bounded check (amount <= 1000000),
  constraint reward_rules_weekly_limit_not_negative check (weekly_limit >= 0)
);
comment on table public.reward_rules is
  'How many tokens each kind of earning pays; 0 pays nothing. Badges carry their own token_reward. What was paid '
  'stays paid. Trigger: reward_rules__require_columns.';
comment on column public.reward_rules.milestones is
  'For streaks: the lengths in weeks that pay, at amount tokens a week.';
comment on column public.reward_rules.weekly_limit is
  'How often it pays a person in a calendar week, over all spaces; null for no limit. What is above earns nothing.';

create table private.weekly_earnings (
  user_id uuid not null references public.users (id) on delete cascade,
  code text not null references public.reward_rules (code) on delete cascade,
  week integer not null,
  paid integer not null default 0,
  withheld integer not null default 0,
  primary key (user_id, code, week)
);
comment on table private.weekly_earnings is
  'How often each reward rule paid a person in a calendar week (private.week_index), and how often it did not '
  'because reward_rules.weekly_limit was reached.';

create index idx_weekly_earnings_code on private.weekly_earnings (code);

alter table public.reward_rules enable row level security;
alter table private.weekly_earnings enable row level security;

insert into public.reward_rules (code, amount, milestones, weekly_limit, description) values
  ('response', 50, null, 100, 'Publishing a response, once per person and place in a week of a space.'),
  ('curation', 100, null, 10, 'Publishing the first prompts of a week, once per space and week.'),
  ('streak', 10, '{3,5,10,25,52}', null, 'Reaching a streak milestone: tokens for each week of it.');

-- Policies and grants ------------------------------------------------------------------------------------------------

create policy "People see what taking part pays" on public.reward_rules
  for select to authenticated using (true);

grant select on public.reward_rules to authenticated, service_role;
grant update (amount, milestones, weekly_limit, description) on public.reward_rules to service_role;

-- Functions ----------------------------------------------------------------------------------------------------------

create function private.earn(
  user_id uuid, code text, week integer, reference_type text, reference_id uuid, idempotency_key text
)
returns boolean
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_rule public.reward_rules;
  v_accounts uuid[];
  v_paid integer;
  v_posted boolean;
begin
  select * into v_rule from public.reward_rules where reward_rules.code = earn.code;
  if coalesce(v_rule.amount, 0) = 0 then
    return false;
  end if;
  perform private.lock_people(array[earn.user_id]);
  if not exists (select from public.users where id = earn.user_id) or exists (
    select from public.transactions
    where transactions.user_id = earn.user_id and transactions.idempotency_key = earn.idempotency_key
  ) then
    return false;
  end if;
  -- The rows of all accounts of a person are held, in their order, and say the same. An account that is being deleted
  -- is not waited for.
  v_accounts := array(
    select users.id
    from public.users
    where users.id = any (array(select private.accounts_of(earn.user_id)))
    for key share skip locked
  );
  with held as (
    insert into private.weekly_earnings (user_id, code, week)
    select account.id, earn.code, earn.week
    from unnest(v_accounts) as account (id)
    order by account.id
    on conflict on constraint weekly_earnings_pkey do update
    set paid = weekly_earnings.paid
    returning *
  )
  select max(held.paid) into v_paid from held;
  -- What is paid once is paid once to a person, not once to each of their accounts, there or gone.
  if private.was_place_paid(earn.user_id, earn.idempotency_key) then
    return false;
  end if;
  v_posted := coalesce(v_paid < v_rule.weekly_limit, true) and private.post_transaction(
    earn.user_id, ('EARN_' || case earn.code when 'curation' then 'CURATOR' else upper(earn.code) end)::public.transaction_type,
    v_rule.amount, earn.reference_type, earn.reference_id, earn.idempotency_key, null,
    coalesce(v_paid + 1 = v_rule.weekly_limit, false)
  );
  update private.weekly_earnings
  set paid = v_paid + v_posted::integer, withheld = weekly_earnings.withheld + (not v_posted)::integer
  where weekly_earnings.user_id = any (v_accounts) and weekly_earnings.code = earn.code and weekly_earnings.week = earn.week;
  return v_posted;
end;
$$;
comment on function private.earn(uuid, text, integer, text, uuid, text) is
  'Pay what a reward rule pays, once per key and as often as its weekly_limit allows in a calendar week '
  '(private.week_index); returns true if it was paid now. Definer; not granted, only other definer functions call '
  'it.';

create function private.my_weekly_earnings()
returns table (code text, amount bigint, weekly_limit integer, paid integer, withheld integer, limit_reached boolean)
language plpgsql
stable
security definer
set search_path = ''
as $$
declare
  v_me uuid := private.require_user();
begin
  return query
    select
      reward_rules.code, reward_rules.amount, reward_rules.weekly_limit, coalesce(weekly_earnings.paid, 0),
      coalesce(weekly_earnings.withheld, 0),
      coalesce(weekly_earnings.paid, 0) >= coalesce(reward_rules.weekly_limit, 2147483647)
    from public.reward_rules
    left join private.weekly_earnings
      on weekly_earnings.code = reward_rules.code
      and weekly_earnings.user_id = v_me
      and weekly_earnings.week = private.week_of(v_me, now())
    where reward_rules.code in ('response', 'curation')
    order by reward_rules.code;
end;
$$;
comment on function private.my_weekly_earnings() is
  'Definer because clients do not reach the counts; safe because it looks at the caller only.';
grant execute on function private.my_weekly_earnings() to authenticated;

create function public.weekly_earnings()
returns table (code text, amount bigint, weekly_limit integer, paid integer, withheld integer, limit_reached boolean)
language sql
stable
set search_path = ''
as $$
  select * from private.my_weekly_earnings();
$$;
comment on function public.weekly_earnings() is
  'Return what responses and curation have paid the caller in this calendar week, and how often they did not because '
  'the limit of a week was reached.';
grant execute on function public.weekly_earnings() to authenticated;

-- Triggers -----------------------------------------------------------------------------------------------------------

create trigger reward_rules__require_columns
  before update on public.reward_rules
  for each row when (new.amount is null or new.description is null)
  execute function private.require_columns('amount', 'description');

create trigger reward_rules__touch_updated_at
  before update on public.reward_rules
  for each row execute function private.touch_updated_at();
