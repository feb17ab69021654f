-- Tokens: what taking part pays, the ledger, and gifts.
--
-- private.post_transaction() is the only place that writes a transaction or a balance. It holds the person's row while
-- it does, so the balance is always the sum of the ledger and the balance_after of its newest row. A key per person
-- makes every posting happen once: what is rewarded names itself (a place of a space's week), whoever asks and however
-- often. Each row carries a hash over itself and the row before it, so that a changed ledger does not fit together.

create type public.transaction_type as enum (
  'EARN_RESPONSE', 'EARN_CURATOR', 'EARN_STREAK', 'EARN_BADGE', 'EARN_GIFT', 'SPEND_PURCHASE', 'SPEND_GIFT'
);

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
  'How many tokens each kind of earning pays; 0 pays nothing. Badges carry their own token_reward. What was paid stays paid. '
  'Trigger: reward_rules__require_columns.';
comment on column public.reward_rules.milestones is 'For streaks: the lengths in weeks that pay, at amount tokens a week.';
comment on column public.reward_rules.weekly_limit is
  'How often it pays a person in a calendar week, over all spaces; null for no limit. What is above earns nothing.';

insert into public.reward_rules (code, amount, milestones, weekly_limit, description) values
  ('response', 50, null, 100, 'Publishing a response, once per person and place in a week of a space.'),
  ('curation', 100, null, 10, 'Publishing the first prompts of a week, once per space and week.'),
  ('streak', 10, '{3,5,10,25,52}', null, 'Reaching a streak milestone: tokens for each week of it.');

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
  'The ledger: append-only, whoever asks. Triggers: transactions__keep (no update, no delete), transactions__keep_all (no truncate).';
comment on column public.transactions.seq is 'The order of the ledger.';
comment on column public.transactions.amount is 'Signed tokens: earned above zero, spent below.';
comment on column public.transactions.balance_after is 'The person''s balance after this row.';
comment on column public.transactions.reference_type is 'What it was for: prompt, rotation, streak, badge, gift, purchase.';
comment on column public.transactions.reference_id is 'The id of what it was for; may outlive it.';
comment on column public.transactions.idempotency_key is 'What was posted, unique per person: response:{space_id}:{week}:{place}, gift:{gift_id} ...';
comment on column public.transactions.limit_reached is
  'Whether this is the last that its reward rule pays the person in this calendar week.';
comment on column public.transactions.hash is
  'SHA-256 over the hash of the person''s row before it and all other columns: private.entry_hash().';

create index idx_transactions_user_id on public.transactions (user_id, seq desc);
create index idx_transactions_created_at on public.transactions (user_id, created_at desc);
create unique index transactions_curation_key on public.transactions (reference_id) where type = 'EARN_CURATOR';

create table public.token_gifts (
  id uuid primary key default gen_random_uuid(),
  -- Looked at in the end, so that people are held first, in their order, and not in the order of the rows.
  sender_id uuid default auth.uid() references public.users (id) on delete set null deferrable initially deferred,
  recipient_id uuid references public.users (id) on delete set null deferrable initially deferred,
  amount bigint not null,
  message text,
  idempotency_key text not null default gen_random_uuid()::text,
  created_at timestamptz not null default clock_timestamp(),
  constraint token_gifts_sender_id_idempotency_key_key unique (sender_id, idempotency_key),
  constraint token_gifts_to_another check (sender_id <> recipient_id),
  constraint token_gifts_amount_positive check (amount > 0),
  constraint token_gifts_message_length check (char_length(message) <= 280),
  constraint token_gifts_idempotency_key_length check (char_length(idempotency_key) between 1 and 200)
);
comment on table public.token_gifts is
  'Tokens from one person to another; a gift outlives both accounts. Triggers: token_gifts__bound_rows, token_gifts__check_values, token_gifts__require_columns, token_gifts__take_id, '
  'token_gifts__limit, token_gifts__move_tokens (two transactions), token_gifts__forget_words (of accounts that are gone).';
comment on column public.token_gifts.sender_id is 'Who gave; null once the account is gone.';
comment on column public.token_gifts.recipient_id is 'Who received; null once the account is gone.';
comment on column public.token_gifts.message is
  'What the sender wrote; null once both accounts are gone, or the sender was taken out with their words.';
comment on column public.token_gifts.idempotency_key is
  'The sender''s own name for this gift: the same gift sent twice happens once. A second insert adds no row; '
  'transfer_tokens() answers the first one. MG502 for another gift under the same name.';

create index idx_token_gifts_sender_id on public.token_gifts (sender_id, created_at desc, id desc);
create index idx_token_gifts_recipient_id on public.token_gifts (recipient_id, created_at desc, id desc);

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
  'What stays of a ledger when its account goes: where the chain ended, and the balance. Without a foreign key, since '
  'the person is gone.';

create index idx_closed_accounts_user_id on private.closed_accounts (user_id);

create table private.closed_entries (
  reference_id uuid not null,
  user_id uuid not null,
  type public.transaction_type not null,
  amount bigint not null,
  primary key (reference_id, user_id)
);
comment on table private.closed_entries is
  'The id and amount of each gift and purchase in the ledger of an account that is gone, so that the other side of a gift '
  'can still be checked.';

create index idx_closed_entries_user_id on private.closed_entries (user_id);

create table private.weekly_earnings (
  user_id uuid not null references public.users (id) on delete cascade,
  code text not null references public.reward_rules (code) on delete cascade,
  week integer not null,
  paid integer not null default 0,
  withheld integer not null default 0,
  primary key (user_id, code, week)
);
comment on table private.weekly_earnings is
  'How often each reward rule paid a person in a calendar week (private.week_index), and how often it did not because '
  'reward_rules.weekly_limit was reached.';

create index idx_weekly_earnings_code on private.weekly_earnings (code);

alter table private.ledger_heads enable row level security;
alter table private.closed_accounts enable row level security;
alter table private.closed_entries enable row level security;
alter table private.weekly_earnings enable row level security;
alter table public.reward_rules enable row level security;
alter table public.transactions enable row level security;
alter table public.token_gifts enable row level security;

create policy "People see what taking part pays" on public.reward_rules
  for select to authenticated using (true);

create policy "People read their own transactions" on public.transactions
  for select to authenticated using (user_id = (select auth.uid()));

create policy "People read gifts they sent or received" on public.token_gifts
  for select to authenticated using (sender_id = (select auth.uid()) or recipient_id = (select auth.uid()));

create policy "People send gifts as themselves" on public.token_gifts
  for insert to authenticated with check (sender_id = (select auth.uid()));

grant select on public.reward_rules to authenticated, service_role;
grant update (amount, milestones, weekly_limit, description) on public.reward_rules to service_role;
grant select on public.transactions to authenticated, service_role;
grant select on public.token_gifts to authenticated, service_role;
grant insert (id, sender_id, recipient_id, amount, message, idempotency_key) on public.token_gifts to authenticated, service_role;

create trigger reward_rules__require_columns
  before update on public.reward_rules
  for each row when (new.amount is null or new.description is null)
  execute function private.require_columns('amount', 'description');

create trigger reward_rules__touch_updated_at
  before update on public.reward_rules
  for each row execute function private.touch_updated_at();

-- The ledger --------------------------------------------------------------------------------------------------------

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

create function private.entry_hash(previous bytea, entry public.transactions)
returns bytea
language plpgsql
stable
set search_path = ''
as $$
begin
  -- A JSON array of all columns is one text for one row; times are counted from the epoch, whatever the session's zone.
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
  'The hash of a transaction that follows one with this hash; empty before a person''s first.';

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
  insert into private.ledger_heads (user_id, entries, last_seq, hash)
  values (v_entry.user_id, 1, v_entry.seq, v_entry.hash)
  on conflict on constraint ledger_heads_pkey do update
  set entries = ledger_heads.entries + 1, last_seq = excluded.last_seq, hash = excluded.hash;
  update public.users
  set token_balance = v_entry.balance_after
  where id = post_transaction.user_id;
  return true;
end;
$$;
comment on function private.post_transaction(uuid, public.transaction_type, bigint, text, uuid, text, text, boolean) is
  'Post to the ledger, once per key; answers whether it was posted now: not where the key was used, where there is no such '
  'person, and no reward beyond the largest balance. MG501 where the balance does not suffice, MG507 for a gift beyond the '
  'largest balance. Definer; not granted, only other definer functions call it.';

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
  'Post one side of a command, or refuse the whole command (MG506): both sides of a gift, and what a purchase costs, are '
  'posted now or nothing is. Definer; not granted, only other definer functions call it.';

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
  -- The rows of all accounts of a person are held, in their order, and say the same. An account that is being deleted is not
  -- waited for.
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
  '(private.week_index); answers whether it was paid now. Definer; not granted, only other definer functions call it.';

create function private.lock_people(user_ids uuid[])
returns void
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_user_id uuid;
begin
  if not private.is_client() then
    perform from public.users where id = any (lock_people.user_ids) order by id for no key update;
    return;
  end if;
  for v_user_id in select id from public.users where id = any (lock_people.user_ids) order by id loop
    perform from public.users where id = v_user_id for no key update;
    -- Who holds but themselves keeps nobody else.
    perform private.wait_briefly(is_holding => v_user_id is distinct from (select auth.uid()));
  end loop;
end;
$$;
comment on function private.lock_people(uuid[]) is
  'Hold several people''s rows, always in the same order, so that no two transactions wait for each other. A client who holds '
  'somebody else waits briefly for the next. Definer; not granted, only other definer functions call it.';

create function private.lock_readers(user_ids uuid[])
returns void
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_lock_timeout text := current_setting('lock_timeout');
begin
  perform set_config(
    'lock_timeout', coalesce(nullif(current_setting('monogram.lock_timeout', true), ''), v_lock_timeout), true
  );
  perform from public.users where id = any (lock_readers.user_ids) order by id for no key update;
  perform set_config('lock_timeout', v_lock_timeout, true);
end;
$$;
comment on function private.lock_readers(uuid[]) is
  'The same for whom a newsletter is about: wait as long as it takes, so that no member keeps a space from its newsletter by '
  'keeping their own row busy. A day''s few newsletters bound how often. Definer; not granted, only send_newsletter() calls it.';

-- Gifts -------------------------------------------------------------------------------------------------------------

create function private.check_gift_values()
returns trigger
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_gift public.token_gifts;
begin
  if new.sender_id is null then
    perform private.fail('MG001', 'sender_id', 'sender_id is the id of who gives.');
  end if;
  if new.sender_id = new.recipient_id then
    perform private.fail('MG503');
  end if;
  if new.amount is null or new.amount <= 0 then
    perform private.fail('MG001', 'amount', 'amount is a whole number of tokens above zero.');
  end if;
  perform private.check_text('message', new.message, 0, 280);
  perform private.check_text('idempotency_key', new.idempotency_key, 1, 200);
  -- Whose keys were used is told to nobody else.
  if not private.is_client() or new.sender_id = (select auth.uid()) then
    -- One sender's gifts come one after another, so that what a key was used for is known for certain. People are not held
    -- yet: another gift of the same statement may be between people who come before these.
    perform pg_advisory_xact_lock(hashtextextended('gifts:' || new.sender_id::text, 0));
    select * into v_gift
    from public.token_gifts
    where token_gifts.sender_id = new.sender_id and token_gifts.idempotency_key = new.idempotency_key;
    if found then
      if coalesce(v_gift.recipient_id <> new.recipient_id, false)
        or (v_gift.amount, v_gift.message) is distinct from (new.amount, new.message)
      then
        perform private.fail(
          'MG502', 'A gift with this key is there already.',
          'Use a new key for a new gift; to send one again, repeat it with the same content.'
        );
      end if;
      return null;
    end if;
  end if;
  return new;
end;
$$;
comment on function private.check_gift_values() is
  'Trigger: refuse bad values in words; a gift that was sent already is not inserted again, and MG502 where its key was used for '
  'another. Definer to see gifts whatever the policies show; safe because it answers nothing but that refusal, to the sender '
  'only.';

create trigger token_gifts__check_values
  before insert on public.token_gifts
  for each row execute function private.check_gift_values();

create trigger token_gifts__require_columns
  before insert on public.token_gifts
  for each row when (new.idempotency_key is null)
  execute function private.require_columns('idempotency_key');

create trigger token_gifts__take_id
  before insert on public.token_gifts
  for each row execute function private.take_id();

create function private.move_gift_tokens()
returns trigger
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_gift public.token_gifts;
begin
  -- Everybody whom the statement names, in one order, before they are looked for and before the first is paid: an account
  -- that is being deleted is there or gone, never both.
  perform private.lock_people(array(select sender_id from inserted union select recipient_id from inserted));
  if exists (select from inserted where sender_id = (select auth.uid())) then
    perform private.hold_account((select auth.uid()));
  end if;
  for v_gift in select * from inserted order by created_at, id loop
    if not exists (select from public.users where id = v_gift.recipient_id) then
      perform private.fail('MG504');
    end if;
    -- Without the message: nothing leaves the ledger again, and words have to be able to.
    perform private.must_post(v_gift.sender_id, 'SPEND_GIFT', -v_gift.amount, 'gift', v_gift.id, null);
    perform private.must_post(v_gift.recipient_id, 'EARN_GIFT', v_gift.amount, 'gift', v_gift.id, null);
    perform private.notify(
      array[v_gift.recipient_id], 'GIFT_RECEIVED', null,
      jsonb_build_object(
        'gift_id', v_gift.id, 'sender_id', v_gift.sender_id,
        'sender_name', (select display_name from public.users where id = v_gift.sender_id),
        'amount', v_gift.amount, 'message', v_gift.message
      ),
      'gift:' || v_gift.id::text
    );
  end loop;
  perform private.award_badges(array(select sender_id from inserted), '{gifts_sent}');
  return null;
end;
$$;
comment on function private.move_gift_tokens() is
  'Trigger: both transactions of each gift of a statement, or none of them. Definer because clients write neither, and to see '
  'whether the recipients exist; safe because it only fires for gifts that their policy has let in.';

create trigger token_gifts__move_tokens
  after insert on public.token_gifts
  referencing new table as inserted
  for each statement execute function private.move_gift_tokens();

create function public.transfer_tokens(
  recipient_id uuid, amount bigint, message text default null, idempotency_key text default null
)
returns public.token_gifts
language plpgsql
set search_path = ''
as $$
declare
  v_sender_id uuid := private.require_user();
  v_key text := coalesce(transfer_tokens.idempotency_key, gen_random_uuid()::text);
  v_gift public.token_gifts;
begin
  select * into v_gift
  from public.token_gifts
  where sender_id = v_sender_id and token_gifts.idempotency_key = v_key;
  if not found then
    insert into public.token_gifts (sender_id, recipient_id, amount, message, idempotency_key)
    values (v_sender_id, transfer_tokens.recipient_id, transfer_tokens.amount, transfer_tokens.message, v_key)
    on conflict on constraint token_gifts_sender_id_idempotency_key_key do nothing
    returning * into v_gift;
    if found then
      return v_gift;
    end if;
    select * into v_gift
    from public.token_gifts
    where sender_id = v_sender_id and token_gifts.idempotency_key = v_key;
  end if;
  -- Whose account is gone was somebody else or not: the rest of the gift decides.
  if coalesce(v_gift.recipient_id <> transfer_tokens.recipient_id, transfer_tokens.recipient_id is null)
    or (v_gift.amount, v_gift.message) is distinct from (transfer_tokens.amount, transfer_tokens.message)
  then
    perform private.fail('MG502');
  end if;
  return v_gift;
end;
$$;
comment on function public.transfer_tokens(uuid, bigint, text, text) is
  'Send tokens to another person and answer the gift. The same idempotency_key with the same content answers the same '
  'gift and moves nothing; with other content it is MG502. MG501 for too few tokens, MG503 for oneself, MG504 for nobody, '
  'MG507 where the recipient''s balance would grow too large.';
grant execute on function public.transfer_tokens(uuid, bigint, text, text) to authenticated;

-- What taking part pays this week -----------------------------------------------------------------------------------

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
  'Definer because clients do not reach the counts; safe because it answers for the caller only.';
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
  'What responses and curation have paid the caller in this calendar week, and how often they did not because the limit '
  'of a week was reached.';
grant execute on function public.weekly_earnings() to authenticated;

-- When an account goes ----------------------------------------------------------------------------------------------

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
  'Trigger: keep where a ledger ended, and the id and amount of each gift and purchase in it, before it goes with its '
  'account. Definer because the auth service has no rights here; safe because it only fires for an account that is being '
  'deleted.';

-- After users__hand_over, by its name: what giving spaces away sets off is in the ledger by then.
create trigger users__settle_ledger
  before delete on public.users
  for each row execute function private.close_ledger();

create function private.forget_gift_words()
returns trigger
language plpgsql
security definer
set search_path = ''
as $$
begin
  if new.sender_id is null then
    -- The sender's own name for it.
    new.idempotency_key := new.id::text;
  end if;
  if new.sender_id is null and new.recipient_id is null then
    new.message := null;
  end if;
  return new;
end;
$$;
comment on function private.forget_gift_words() is
  'Trigger: the key of a gift goes with its sender, its message when nobody is left who may read it. Definer; safe because it '
  'only fires when an account is gone.';

create trigger token_gifts__forget_words
  before update of sender_id, recipient_id on public.token_gifts
  for each row when (new.sender_id is null or new.recipient_id is null)
  execute function private.forget_gift_words();
