-- Emails: one row for each that a person is to get, written in the transaction that causes it. Who gets a newsletter
-- is settled when it is published, and who does not get it is a row as well, with the reason.
--
-- Workers take emails in batches, each under a lease, and commit what they are about to do before they do it:
--
--   QUEUED -> SENDING -> SENT        the provider said yes
--                     -> FAILED      it said no for good, or no attempt helped
--                     -> QUEUED      it said not now
--                     -> UNCERTAIN   it said nothing, or the worker died: whoever takes the batch over finds out first,
--                                    by asking the provider or by repeating the same request under the same key
--
-- For that, the members of a batch, their order, addresses and content stay as they were at the first attempt until
-- the provider has replied. SUPPRESSED, UNSUBSCRIBED, OFF, LEFT and NO_ADDRESS say why somebody gets no email.

create function private.gifts_in(payload jsonb)
returns text[]
language sql
immutable
set search_path = ''
as $$
  select coalesce(array_agg(entry.value ->> 'gift_id'), '{}')
  from jsonb_array_elements(coalesce(gifts_in.payload -> 'entries', jsonb_build_array(gifts_in.payload))) as entry
  where entry.value ? 'gift_id';
$$;
comment on function private.gifts_in(jsonb) is
  'Return the ids of the gifts that a piece of news tells of. Read by the index by which the words of who is gone '
  'are found.';

-- Tables -------------------------------------------------------------------------------------------------------------

create table private.mail_batches (
  id uuid primary key default gen_random_uuid(),
  provider text not null,
  attempts integer not null default 0,
  run_at timestamptz not null,
  tried_at timestamptz,
  leased_by text,
  leased_until timestamptz,
  due_at timestamptz generated always as (greatest(run_at, leased_until)) stored,
  constraint mail_batches_lease_whole check ((leased_by is null) = (leased_until is null))
);
comment on table private.mail_batches is
  'Emails that a worker has taken together. A batch lives until the fate of each of its emails is known. Its id is '
  'the key under which the provider knows the request.';
comment on column private.mail_batches.due_at is
  'When another worker may take it over: at run_at, or when its lease runs out.';
comment on column private.mail_batches.tried_at is 'When its first request may have gone out; null before.';

create index idx_mail_batches_due on private.mail_batches (due_at, id);

create table private.mails (
  id uuid primary key,
  user_id uuid references public.users (id) on delete set null,
  space_id uuid references public.spaces (id) on delete cascade,
  newsletter_id uuid references public.newsletters (id) on delete cascade,
  kind public.notification_kind not null,
  dedupe_key text not null,
  payload jsonb not null default '{}',
  more integer not null default 0,
  state text not null,
  attempts integer not null default 0,
  run_at timestamptz not null default now(),
  batch_id uuid references private.mail_batches (id) on delete set null,
  due_at timestamptz generated always as (case when state = 'QUEUED' and batch_id is null then run_at end) stored,
  position integer,
  owner_id uuid,
  turn bigint,
  email text,
  content jsonb,
  provider_id text,
  fault text,
  last_error text,
  held integer not null default 0,
  gave_up boolean not null default false,
  sent_at timestamptz,
  created_at timestamptz not null default clock_timestamp(),
  constraint mails_user_id_dedupe_key_key unique (user_id, dedupe_key),
  constraint mails_newsletter_id_user_id_key unique (newsletter_id, user_id),
  constraint mails_state_known check (
    state in (
      'QUEUED', 'SENDING', 'UNCERTAIN', 'SENT', 'FAILED', 'SUPPRESSED', 'UNSUBSCRIBED', 'OFF', 'LEFT', 'NO_ADDRESS',
      'UNCONFIRMED', 'CLOSED'
    )
  ),
  constraint mails_fault_known check (
    fault in ('NO_MAILBOX', 'MAILBOX_FULL', 'SENDER', 'RATE', 'CONTENT', 'AWAY', 'OTHER')
  ),
  constraint mails_in_a_batch_while_open check (state not in ('SENDING', 'UNCERTAIN') or batch_id is not null),
  constraint mails_newsletter_kind check ((newsletter_id is not null) = (kind = 'NEWSLETTER_PUBLISHED')),
  constraint mails_sent_after_created check (sent_at >= created_at),
  constraint mails_sent_at_set check ((state = 'SENT') = (sent_at is not null)),
  constraint mails_turn_while_waiting check (turn is null or due_at is not null)
);
comment on table private.mails is
  'Every email that a person was, is or was not to get. Trigger: mails__forget (people who are gone).';
comment on column private.mails.id is
  'Derived from what the email is about and for whom (see private.mail_id), so that the same email always has the '
  'same id and the same Message-ID.';
comment on column private.mails.more is
  'Of the email of a day: how many pieces of news it counts beyond those that it names.';
comment on column private.mails.due_at is
  'When a worker may take it, if it is rendered (private.is_rendered); null while one has it, and once its fate is '
  'known.';
comment on column private.mails.owner_id is
  'Whose turn it takes, if not its reader''s: the account whose command made it, there or gone, so no foreign key. '
  'Forgotten when its fate is known.';
comment on column private.mails.turn is
  'Emails are taken in the order of their turns; null while it is not due, or taken. See line_up_mails().';
comment on column private.mails.email is 'The address of the present attempt; forgotten when its fate is known.';
comment on column private.mails.content is
  'What a notification''s present attempt says; newsletters: see newsletter_mails.';
comment on column private.mails.fault is 'Why the last attempt failed, if known; see private.describe_fault().';
comment on column private.mails.last_error is 'What was said at the last attempt, for operators, without addresses.';
comment on column private.mails.held is
  'How often it came back for the sender''s sake, which does not count as an attempt.';
comment on column private.mails.gave_up is
  'Whether FAILED means that no attempt helped, and not that the provider refused it.';

create index idx_mails_waiting on private.mails ((held > 0), due_at, id) where due_at is not null and turn is null;
create index idx_mails_turn on private.mails ((held > 0), turn, due_at, id) where turn is not null;
create index idx_mails_batch_id on private.mails (batch_id);
create index idx_mails_space_id on private.mails (space_id);
create index idx_mails_provider_id on private.mails (provider_id) where provider_id is not null;
create index idx_mails_failed on private.mails (created_at) where state = 'FAILED';
-- What is finished is counted without reading its rows, which are most of them: see outbox_state().
create index idx_mails_finished on private.mails (state, kind, run_at)
  where state not in ('QUEUED', 'SENDING', 'UNCERTAIN');
create index idx_mails_gifts on private.mails using gin (private.gifts_in(payload))
  where kind in ('GIFT_RECEIVED', 'DIGEST');

alter table private.mail_batches enable row level security;
alter table private.mails enable row level security;

-- Rights of the secret key's functions below; the schema is not exposed, so that nothing else uses them.
grant select on private.mails to service_role;
grant update (state, gave_up, sent_at, fault, held, run_at, last_error) on private.mails to service_role;

-- Predicates ---------------------------------------------------------------------------------------------------------

create function private.mail_id(user_id uuid, dedupe_key text)
returns uuid
language plpgsql
immutable
set search_path = ''
as $$
begin
  return left(encode(sha256(convert_to(mail_id.user_id::text || ':' || mail_id.dedupe_key, 'UTF8')), 'hex'), 32)::uuid;
end;
$$;
comment on function private.mail_id(uuid, text) is
  'Return the id of the email to a person about something; it never changes.';

create function private.mail_exclusion(user_id uuid, space_id uuid, kind public.notification_kind)
returns text
language plpgsql
stable
security definer
set search_path = ''
as $$
begin
  return (
    select case
      when mail_exclusion.space_id is not null and not exists (
        select from public.memberships
        where memberships.user_id = mail_exclusion.user_id and memberships.space_id = mail_exclusion.space_id
      ) then 'LEFT'
      when exists (
        select from private.email_subscriptions
        where email_subscriptions.user_id = mail_exclusion.user_id
          and email_subscriptions.space_id = mail_exclusion.space_id
          and not email_subscriptions.is_on
      ) then 'UNSUBSCRIBED'
      when not coalesce(
        case mail_exclusion.kind
          when 'NEWSLETTER_PUBLISHED' then settings.email_newsletters
          when 'RESPONSE_REMINDER' then settings.email_notifications and settings.email_reminders
          else settings.email_notifications
        end,
        true
      ) then 'OFF'
      when accounts.banned_until > now() then 'OFF'
      when coalesce(accounts.email, '') = '' then 'NO_ADDRESS'
      -- Whoever signed up may have named somebody else's address.
      when accounts.email_confirmed_at is null then 'UNCONFIRMED'
      when exists (
        select from private.email_suppressions where email_suppressions.address = lower(accounts.email)
      ) then 'SUPPRESSED'
    end
    from (select mail_exclusion.user_id) as person (id)
    left join auth.users as accounts on accounts.id = person.id and accounts.deleted_at is null
    left join public.settings on settings.user_id = person.id
  );
end;
$$;
comment on function private.mail_exclusion(uuid, uuid, public.notification_kind) is
  'Return why a person gets no email of this kind from this space, or null. Definer; not granted, only other definer '
  'functions call it.';

-- Functions ----------------------------------------------------------------------------------------------------------

create function private.queue_mails(
  recipients uuid[], kind public.notification_kind, space_id uuid, newsletter_id uuid, payload jsonb, dedupe_key text
)
returns integer
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_count integer;
begin
  insert into private.mails (id, user_id, space_id, newsletter_id, kind, dedupe_key, payload, state, owner_id)
  select
    private.mail_id(users.id, queue_mails.dedupe_key), users.id, queue_mails.space_id, queue_mails.newsletter_id,
    queue_mails.kind, queue_mails.dedupe_key, queue_mails.payload, coalesce(excluded.reason, 'QUEUED'),
    case
      when excluded.reason is not null then null
      when queue_mails.space_id is null then private.try_uuid(queue_mails.payload ->> 'sender_id')
      else coalesce(
        auth.uid(),
        case when queue_mails.kind = 'RESPONSE_REMINDER' then (
          select prompts.curator_id from public.prompts
          where prompts.space_id = queue_mails.space_id and prompts.is_published
          order by prompts.week_number desc, prompts."order"
          limit 1
        ) end,
        (select spaces.leader_id from public.spaces where spaces.id = queue_mails.space_id)
      )
    end
  from public.users
  cross join lateral private.mail_exclusion(users.id, queue_mails.space_id, queue_mails.kind) as excluded (reason)
  where users.id = any (queue_mails.recipients)
  order by users.id
  on conflict do nothing;
  get diagnostics v_count = row_count;
  return v_count;
end;
$$;
comment on function private.queue_mails(uuid[], public.notification_kind, uuid, uuid, jsonb, text) is
  'Queue an email for each of these people, once, or record the reason why not; returns how many were new. Definer; '
  'not granted, only other definer functions call it.';

-- Triggers -----------------------------------------------------------------------------------------------------------

create function private.forget_mail()
returns trigger
language plpgsql
security definer
set search_path = ''
as $$
begin
  delete from private.mails where id = new.id and state not in ('SENDING', 'UNCERTAIN');
  return null;
end;
$$;
comment on function private.forget_mail() is
  'Trigger: the emails of an account go with it, but those that may be on their way only when their fate is known: a '
  'request is repeated as it was or not at all. Definer because no client reaches the table; safe because it only '
  'fires when an account is deleted.';

create trigger mails__forget
  after update of user_id on private.mails
  for each row when (new.user_id is null)
  execute function private.forget_mail();
