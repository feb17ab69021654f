-- What is remembered of an address whose account is gone, so that nobody starts over by deleting the account and
-- signing up again: what was paid in a calendar week, which badges, places of open weeks and streaks were paid, how
-- much of a day's limits was used, and which spaces somebody was removed from. All of it is forgotten after a year at
-- most.
--
-- Nor by having several accounts at once: what they have been paid in a week and what they have used of a day's limits
-- is counted in the rows of all of them, a badge, a place in a week and a week of a streak pay one of them, and who
-- was removed as one of them is kept out as each.

-- Tables -------------------------------------------------------------------------------------------------------------

create table private.remembered_earnings (
  digest bytea not null,
  code text not null,
  week integer not null,
  paid integer not null,
  constraint remembered_earnings_pkey primary key (digest, code, week)
);
comment on table private.remembered_earnings is 'private.weekly_earnings of addresses whose accounts are gone.';

create table private.remembered_badges (
  digest bytea not null,
  badge_id uuid not null,
  noted_at timestamptz not null,
  constraint remembered_badges_pkey primary key (digest, badge_id)
);
comment on table private.remembered_badges is
  'Badges of addresses whose accounts are gone: they are earned again, and pay nothing again.';

create table private.remembered_places (
  digest bytea not null,
  idempotency_key text not null,
  space_id uuid not null,
  week_number integer not null,
  constraint remembered_places_pkey primary key (digest, idempotency_key)
);
comment on table private.remembered_places is
  'Places of open weeks that were paid to addresses whose accounts are gone, by their key in the ledger: a response '
  'there pays nothing again. The sweep forgets them once the week has closed or the space is gone. Without a foreign '
  'key: an account that goes holds no space that it was not in.';

create index idx_remembered_places_space_id on private.remembered_places (space_id, week_number);

create table private.remembered_streaks (
  digest bytea not null,
  milestone integer not null,
  first_week integer not null,
  last_week integer not null,
  noted_at timestamptz not null,
  constraint remembered_streaks_pkey primary key (digest, milestone, first_week)
);
comment on table private.remembered_streaks is 'private.paid_streaks of addresses whose accounts are gone.';

create table private.remembered_limits (
  digest bytea not null,
  code text not null,
  began_at timestamptz not null,
  used integer not null,
  constraint remembered_limits_pkey primary key (digest, code)
);
comment on table private.remembered_limits is 'private.limit_uses of addresses whose accounts are gone.';

create table private.remembered_removals (
  digest bytea not null,
  space_id uuid not null,
  removed_at timestamptz not null,
  noted_at timestamptz not null,
  constraint remembered_removals_pkey primary key (digest, space_id)
);
comment on table private.remembered_removals is
  'private.removed_members of addresses whose accounts are gone. Without a foreign key: an account that goes holds '
  'no space that it was not in.';

create index idx_remembered_removals_space_id on private.remembered_removals (space_id);

alter table private.remembered_earnings enable row level security;
alter table private.remembered_badges enable row level security;
alter table private.remembered_places enable row level security;
alter table private.remembered_streaks enable row level security;
alter table private.remembered_limits enable row level security;
alter table private.remembered_removals enable row level security;

-- Functions ----------------------------------------------------------------------------------------------------------

create function private.was_badge_paid(user_id uuid, badge_id uuid)
returns boolean
language plpgsql
security definer
set search_path = ''
as $$
begin
  -- Two accounts that complete a badge at once do so one after the other.
  perform pg_advisory_xact_lock(hashtextextended('badges:' || held.digest, 0))
  from (
    select encode(known_addresses.digest, 'hex') as digest
    from private.known_addresses
    where known_addresses.user_id = was_badge_paid.user_id
    order by 1
  ) as held;
  return exists (
    select
    from private.known_addresses
    join private.remembered_badges using (digest)
    where known_addresses.user_id = was_badge_paid.user_id and remembered_badges.badge_id = was_badge_paid.badge_id
  ) or exists (
    select
    from private.known_addresses as own
    join private.known_addresses as others using (digest)
    join public.user_badges on user_badges.user_id = others.user_id
    where own.user_id = was_badge_paid.user_id
      and others.user_id <> was_badge_paid.user_id
      and user_badges.badge_id = was_badge_paid.badge_id
  );
end;
$$;
comment on function private.was_badge_paid(uuid, uuid) is
  'Return true if another account of one of the person''s addresses, there or gone, has had the badge. Definer; not '
  'granted, only other definer functions call it.';

create function private.was_place_paid(user_id uuid, idempotency_key text)
returns boolean
language plpgsql
stable
security definer
set search_path = ''
as $$
begin
  -- One statement, and so one moment: an account that is being deleted is there, or remembered.
  return exists (
    select
    from public.transactions
    where transactions.user_id in (select private.accounts_of(was_place_paid.user_id))
      and transactions.idempotency_key = was_place_paid.idempotency_key
  ) or exists (
    select
    from private.known_addresses
    join private.remembered_places using (digest)
    where known_addresses.user_id = was_place_paid.user_id
      and remembered_places.idempotency_key = was_place_paid.idempotency_key
  );
end;
$$;
comment on function private.was_place_paid(uuid, text) is
  'Return true if this key of the ledger was paid to an account of the person, there or gone. Definer; not granted, '
  'only other definer functions call it.';

create function private.was_streak_paid(user_id uuid, milestone integer, first_week integer, last_week integer)
returns boolean
language sql
stable
security definer
set search_path = ''
as $$
  -- One statement, and so one moment: an account that is being deleted is there, or remembered.
  select exists (
    select
    from private.paid_streaks
    where paid_streaks.user_id in (select private.accounts_of(was_streak_paid.user_id))
      and paid_streaks.milestone = was_streak_paid.milestone
      and paid_streaks.last_week >= was_streak_paid.first_week
      and paid_streaks.first_week <= was_streak_paid.last_week
  ) or exists (
    select
    from private.known_addresses
    join private.remembered_streaks using (digest)
    where known_addresses.user_id = was_streak_paid.user_id
      and remembered_streaks.milestone = was_streak_paid.milestone
      and remembered_streaks.last_week >= was_streak_paid.first_week
      and remembered_streaks.first_week <= was_streak_paid.last_week
  );
$$;
comment on function private.was_streak_paid(uuid, integer, integer, integer) is
  'Return true if one of these weeks was paid for as this milestone to an account of the person, there or gone. '
  'Definer; not granted, only other definer functions call it.';

create function private.forget_addresses(at timestamptz)
returns void
language sql
security definer
set search_path = ''
as $$
  delete from private.remembered_earnings where week < private.week_index(forget_addresses.at) - 8;
  delete from private.remembered_places
  where not exists (
    select from public.spaces
    where spaces.id = remembered_places.space_id and spaces.current_week = remembered_places.week_number
  );
  delete from private.remembered_streaks where noted_at < forget_addresses.at - interval '1 year';
  delete from private.former_addresses where noted_at < forget_addresses.at - interval '1 year';
  delete from private.remembered_badges where noted_at < forget_addresses.at - interval '1 year';
  delete from private.remembered_limits where began_at < forget_addresses.at - interval '1 year';
  delete from private.remembered_removals where noted_at < forget_addresses.at - interval '1 year';
$$;
comment on function private.forget_addresses(timestamptz) is
  'Forget what is remembered of addresses: places with their week, earnings after eight weeks, the rest after a '
  'year. Definer; not granted, only the sweep calls it.';

-- Triggers -----------------------------------------------------------------------------------------------------------

create function private.note_addresses()
returns trigger
language plpgsql
security definer
set search_path = ''
as $$
begin
  insert into private.remembered_earnings (digest, code, week, paid)
  select leaving.digest, weekly_earnings.code, weekly_earnings.week, max(weekly_earnings.paid)
  from (select user_id as id, digest from private.known_addresses where user_id in (select id from gone)) as leaving
  join private.weekly_earnings on weekly_earnings.user_id = leaving.id
  group by leaving.digest, weekly_earnings.code, weekly_earnings.week
  on conflict on constraint remembered_earnings_pkey do update
  set paid = greatest(remembered_earnings.paid, excluded.paid);

  insert into private.remembered_badges (digest, badge_id, noted_at)
  select distinct leaving.digest, user_badges.badge_id, now()
  from (select user_id as id, digest from private.known_addresses where user_id in (select id from gone)) as leaving
  join public.user_badges on user_badges.user_id = leaving.id
  on conflict on constraint remembered_badges_pkey do update
  set noted_at = excluded.noted_at;

  insert into private.remembered_places (digest, idempotency_key, space_id, week_number)
  select distinct leaving.digest, transactions.idempotency_key, spaces.id, spaces.current_week
  from (select user_id as id, digest from private.known_addresses where user_id in (select id from gone)) as leaving
  join public.transactions on transactions.user_id = leaving.id and transactions.type = 'EARN_RESPONSE'
  join public.spaces
    on spaces.id = private.try_uuid(split_part(transactions.idempotency_key, ':', 2))
    and split_part(transactions.idempotency_key, ':', 3) = spaces.current_week::text
  on conflict do nothing;

  insert into private.remembered_streaks (digest, milestone, first_week, last_week, noted_at)
  select leaving.digest, paid_streaks.milestone, paid_streaks.first_week, max(paid_streaks.last_week), now()
  from (select user_id as id, digest from private.known_addresses where user_id in (select id from gone)) as leaving
  join private.paid_streaks on paid_streaks.user_id = leaving.id
  group by leaving.digest, paid_streaks.milestone, paid_streaks.first_week
  on conflict on constraint remembered_streaks_pkey do update
  set last_week = greatest(remembered_streaks.last_week, excluded.last_week), noted_at = excluded.noted_at;

  insert into private.remembered_limits (digest, code, began_at, used)
  select leaving.digest, limit_uses.code, max(limit_uses.began_at), max(limit_uses.used)
  from (select user_id as id, digest from private.known_addresses where user_id in (select id from gone)) as leaving
  join private.limit_uses on limit_uses.holder_id = leaving.id
  group by leaving.digest, limit_uses.code
  on conflict on constraint remembered_limits_pkey do update
  set began_at = excluded.began_at, used = excluded.used
  where (excluded.began_at, excluded.used) > (remembered_limits.began_at, remembered_limits.used);

  insert into private.remembered_removals (digest, space_id, removed_at, noted_at)
  select leaving.digest, removed_members.space_id, max(removed_members.removed_at), now()
  from (select user_id as id, digest from private.known_addresses where user_id in (select id from gone)) as leaving
  join private.removed_members on removed_members.user_id = leaving.id
  group by leaving.digest, removed_members.space_id
  on conflict on constraint remembered_removals_pkey do update
  set removed_at = greatest(remembered_removals.removed_at, excluded.removed_at), noted_at = excluded.noted_at;

  insert into private.former_addresses (user_id, digest, noted_at)
  select known_addresses.user_id, known_addresses.digest, now()
  from private.known_addresses
  where known_addresses.user_id in (select id from gone)
  on conflict do nothing;
  delete from private.known_addresses where user_id in (select id from gone);
  return null;
end;
$$;
comment on function private.note_addresses() is
  'Trigger on auth.users, by its name between hold_departing() and remove_users(): remember what an address must not '
  'start over. Definer because no role reaches these tables; safe because it only fires for accounts that are gone.';

create trigger monogram__note_addresses
  after delete on auth.users
  referencing old table as gone
  for each statement execute function private.note_addresses();

create function private.share_counts()
returns trigger
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_accounts uuid[];
begin
  -- One that is being deleted is not waited for.
  v_accounts := array(
    select users.id
    from public.users
    where users.id = any (array(select private.accounts_of(new.id)))
    for key share skip locked
  );
  insert into private.weekly_earnings (user_id, code, week, paid)
  select account.id, counted.code, counted.week, counted.paid
  from (
    select weekly_earnings.code, weekly_earnings.week, max(weekly_earnings.paid) as paid
    from private.weekly_earnings
    where weekly_earnings.user_id = any (v_accounts)
    group by weekly_earnings.code, weekly_earnings.week
  ) as counted
  cross join unnest(v_accounts) as account (id)
  where cardinality(v_accounts) > 1
  order by account.id, counted.code, counted.week
  on conflict on constraint weekly_earnings_pkey do update
  set paid = greatest(weekly_earnings.paid, excluded.paid);

  insert into private.limit_uses (holder_id, code, began_at, used)
  select account.id, counted.code, counted.began_at, counted.used
  from (
    select limit_uses.code, max(limit_uses.began_at) as began_at, max(limit_uses.used) as used
    from private.limit_uses
    join private.limits using (code)
    where limit_uses.holder_id = any (v_accounts) and limit_uses.began_at + limits.per > clock_timestamp()
    group by limit_uses.code
  ) as counted
  cross join unnest(v_accounts) as account (id)
  where cardinality(v_accounts) > 1
  order by account.id, counted.code
  on conflict on constraint limit_uses_pkey do update
  set began_at = excluded.began_at, used = excluded.used;
  return null;
end;
$$;
comment on function private.share_counts() is
  'Trigger on auth.users, by its name after know_address() and recognize_address(): the counts of accounts that have '
  'come to share an address are those of the one that has used most. Definer because no role reaches these tables; '
  'safe because it only raises counts.';

create trigger monogram__share_counts
  after insert or update of email, phone on auth.users
  for each row execute function private.share_counts();

create function private.recognize_address()
returns trigger
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_digests bytea[] := array(select digest from private.known_addresses where user_id = new.id);
begin
  insert into private.weekly_earnings (user_id, code, week, paid)
  select new.id, remembered_earnings.code, remembered_earnings.week, max(remembered_earnings.paid)
  from private.remembered_earnings
  join public.reward_rules using (code)
  where remembered_earnings.digest = any (v_digests)
  group by remembered_earnings.code, remembered_earnings.week;

  insert into private.limit_uses (holder_id, code, began_at, used)
  select distinct on (remembered_limits.code)
    new.id, remembered_limits.code, remembered_limits.began_at, remembered_limits.used
  from private.remembered_limits
  join private.limits using (code)
  where remembered_limits.digest = any (v_digests)
  order by remembered_limits.code, remembered_limits.began_at desc, remembered_limits.used desc;

  insert into private.removed_members (space_id, user_id, removed_at)
  select remembered_removals.space_id, new.id, max(remembered_removals.removed_at)
  from private.remembered_removals
  join public.spaces on spaces.id = remembered_removals.space_id
  where remembered_removals.digest = any (v_digests)
  group by remembered_removals.space_id;
  return null;
end;
$$;
comment on function private.recognize_address() is
  'Trigger on auth.users, by its name after create_user() and know_address(): an address that had an account goes on '
  'where that one ended. Definer because no role reaches these tables; safe because it only fires for a new account, '
  'and says nothing.';

create trigger monogram__recognize_address
  after insert on auth.users
  for each row execute function private.recognize_address();
