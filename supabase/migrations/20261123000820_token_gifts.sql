-- Gifts of tokens from one person to another, and what of them goes with an account.

-- Tables -------------------------------------------------------------------------------------------------------------

create table public.token_gifts (
  id uuid primary key default gen_random_uuid(),
  -- Checked at the end, so that people are locked in the order of their ids, not in the order of the rows.
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
  'Tokens from one person to another; a gift outlives both accounts. Triggers: token_gifts__bound_rows, '
  'token_gifts__check_values, token_gifts__require_columns, token_gifts__take_id, token_gifts__limit, '
  'token_gifts__move_tokens (two transactions), token_gifts__forget_words (of accounts that are gone).';
comment on column public.token_gifts.sender_id is 'Who gave; null once the account is gone.';
comment on column public.token_gifts.recipient_id is 'Who received; null once the account is gone.';
comment on column public.token_gifts.message is
  'What the sender wrote; null once both accounts are gone, or the sender was taken out with their words.';
comment on column public.token_gifts.idempotency_key is
  'The sender''s own name for this gift: the same gift sent twice happens once. A second insert adds no row; '
  'transfer_tokens() returns the first one. MG502 for another gift under the same name.';

create index idx_token_gifts_sender_id on public.token_gifts (sender_id, created_at desc, id desc);
create index idx_token_gifts_recipient_id on public.token_gifts (recipient_id, created_at desc, id desc);

alter table public.token_gifts enable row level security;

-- Policies and grants ------------------------------------------------------------------------------------------------

create policy "People read gifts they sent or received" on public.token_gifts
  for select to authenticated using (sender_id = (select auth.uid()) or recipient_id = (select auth.uid()));

create policy "People send gifts as themselves" on public.token_gifts
  for insert to authenticated with check (sender_id = (select auth.uid()));

grant select on public.token_gifts to authenticated, service_role;
grant insert (id, sender_id, recipient_id, amount, message, idempotency_key) on public.token_gifts to authenticated, service_role;

-- Functions ----------------------------------------------------------------------------------------------------------

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
  if transfer_tokens.idempotency_key is not null then
    select * into v_gift
    from public.token_gifts
    where sender_id = v_sender_id and token_gifts.idempotency_key = v_key;
  end if;
  if v_gift.id is null then
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
  -- A recipient whose account is gone cannot be compared: the rest of the gift decides.
  if coalesce(v_gift.recipient_id <> transfer_tokens.recipient_id, transfer_tokens.recipient_id is null)
    or (v_gift.amount, v_gift.message) is distinct from (transfer_tokens.amount, transfer_tokens.message)
  then
    perform private.fail('MG502');
  end if;
  return v_gift;
end;
$$;
comment on function public.transfer_tokens(uuid, bigint, text, text) is
  'Send tokens to another person and return the gift. The same idempotency_key with the same content returns the '
  'same gift and moves nothing; with other content it is MG502. MG501 for too few tokens, MG503 for oneself, MG504 '
  'for nobody, MG507 where the recipient''s balance would grow too large.';
grant execute on function public.transfer_tokens(uuid, bigint, text, text) to authenticated;

create function private.without_giver(payload jsonb, gift_ids text[])
returns jsonb
language sql
immutable
set search_path = ''
as $$
  select case
    when without_giver.payload ? 'entries' then jsonb_set(
      without_giver.payload, '{entries}',
      coalesce(
        (
          select jsonb_agg(private.without_giver(entry.value, without_giver.gift_ids) order by entry.ordinality)
          from jsonb_array_elements(without_giver.payload -> 'entries') with ordinality as entry
        ),
        '[]'
      )
    )
    when without_giver.payload ->> 'gift_id' = any (without_giver.gift_ids)
      then without_giver.payload - '{sender_id,sender_name,message}'::text[]
    else without_giver.payload
  end;
$$;
comment on function private.without_giver(jsonb, text[]) is
  'Return a piece of news, or a digest of several, without the givers of these gifts and their messages.';

create function private.forget_giver(gift_ids uuid[], words boolean)
returns boolean
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_gift_ids constant text[] := forget_giver.gift_ids::text[];
  v_keys constant text[] := array['sender_id', 'sender_name'] || case when forget_giver.words then array['message'] end;
  v_is_changed boolean;
begin
  -- Several accounts may be deleted in one statement: rows that refer to deleted accounts are still there, and are
  -- about to go.
  update public.notifications
  set payload = notifications.payload - v_keys
  from public.token_gifts
  join public.users on users.id = token_gifts.recipient_id
  where token_gifts.id = any (forget_giver.gift_ids)
    and notifications.user_id = token_gifts.recipient_id
    and notifications.dedupe_key = 'gift:' || token_gifts.id::text
    and notifications.payload ?| v_keys;
  v_is_changed := found;

  perform from private.mails
  where mails.kind in ('GIFT_RECEIVED', 'DIGEST') and private.gifts_in(mails.payload) && v_gift_ids
  order by mails.id
  for update;
  -- A worker that has taken an email and not begun it knows the former payload: another one takes it again.
  update private.mails
  set
    payload = private.without_giver(mails.payload, v_gift_ids),
    batch_id = case when mails.state <> 'QUEUED' then mails.batch_id end,
    position = case when mails.state <> 'QUEUED' then mails.position end
  where mails.kind in ('GIFT_RECEIVED', 'DIGEST')
    and private.gifts_in(mails.payload) && v_gift_ids
    and mails.payload <> private.without_giver(mails.payload, v_gift_ids)
    and (mails.user_id is null or exists (select from public.users where users.id = mails.user_id));
  v_is_changed := v_is_changed or found;

  if forget_giver.words then
    update public.token_gifts
    set message = null
    where token_gifts.id = any (forget_giver.gift_ids) and token_gifts.message is not null;
    v_is_changed := v_is_changed or found;
  end if;
  return v_is_changed;
end;
$$;
comment on function private.forget_giver(uuid[], boolean) is
  'Remove the giver of these gifts from what the recipients were told: the name from notifications, and the message '
  'too if words is true; both from emails, sent or not, except one that is on its way, whose content goes when its '
  'fate is known. Returns true if there was anything to remove. The caller holds the recipients. Definer; not '
  'granted, only other definer functions call it.';

-- Triggers -----------------------------------------------------------------------------------------------------------

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
  -- Only the sender learns that a key was used.
  if not private.is_client() or new.sender_id = (select auth.uid()) then
    -- One sender's gifts come one after another, so that what a key was used for is known for certain. People are not
    -- held yet: another gift of the same statement may be between people who come before these.
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
  'Trigger: refuse bad values; a gift that was sent already is not inserted again, and MG502 where its key was used '
  'for another. Definer to see gifts whatever the policies show; safe because it returns nothing but that refusal, '
  'to the sender only.';

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
set plan_cache_mode = 'force_generic_plan'
as $$
declare
  v_gift record;
begin
  -- Everybody whom the statement names, in one order, before they are looked for and before the first is paid: an
  -- account that is being deleted is there or gone, never both.
  perform private.lock_people(array(select sender_id from inserted union select recipient_id from inserted));
  -- A token outlives its account by up to an hour.
  if exists (
    select from inserted
    where inserted.sender_id = (select auth.uid()) and not exists (select from public.users where users.id = inserted.sender_id)
  ) then
    perform private.fail('MG902');
  end if;
  for v_gift in
    select inserted.*, senders.display_name as sender_name, recipients.id is not null as is_recipient_there
    from inserted
    left join public.users as senders on senders.id = inserted.sender_id
    left join public.users as recipients on recipients.id = inserted.recipient_id
    order by inserted.created_at, inserted.id
  loop
    if not v_gift.is_recipient_there then
      perform private.fail('MG504');
    end if;
    -- Without the message: nothing leaves the ledger again, and words have to be able to.
    perform private.must_post(v_gift.sender_id, 'SPEND_GIFT', -v_gift.amount, 'gift', v_gift.id, null);
    perform private.must_post(v_gift.recipient_id, 'EARN_GIFT', v_gift.amount, 'gift', v_gift.id, null);
    perform private.notify(
      array[v_gift.recipient_id], 'GIFT_RECEIVED', null,
      jsonb_build_object(
        'gift_id', v_gift.id, 'sender_id', v_gift.sender_id, 'sender_name', v_gift.sender_name, 'amount', v_gift.amount,
        'message', v_gift.message
      ),
      'gift:' || v_gift.id::text
    );
  end loop;
  perform private.award_badges(array(select sender_id from inserted), '{gifts_sent}');
  return null;
end;
$$;
comment on function private.move_gift_tokens() is
  'Trigger: both transactions of each gift of a statement, or none of them. Definer because clients write neither, '
  'and to see whether the recipients exist; safe because it only fires for gifts that their policy has let in.';

create trigger token_gifts__move_tokens
  after insert on public.token_gifts
  referencing new table as inserted
  for each statement execute function private.move_gift_tokens();

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
  'Trigger: the key of a gift goes with its sender, its message when nobody is left who may read it. Definer; safe '
  'because it only fires when an account is gone.';

create trigger token_gifts__forget_words
  before update of sender_id, recipient_id on public.token_gifts
  for each row when (new.sender_id is null or new.recipient_id is null)
  execute function private.forget_gift_words();

create function private.forget_departing_giver()
returns trigger
language plpgsql
security definer
set search_path = ''
as $$
begin
  perform private.forget_giver(
    array(select token_gifts.id from public.token_gifts where token_gifts.sender_id = old.id), false
  );
  return old;
end;
$$;
comment on function private.forget_departing_giver() is
  'Trigger: the recipients of somebody who deletes their account no longer see the name; the gifts and their '
  'messages stay. Definer because other people''s notifications are not the caller''s; safe because it only fires '
  'for an account that is being deleted.';

create trigger users__forget_giver
  before delete on public.users
  for each row execute function private.forget_departing_giver();
