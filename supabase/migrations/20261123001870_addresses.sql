-- What is remembered of an address whose account is gone, so that nobody begins anew by deleting the account and signing up
-- again: what was paid in a calendar week, which badges, places of open weeks and streaks were paid, how much of a day's limits was
-- used, and which spaces somebody was removed from. Bounds are for people, and an address is what tells people apart.
--
-- Not the address: its digest, with a secret of this database, under which it is found again but not read. What is behind a
-- plus sign in it does not count, and neither does another spelling of the same mailbox (private.plain_address). All of it
-- is forgotten after a year at most.
--
-- Nor by having several accounts at once: accounts that share a digest are one person's (private.accounts_of). What they
-- have been paid in a week and what they have used of a day's limits is counted in the rows of all of them, a badge, a
-- place in a week and a week of a streak pay one of them, and who was removed as one of them is kept out as each.

create table private.address_secret (
  is_only boolean primary key default true,
  secret text not null default gen_random_uuid()::text || gen_random_uuid()::text,
  constraint address_secret_is_only check (is_only)
);
comment on table private.address_secret is
  'One row: what digests of addresses are made with, so that who has the digests cannot try addresses.';

insert into private.address_secret default values;

create table private.known_addresses (
  user_id uuid not null,
  digest bytea not null,
  constraint known_addresses_pkey primary key (user_id, digest)
);
comment on table private.known_addresses is
  'Digests of each address that an account has had: it is remembered by all of them, so that changing the address before '
  'the deletion frees none. Without a foreign key: the account is gone when note_addresses() reads them, and deletes them.';

create index idx_known_addresses_digest on private.known_addresses (digest);

create table private.former_addresses (
  user_id uuid not null,
  digest bytea not null,
  noted_at timestamptz not null,
  constraint former_addresses_pkey primary key (user_id, digest)
);
comment on table private.former_addresses is
  'private.known_addresses of accounts that are gone, so that a leader can still keep out who was faster to delete the '
  'account, and so that what an account has sent still counts for the person.';

create index idx_former_addresses_digest on private.former_addresses (digest);

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
  'Places of open weeks that were paid to addresses whose accounts are gone, by their key in the ledger: a response there pays '
  'nothing again. The sweep forgets them once the week has closed or the space is gone. Without a foreign key: an account that goes holds no space '
  'that it was not in.';

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
  'private.removed_members of addresses whose accounts are gone. Without a foreign key: an account that goes holds no space '
  'that it was not in.';

create index idx_remembered_removals_space_id on private.remembered_removals (space_id);

alter table private.address_secret enable row level security;
alter table private.known_addresses enable row level security;
alter table private.former_addresses enable row level security;
alter table private.remembered_earnings enable row level security;
alter table private.remembered_badges enable row level security;
alter table private.remembered_places enable row level security;
alter table private.remembered_streaks enable row level security;
alter table private.remembered_limits enable row level security;
alter table private.remembered_removals enable row level security;

insert into private.personal_data (part, relation, person_columns, key_expression, columns, reason) values
  ('known_addresses', 'private.known_addresses', '{user_id}', 'digest::text', null,
    'Digests that say nothing; the address is in the account.'),
  ('former_addresses', 'private.former_addresses', '{user_id}', 'digest::text', null,
    'Digests that say nothing, of accounts that are gone.');

create function private.ascii_label(label text)
returns text
language plpgsql
immutable
set search_path = ''
as $$
declare
  v_points integer[] := array(select ascii(letter) from regexp_split_to_table(ascii_label.label, '') as letter);
  v_output text := regexp_replace(ascii_label.label, '[^\x01-\x7f]', '', 'g');
  v_basic integer := char_length(v_output);
  v_done integer := v_basic;
  v_point integer;
  v_next integer := 128;
  v_bias integer := 72;
  v_delta bigint := 0;
  v_rest bigint;
  v_base integer;
  v_threshold integer;
begin
  if v_basic = char_length(ascii_label.label) then
    return ascii_label.label;
  end if;
  if v_basic > 0 then
    v_output := v_output || '-';
  end if;
  while v_done < cardinality(v_points) loop
    v_point := (select min(point) from unnest(v_points) as point where point >= v_next);
    v_delta := v_delta + (v_point - v_next)::bigint * (v_done + 1);
    v_next := v_point;
    foreach v_point in array v_points loop
      if v_point < v_next then
        v_delta := v_delta + 1;
      elsif v_point = v_next then
        v_rest := v_delta;
        v_base := 36;
        loop
          v_threshold := least(greatest(v_base - v_bias, 1), 26);
          exit when v_rest < v_threshold;
          v_output := v_output || substr(
            'abcdefghijklmnopqrstuvwxyz0123456789',
            (v_threshold + (v_rest - v_threshold) % (36 - v_threshold))::integer + 1, 1
          );
          v_rest := (v_rest - v_threshold) / (36 - v_threshold);
          v_base := v_base + 36;
        end loop;
        v_output := v_output || substr('abcdefghijklmnopqrstuvwxyz0123456789', v_rest::integer + 1, 1);
        v_delta := v_delta / case when v_done = v_basic then 700 else 2 end;
        v_done := v_done + 1;
        v_delta := v_delta + v_delta / v_done;
        v_base := 0;
        while v_delta > 455 loop
          v_delta := v_delta / 35;
          v_base := v_base + 36;
        end loop;
        v_bias := v_base + (36 * v_delta / (v_delta + 38))::integer;
        v_delta := 0;
      end if;
    end loop;
    v_delta := v_delta + 1;
    v_next := v_next + 1;
  end loop;
  return 'xn--' || v_output;
end;
$$;
comment on function private.ascii_label(text) is
  'A part of a domain name as the network spells it: Punycode (RFC 3492) where it has other letters than those of ASCII. Not '
  'granted, only other definer functions call it.';

create function private.plain_address(address text)
returns text
language plpgsql
immutable
set search_path = ''
as $$
declare
  v_address constant text := lower(normalize(btrim(plain_address.address), nfc));
  v_local text := regexp_replace(v_address, '@[^@]*$', '');
  v_domain text := translate(normalize(substring(v_address from '[^@]*$'), nfkc), U&'\3002', '.');
begin
  if strpos(v_address, '@') = 0 then
    return v_address;
  end if;
  if v_local ~ '^".*"$' then
    v_local := regexp_replace(substr(v_local, 2, char_length(v_local) - 2), '\\(.)', '\1', 'g');
  end if;
  v_local := regexp_replace(v_local, '^([^+]+)\+.*$', '\1');
  v_domain := (
    select string_agg(private.ascii_label(labels.label), '.' order by labels.place)
    from regexp_split_to_table(rtrim(v_domain, '.'), '\.') with ordinality as labels (label, place)
  );
  -- The one provider of many at which dots do not count, and which has two names.
  if v_domain in ('gmail.com', 'googlemail.com') then
    v_local := replace(v_local, '.', '');
    v_domain := 'gmail.com';
  end if;
  return v_local || '@' || v_domain;
end;
$$;
comment on function private.plain_address(text) is
  'One spelling for all of the same mailbox: lower case, no tag behind a plus sign, no quotes, no dot behind the domain, the '
  'domain in ASCII; of Gmail without dots. A telephone number stays as it is. Not granted, only other definer functions call it.';

create function private.address_digest(address text)
returns bytea
language sql
stable
security definer
set search_path = ''
as $$
  select sha256(
    convert_to(secret || ':' || private.plain_address(address_digest.address), 'UTF8')
  )
  from private.address_secret
  where address_digest.address <> '';
$$;
comment on function private.address_digest(text) is
  'What an address is remembered by; null for none. Definer; not granted, only other definer functions call it.';

create function private.accounts_of(user_id uuid)
returns setof uuid
language sql
stable
security definer
set search_path = ''
as $$
  select accounts_of.user_id
  union
  select others.user_id
  from private.known_addresses as own
  join private.known_addresses as others using (digest)
  where own.user_id = accounts_of.user_id;
$$;
comment on function private.accounts_of(uuid) is
  'The account and the others of the same person: those that share an address with it, now or '
  'formerly. Definer; not granted, only other definer functions call it.';

create function private.all_accounts_of(user_id uuid)
returns setof uuid
language sql
stable
security definer
set search_path = ''
as $$
  select private.accounts_of(all_accounts_of.user_id)
  union
  select former_addresses.user_id
  from private.known_addresses
  join private.former_addresses using (digest)
  where known_addresses.user_id = all_accounts_of.user_id;
$$;
comment on function private.all_accounts_of(uuid) is
  'private.accounts_of, and the accounts of the same person that are gone. Definer; not granted, only other definer '
  'functions call it.';

create function private.present_accounts_of(user_id uuid)
returns setof uuid
language sql
stable
security definer
set search_path = ''
as $$
  select private.accounts_of(present_accounts_of.user_id)
  union
  select known_addresses.user_id
  from private.former_addresses
  join private.known_addresses using (digest)
  where former_addresses.user_id = present_accounts_of.user_id;
$$;
comment on function private.present_accounts_of(uuid) is
  'private.accounts_of, also of an account that is gone. Definer; not granted, only other definer functions call it.';

create function private.removals_of(user_id uuid, space_id uuid)
returns setof timestamptz
language sql
stable
security definer
set search_path = ''
as $$
  select removed_members.removed_at
  from private.removed_members
  where removed_members.space_id = removals_of.space_id
    and removed_members.user_id in (select private.accounts_of(removals_of.user_id))
  union all
  select remembered_removals.removed_at
  from private.known_addresses
  join private.remembered_removals using (digest)
  where known_addresses.user_id = removals_of.user_id and remembered_removals.space_id = removals_of.space_id;
$$;
comment on function private.removals_of(uuid, uuid) is
  'When the person was removed from the space, with whichever account of theirs, and not let in again. Definer; not granted, '
  'only other definer functions call it.';

create function private.pardon(user_id uuid, space_id uuid)
returns void
language sql
security definer
set search_path = ''
as $$
  delete from private.removed_members
  where removed_members.space_id = pardon.space_id
    and removed_members.user_id in (select private.accounts_of(pardon.user_id));
  delete from private.remembered_removals
  where remembered_removals.space_id = pardon.space_id
    and remembered_removals.digest in (
      select known_addresses.digest from private.known_addresses where known_addresses.user_id = pardon.user_id
    );
$$;
comment on function private.pardon(uuid, uuid) is
  'Forget that the person was removed from the space, with whichever account of theirs. Definer; not granted, only other '
  'definer functions call it.';

create function private.keep_out_addresses(user_id uuid, space_id uuid)
returns void
language sql
security definer
set search_path = ''
as $$
  insert into private.remembered_removals (digest, space_id, removed_at, noted_at)
  select former_addresses.digest, keep_out_addresses.space_id, clock_timestamp(), now()
  from private.former_addresses
  where former_addresses.user_id = keep_out_addresses.user_id
  order by former_addresses.digest
  on conflict on constraint remembered_removals_pkey do update
  set removed_at = excluded.removed_at, noted_at = excluded.noted_at;
$$;
comment on function private.keep_out_addresses(uuid, uuid) is
  'Keep the addresses of an account that is gone out of a space. Definer; not granted, only other definer functions call it.';

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
  'Return whether another account of one of the person''s addresses, there or gone, has had the badge. Definer; not granted, only other definer functions '
  'call it.';

create function private.was_place_paid(user_id uuid, idempotency_key text)
returns boolean
language sql
stable
security definer
set search_path = ''
as $$
  -- One statement, and so one moment: an account that is being deleted is there, or remembered.
  select exists (
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
$$;
comment on function private.was_place_paid(uuid, text) is
  'Return whether this key of the ledger was paid to an account of the person, there or gone. Definer; not granted, only '
  'other definer functions call it.';

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
  'Return whether one of these weeks was paid for as this milestone to an account of the person, there or gone. Definer; not '
  'granted, only other definer functions call it.';

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
  'Trigger on auth.users, by its name between hold_departing() and remove_users(): remember what an address must not begin '
  'anew. Definer because no role reaches these tables; safe because it only fires for accounts that are gone.';

create trigger monogram__note_addresses
  after delete on auth.users
  referencing old table as gone
  for each statement execute function private.note_addresses();

create function private.know_address()
returns trigger
language plpgsql
security definer
set search_path = ''
as $$
begin
  insert into private.known_addresses (user_id, digest)
  select new.id, given.digest
  from (
    select distinct private.address_digest(address) as digest from unnest(array[new.email, new.phone]) as address
  ) as given
  where given.digest is not null
  on conflict do nothing;
  return null;
end;
$$;
comment on function private.know_address() is
  'Trigger on auth.users: note by what an account will be remembered, also when its address changes. Definer because no role '
  'reaches the table; safe because it only notes digests.';

create trigger monogram__know_address
  after insert or update of email, phone on auth.users
  for each row execute function private.know_address();

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
  'Trigger on auth.users, by its name after know_address() and recognize_address(): the counts of accounts that have come to share '
  'an address are those of the one that has used most. Definer because no role reaches these tables; safe because it only '
  'raises counts.';

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
  'Trigger on auth.users, by its name after create_user() and know_address(): an address that had an account goes on where that one ended. '
  'Definer because no role reaches these tables; safe because it only fires for a new account, and says nothing.';

create trigger monogram__recognize_address
  after insert on auth.users
  for each row execute function private.recognize_address();

create function private.forget_removals()
returns trigger
language plpgsql
security definer
set search_path = ''
as $$
begin
  delete from private.remembered_removals where space_id = old.id;
  return null;
end;
$$;
comment on function private.forget_removals() is
  'Trigger: who was removed from a space is forgotten with it. Definer because no role reaches the table; safe because it only '
  'fires for a space that is gone.';

create trigger spaces__forget_removals
  after delete on public.spaces
  for each row execute function private.forget_removals();

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
  'Forget what is remembered of addresses: places with their week, earnings after eight weeks, the rest after a year. Definer; not granted, only the '
  'sweep calls it.';
