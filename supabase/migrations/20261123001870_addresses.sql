-- Whose an account is. Bounds are for people, and an address is what tells people apart: accounts that share one, now
-- or formerly, are one person's (private.accounts_of).
--
-- Not the address is kept: its digest, with a secret of this database, under which it is found again but not read.
-- What is behind a plus sign in it does not count, and neither does another spelling of the same mailbox
-- (private.plain_address).

-- Tables -------------------------------------------------------------------------------------------------------------

create table private.address_secret (
  is_only boolean primary key default true,
  secret text not null default gen_random_uuid()::text || gen_random_uuid()::text,
  constraint address_secret_is_only check (is_only)
);
comment on table private.address_secret is
  'One row: what digests of addresses are made with, so that who has the digests cannot try addresses.';

create table private.known_addresses (
  user_id uuid not null,
  digest bytea not null,
  constraint known_addresses_pkey primary key (user_id, digest)
);
comment on table private.known_addresses is
  'Digests of each address that an account has had: it is remembered by all of them, so that changing the address '
  'before the deletion frees none. Without a foreign key: the account is gone when note_addresses() reads them, and '
  'deletes them.';

create index idx_known_addresses_digest on private.known_addresses (digest);

create table private.former_addresses (
  user_id uuid not null,
  digest bytea not null,
  noted_at timestamptz not null,
  constraint former_addresses_pkey primary key (user_id, digest)
);
comment on table private.former_addresses is
  'private.known_addresses of accounts that are gone, so that a leader can still keep out who was faster to delete '
  'the account, and so that what an account has sent still counts for the person.';

create index idx_former_addresses_digest on private.former_addresses (digest);

alter table private.address_secret enable row level security;
alter table private.known_addresses enable row level security;
alter table private.former_addresses enable row level security;

insert into private.address_secret default values;

insert into private.personal_data (part, relation, person_columns, key_expression, columns, reason) values
  ('known_addresses', 'private.known_addresses', '{user_id}', 'digest::text', null,
    'Digests that say nothing; the address is in the account.'),
  ('former_addresses', 'private.former_addresses', '{user_id}', 'digest::text', null,
    'Digests that say nothing, of accounts that are gone.');

-- Functions ----------------------------------------------------------------------------------------------------------

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
  'A part of a domain name as the network spells it: Punycode (RFC 3492) where it has characters beyond ASCII. Not '
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
  'One spelling for all of the same mailbox: lower case, no tag behind a plus sign, no quotes, no dot behind the '
  'domain, the domain in ASCII; of Gmail without dots. A telephone number stays as it is. Not granted, only other '
  'definer functions call it.';

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
  'Return what an address is remembered by; null for none. Definer; not granted, only other definer functions call '
  'it.';

create function private.accounts_of(user_id uuid)
returns setof uuid
language plpgsql
stable
security definer
set search_path = ''
as $$
begin
  return query
    select accounts_of.user_id
    union
    select others.user_id
    from private.known_addresses as own
    join private.known_addresses as others using (digest)
    where own.user_id = accounts_of.user_id;
end;
$$;
comment on function private.accounts_of(uuid) is
  'Return the account and the others of the same person: those that share an address with it, now or formerly. '
  'Definer; not granted, only other definer functions call it.';

create function private.all_accounts_of(user_id uuid)
returns setof uuid
language plpgsql
stable
security definer
set search_path = ''
as $$
begin
  return query
    select private.accounts_of(all_accounts_of.user_id)
    union
    select former_addresses.user_id
    from private.known_addresses
    join private.former_addresses using (digest)
    where known_addresses.user_id = all_accounts_of.user_id;
end;
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

-- Triggers -----------------------------------------------------------------------------------------------------------

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
  'Trigger on auth.users: note by what an account will be remembered, also when its address changes. Definer because '
  'no role reaches the table; safe because it only notes digests.';

create trigger monogram__know_address
  after insert or update of email, phone on auth.users
  for each row execute function private.know_address();
