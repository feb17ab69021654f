-- Tokens: what taking part pays, the ledger, and gifts.
--
-- private.post_transaction() is the only place that writes a transaction or a balance. It holds the person's row while
-- it does, so the balance is always the sum of the ledger and the balance_after of its newest row. A key per person
-- makes every posting happen once: what is rewarded names itself (response:{prompt_id}), whoever asks and however often.

create type public.transaction_type as enum (
  'EARN_RESPONSE', 'EARN_CURATOR', 'EARN_STREAK', 'EARN_BADGE', 'EARN_GIFT', 'SPEND_PURCHASE', 'SPEND_GIFT'
);

create table public.reward_rules (
  code text primary key,
  amount bigint not null,
  milestones integer[],
  description text not null,
  updated_at timestamptz not null default now(),
  constraint reward_rules_code_known check (code in ('response', 'curation', 'streak')),
  constraint reward_rules_amount_not_negative check (amount >= 0)
);
comment on table public.reward_rules is
  'How many tokens each kind of earning pays; 0 pays nothing. Badges carry their own token_reward. What was paid stays paid.';
comment on column public.reward_rules.milestones is 'For streaks: the lengths in weeks that pay, at amount tokens a week.';

insert into public.reward_rules (code, amount, milestones, description) values
  ('response', 50, null, 'Publishing a response, once per person and prompt.'),
  ('curation', 100, null, 'Publishing the first prompts of a week, once per space and week.'),
  ('streak', 10, '{3,5,10,25,52}', 'Reaching a streak milestone: tokens for each week of it.');

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
  created_at timestamptz not null default clock_timestamp(),
  constraint transactions_user_id_idempotency_key_key unique (user_id, idempotency_key),
  constraint transactions_amount_sign check (case when type::text like 'EARN%' then amount > 0 else amount < 0 end),
  constraint transactions_balance_not_negative check (balance_after >= 0)
);
comment on table public.transactions is
  'The ledger: append-only, whoever asks. Triggers: transactions__keep (no update, no delete), transactions__keep_all (no truncate).';
comment on column public.transactions.seq is 'The order of the ledger.';
comment on column public.transactions.amount is 'Signed tokens: earned above zero, spent below.';
comment on column public.transactions.balance_after is 'The person''s balance after this row.';
comment on column public.transactions.reference_type is 'What it was for: prompt, rotation, streak, badge, gift, purchase.';
comment on column public.transactions.reference_id is 'The id of what it was for; may outlive it.';
comment on column public.transactions.idempotency_key is 'What was posted, unique per person: response:{prompt_id}, gift:{gift_id} ...';

create index idx_transactions_user_id on public.transactions (user_id, seq desc);
create index idx_transactions_created_at on public.transactions (user_id, created_at desc);
create unique index transactions_curation_key on public.transactions (reference_id) where type = 'EARN_CURATOR';

create table public.token_gifts (
  id uuid primary key default gen_random_uuid(),
  sender_id uuid not null default auth.uid() references public.users (id) on delete cascade,
  recipient_id uuid not null references public.users (id) on delete cascade,
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
  'Tokens from one person to another. Triggers: token_gifts__check_values, token_gifts__move_tokens (two transactions).';
comment on column public.token_gifts.idempotency_key is 'The sender''s own name for this gift: the same gift sent twice happens once.';

create index idx_token_gifts_sender_id on public.token_gifts (sender_id, created_at desc, id desc);
create index idx_token_gifts_recipient_id on public.token_gifts (recipient_id, created_at desc, id desc);

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
grant update (amount, milestones, description) on public.reward_rules to service_role;
grant select on public.transactions to authenticated, service_role;
grant select on public.token_gifts to authenticated, service_role;
grant insert (id, sender_id, recipient_id, amount, message, idempotency_key) on public.token_gifts to authenticated, service_role;

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

create function private.post_transaction(
  user_id uuid,
  type public.transaction_type,
  amount bigint,
  reference_type text,
  reference_id uuid,
  idempotency_key text,
  description text default null
)
returns boolean
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_balance bigint;
begin
  select token_balance into v_balance
  from public.users
  where id = post_transaction.user_id
  for no key update;
  if exists (
    select from public.transactions
    where transactions.user_id = post_transaction.user_id
      and transactions.idempotency_key = post_transaction.idempotency_key
  ) then
    return false;
  end if;
  if v_balance + post_transaction.amount < 0 then
    perform private.fail(
      'MG501', format('The balance is %s tokens; this takes %s.', v_balance, -post_transaction.amount)
    );
  end if;
  insert into public.transactions
    (user_id, type, amount, balance_after, reference_type, reference_id, idempotency_key, description)
  values (
    post_transaction.user_id, post_transaction.type, post_transaction.amount, v_balance + post_transaction.amount,
    post_transaction.reference_type, post_transaction.reference_id, post_transaction.idempotency_key,
    post_transaction.description
  )
  on conflict do nothing;
  if not found then
    return false;
  end if;
  update public.users
  set token_balance = v_balance + post_transaction.amount
  where id = post_transaction.user_id;
  return true;
end;
$$;
comment on function private.post_transaction(uuid, public.transaction_type, bigint, text, uuid, text, text) is
  'Post to the ledger, once per key; answers whether it was posted now. MG501 where the balance does not suffice. '
  'Definer; not granted, only other definer functions call it.';

create function private.lock_people(user_ids uuid[])
returns void
language plpgsql
security definer
set search_path = ''
as $$
begin
  perform from public.users where id = any (lock_people.user_ids) order by id for no key update;
end;
$$;
comment on function private.lock_people(uuid[]) is
  'Hold several people''s rows, always in the same order, so that no two transactions wait for each other. Definer; not '
  'granted, only other definer functions call it.';

-- Gifts -------------------------------------------------------------------------------------------------------------

create function private.check_gift_values()
returns trigger
language plpgsql
security definer
set search_path = ''
as $$
begin
  if new.sender_id = new.recipient_id then
    perform private.fail('MG503');
  end if;
  if new.amount is null or new.amount <= 0 then
    perform private.fail('MG001', 'amount', 'amount is a whole number of tokens above zero.');
  end if;
  perform private.check_text('message', new.message, 0, 280);
  perform private.check_text('idempotency_key', new.idempotency_key, 1, 200);
  if not exists (select from public.users where id = new.recipient_id) then
    perform private.fail('MG504');
  end if;
  return new;
end;
$$;
comment on function private.check_gift_values() is
  'Trigger: refuse bad values in words. Definer to see whether the recipient exists; safe because it answers nothing '
  'but that refusal, which the foreign key would give as well.';

create trigger token_gifts__check_values
  before insert on public.token_gifts
  for each row execute function private.check_gift_values();

create function private.move_gift_tokens()
returns trigger
language plpgsql
security definer
set search_path = ''
as $$
begin
  perform private.lock_people(array[new.sender_id, new.recipient_id]);
  perform private.post_transaction(
    new.sender_id, 'SPEND_GIFT', -new.amount, 'gift', new.id, 'gift:' || new.id::text, new.message
  );
  perform private.post_transaction(
    new.recipient_id, 'EARN_GIFT', new.amount, 'gift', new.id, 'gift:' || new.id::text, new.message
  );
  perform private.notify(
    array[new.recipient_id], 'GIFT_RECEIVED', null,
    jsonb_build_object(
      'gift_id', new.id, 'sender_id', new.sender_id,
      'sender_name', (select display_name from public.users where id = new.sender_id),
      'amount', new.amount, 'message', new.message
    ),
    'gift:' || new.id::text
  );
  perform private.award_badges(array[new.sender_id], '{gifts_sent}');
  return null;
end;
$$;
comment on function private.move_gift_tokens() is
  'Trigger: both transactions of a gift, or none. Definer because clients write neither; safe because it only fires for '
  'a gift that its policy has let in.';

create trigger token_gifts__move_tokens
  after insert on public.token_gifts
  for each row execute function private.move_gift_tokens();

create function public.transfer_tokens(
  recipient_id uuid, amount bigint, message text default null, idempotency_key text default null
)
returns public.token_gifts
language plpgsql
set search_path = ''
as $$
declare
  v_key text := coalesce(transfer_tokens.idempotency_key, gen_random_uuid()::text);
  v_gift public.token_gifts;
begin
  insert into public.token_gifts (sender_id, recipient_id, amount, message, idempotency_key)
  values (
    private.require_user(), transfer_tokens.recipient_id, transfer_tokens.amount, transfer_tokens.message, v_key
  )
  on conflict on constraint token_gifts_sender_id_idempotency_key_key do nothing
  returning * into v_gift;
  if v_gift.id is null then
    select * into v_gift
    from public.token_gifts
    where sender_id = private.require_user() and token_gifts.idempotency_key = v_key;
    if (v_gift.recipient_id, v_gift.amount) is distinct from (transfer_tokens.recipient_id, transfer_tokens.amount)
      or v_gift.message is distinct from transfer_tokens.message
    then
      perform private.fail('MG502');
    end if;
  end if;
  return v_gift;
end;
$$;
comment on function public.transfer_tokens(uuid, bigint, text, text) is
  'Send tokens to another person and answer the gift. The same idempotency_key with the same content answers the same '
  'gift and moves nothing; with other content it is MG502. MG501 for too few tokens, MG503 for oneself, MG504 for nobody.';
grant execute on function public.transfer_tokens(uuid, bigint, text, text) to authenticated;
