-- The ledger of tokens. What taking part pays and what people give each other are topics of their own.
--
-- private.post_transaction() is the only place that writes a transaction or a balance. It holds the person's row while
-- it does, so the balance is always the sum of the ledger and the balance_after of its newest row. A key per person
-- makes every posting happen once: what is rewarded names itself (a place of a space's week), whoever asks and however
-- often. Each row carries a hash over itself and the row before it, so that a changed ledger does not fit together.

create type public.transaction_type as enum (
  'EARN_RESPONSE', 'EARN_CURATOR', 'EARN_STREAK', 'EARN_BADGE', 'EARN_GIFT', 'SPEND_PURCHASE', 'SPEND_GIFT'
);

-- Tables -------------------------------------------------------------------------------------------------------------

create table public.transactions (
  id uuid primary key default gen_random_uuid(),
  seq bigint generated always as identity,
  user_id uuid not null references public.users (id) on delete cascade,
  type public.transaction_type not null,
  amount bigint not null,
  balance_after bigint not null,
  reference_type text not null,
  reference_id uuid,
  description text,
  idempotency_key text not null,
  limit_reached boolean not null default false,
  created_at timestamptz not null default clock_timestamp(),
  hash bytea not null,
  constraint transactions_user_id_idempotency_key_key unique (user_id, idempotency_key),
  constraint transactions_amount_sign check (case when type::text like 'EARN%' then amount > 0 else amount < 0 end),
  constraint transactions_balance_not_negative check (balance_after >= 0),
  -- The largest whole number that every reader of JSON keeps exact.
  constraint transactions_balance_bounded check (balance_after <= 9007199254740991)
);
comment on table public.transactions is
  'The ledger: append-only, whoever asks. Triggers: transactions__keep (no update, no delete), '
  'transactions__keep_all (no truncate).';
comment on column public.transactions.seq is 'The order of the ledger.';
comment on column public.transactions.amount is 'Signed tokens: earned above zero, spent below.';
comment on column public.transactions.balance_after is 'The person''s balance after this row.';
comment on column public.transactions.reference_type is
  'What it was for: prompt, rotation, streak, badge, gift, purchase.';
comment on column public.transactions.reference_id is 'The id of what it was for; may outlive it.';
comment on column public.transactions.idempotency_key is
  'What was posted, unique per person: response:{space_id}:{week}:{place}, gift:{gift_id} ...';
comment on column public.transactions.limit_reached is
  'Whether this is the last that its reward rule pays the person in this calendar week.';
comment on column public.transactions.hash is
  'SHA-256 over the hash of the person''s row before it and all other columns: private.entry_hash().';

create index idx_transactions_user_id on public.transactions (user_id, seq desc);
create index idx_transactions_created_at on public.transactions (user_id, created_at desc);
create unique index transactions_curation_key on public.transactions (reference_id) where type = 'EARN_CURATOR';

create table private.ledger_heads (
  user_id uuid primary key references public.users (id) on delete cascade,
  entries bigint not null,
  last_seq bigint not null,
  hash bytea not null,
  constraint ledger_heads_entries_positive check (entries > 0)
);
comment on table private.ledger_heads is
  'Where each person''s chain of transactions ends: how many there are, the newest and its hash. Kept apart from the '
  'ledger, so that a missing end is found as well.';

create table private.closed_accounts (
  id bigint generated always as identity primary key,
  user_id uuid not null,
  entries bigint not null,
  last_seq bigint,
  hash bytea not null,
  token_balance bigint not null,
  closed_at timestamptz not null default now()
);
comment on table private.closed_accounts is
  'What stays of a ledger when its account goes: where the chain ended, and the balance. Without a foreign key, '
  'since the person is gone.';

create index idx_closed_accounts_user_id on private.closed_accounts (user_id);

create table private.closed_entries (
  reference_id uuid not null,
  user_id uuid not null,
  type public.transaction_type not null,
  amount bigint not null,
  primary key (reference_id, user_id)
);
comment on table private.closed_entries is
  'The id and amount of each gift and purchase in the ledger of an account that is gone, so that the other side of a '
  'gift can still be checked.';

create index idx_closed_entries_user_id on private.closed_entries (user_id);

alter table public.transactions enable row level security;
alter table private.ledger_heads enable row level security;
alter table private.closed_accounts enable row level security;
alter table private.closed_entries enable row level security;

-- Policies and grants ------------------------------------------------------------------------------------------------

create policy "People read their own transactions" on public.transactions
  for select to authenticated using (user_id = (select auth.uid()));

grant select on public.transactions to authenticated, service_role;

-- Functions ----------------------------------------------------------------------------------------------------------

create function private.entry_hash(previous bytea, entry public.transactions)
returns bytea
language plpgsql
stable
set search_path = ''
as $$
begin
  -- A JSON array of all columns is one text for one row; times are counted from the epoch, whatever the session's
  -- zone.
  return sha256(
    entry_hash.previous || convert_to(
      jsonb_build_array(
        entry.id, entry.seq, entry.user_id, entry.type, entry.amount, entry.balance_after, entry.reference_type,
        entry.reference_id, entry.description, entry.idempotency_key, entry.limit_reached,
        extract(epoch from entry.created_at)::text
      )::text,
      'UTF8'
    )
  );
end;
$$;
comment on function private.entry_hash(bytea, public.transactions) is
  'Return the hash of a transaction that follows one with this hash; empty before a person''s first.';

create function private.post_transaction(
  user_id uuid,
  type public.transaction_type,
  amount bigint,
  reference_type text,
  reference_id uuid,
  idempotency_key text,
  description text default null,
  limit_reached boolean default false
)
returns boolean
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_max constant bigint := 9007199254740991;
  v_balance bigint;
  v_head private.ledger_heads;
  v_entry public.transactions;
begin
  select token_balance into v_balance
  from public.users
  where id = post_transaction.user_id
  for no key update;
  if not found or exists (
    select from public.transactions
    where transactions.user_id = post_transaction.user_id
      and transactions.idempotency_key = post_transaction.idempotency_key
  ) then
    return false;
  end if;
  if v_balance + least(post_transaction.amount, 0) < 0 then
    perform private.fail(
      'MG501', format('The balance is %s tokens; this takes %s.', v_balance, -post_transaction.amount)
    );
  end if;
  if v_balance > v_max - post_transaction.amount then
    if post_transaction.type = 'EARN_GIFT' then
      perform private.fail('MG507', format('A balance holds at most %s tokens.', v_max));
    end if;
    return false;
  end if;

  select * into v_head from private.ledger_heads where ledger_heads.user_id = post_transaction.user_id;
  v_entry.id := gen_random_uuid();
  v_entry.seq := nextval('public.transactions_seq_seq');
  v_entry.user_id := post_transaction.user_id;
  v_entry.type := post_transaction.type;
  v_entry.amount := post_transaction.amount;
  v_entry.balance_after := v_balance + post_transaction.amount;
  v_entry.reference_type := post_transaction.reference_type;
  v_entry.reference_id := post_transaction.reference_id;
  v_entry.description := post_transaction.description;
  v_entry.idempotency_key := post_transaction.idempotency_key;
  v_entry.limit_reached := post_transaction.limit_reached;
  v_entry.created_at := clock_timestamp();
  v_entry.hash := private.entry_hash(coalesce(v_head.hash, ''), v_entry);
  insert into public.transactions (
    id, seq, user_id, type, amount, balance_after, reference_type, reference_id, description, idempotency_key,
    limit_reached, created_at, hash
  )
  overriding system value
  values (
    v_entry.id, v_entry.seq, v_entry.user_id, v_entry.type, v_entry.amount, v_entry.balance_after,
    v_entry.reference_type, v_entry.reference_id, v_entry.description, v_entry.idempotency_key, v_entry.limit_reached,
    v_entry.created_at, v_entry.hash
  )
  on conflict do nothing;
  if not found then
    return false;
  end if;
  update private.ledger_heads
  set entries = ledger_heads.entries + 1, last_seq = v_entry.seq, hash = v_entry.hash
  where ledger_heads.user_id = v_entry.user_id;
  if not found then
    insert into private.ledger_heads (user_id, entries, last_seq, hash)
    values (v_entry.user_id, 1, v_entry.seq, v_entry.hash);
  end if;
  update public.users
  set token_balance = v_entry.balance_after
  where id = post_transaction.user_id;
  return true;
end;
$$;
comment on function private.post_transaction(uuid, public.transaction_type, bigint, text, uuid, text, text, boolean) is
  'Post to the ledger, once per key; returns true if it was posted now: not if the key was used, if there is no such '
  'person, or if a reward would exceed the largest balance. MG501 where the balance does not suffice, MG507 for a '
  'gift beyond the largest balance. Definer; not granted, only other definer functions call it.';

create function private.must_post(
  user_id uuid,
  type public.transaction_type,
  amount bigint,
  reference_type text,
  reference_id uuid,
  description text
)
returns void
language plpgsql
security definer
set search_path = ''
as $$
begin
  if not private.post_transaction(
    must_post.user_id, must_post.type, must_post.amount, must_post.reference_type, must_post.reference_id,
    must_post.reference_type || ':' || must_post.reference_id::text, must_post.description
  ) then
    perform private.fail('MG506');
  end if;
end;
$$;
comment on function private.must_post(uuid, public.transaction_type, bigint, text, uuid, text) is
  'Post one side of a command, or refuse the whole command (MG506): both sides of a gift, and what a purchase costs, '
  'are posted now or nothing is. Definer; not granted, only other definer functions call it.';

-- Triggers -----------------------------------------------------------------------------------------------------------

create function private.keep_transaction()
returns trigger
language plpgsql
security definer
set search_path = ''
as $$
begin
  if tg_op = 'DELETE' and not exists (select from public.users where id = old.user_id) then
    return old;
  end if;
  perform private.fail('MG505');
  return null;
end;
$$;
comment on function private.keep_transaction() is
  'Trigger: refuse to change or delete a transaction, service keys included. A person''s ledger goes only with the '
  'person. Definer to see whether the person is still there; safe because it only refuses.';

create trigger transactions__keep
  before update or delete on public.transactions
  for each row execute function private.keep_transaction();

create function private.keep_all_transactions()
returns trigger
language plpgsql
set search_path = ''
as $$
begin
  perform private.fail('MG505');
  return null;
end;
$$;
comment on function private.keep_all_transactions() is 'Trigger: refuse to truncate the ledger.';

create trigger transactions__keep_all
  before truncate on public.transactions
  for each statement execute function private.keep_all_transactions();

create function private.close_ledger()
returns trigger
language plpgsql
security definer
set search_path = ''
as $$
begin
  insert into private.closed_accounts (user_id, entries, last_seq, hash, token_balance)
  select old.id, coalesce(ledger_heads.entries, 0), ledger_heads.last_seq, coalesce(ledger_heads.hash, ''), old.token_balance
  from (values (1)) as always (one)
  left join private.ledger_heads on ledger_heads.user_id = old.id;
  insert into private.closed_entries (reference_id, user_id, type, amount)
  select transactions.reference_id, transactions.user_id, transactions.type, transactions.amount
  from public.transactions
  where transactions.user_id = old.id
    and transactions.type in ('SPEND_GIFT', 'EARN_GIFT', 'SPEND_PURCHASE')
    and transactions.reference_id is not null
  on conflict do nothing;
  delete from private.ledger_checkpoints where user_id = old.id;
  return old;
end;
$$;
comment on function private.close_ledger() is
  'Trigger: keep where a ledger ended, and the id and amount of each gift and purchase in it, before it goes with '
  'its account. Definer because the auth service has no rights here; safe because it only fires for an account that '
  'is being deleted.';

-- After users__hand_over, by its name: what giving spaces away sets off is in the ledger by then.
create trigger users__settle_ledger
  before delete on public.users
  for each row execute function private.close_ledger();
