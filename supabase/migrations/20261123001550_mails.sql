-- Emails: one row for each that a person is to get, written in the transaction that causes it. Who gets a newsletter is
-- settled when it is published, and who does not get it is a row as well, with the reason.
--
-- Workers take mails in batches, each under a lease, and commit what they are about to do before they do it:
--
--   QUEUED -> SENDING -> SENT        the provider said yes
--                     -> FAILED      it said no for good, or no attempt helped
--                     -> QUEUED      it said not now
--                     -> UNCERTAIN   it said nothing, or the worker died: whoever takes the batch over finds out first,
--                                    by asking the provider or by repeating the same request under the same key
--
-- For that, the members of a batch, their order, addresses and content stay as they were at the first attempt until the
-- provider has answered. SUPPRESSED, UNSUBSCRIBED, OFF and NO_ADDRESS say why somebody gets no mail.

-- Tables ------------------------------------------------------------------------------------------------------------

create table private.email_suppressions (
  address text primary key,
  reason text not null,
  detail text,
  created_at timestamptz not null default now(),
  constraint email_suppressions_address_lower check (address = lower(address)),
  constraint email_suppressions_reason_known check (reason in ('BOUNCED', 'COMPLAINED', 'MANUAL'))
);
comment on table private.email_suppressions is
  'Addresses that get no mail: they do not exist, their owners complained, or an operator said so.';

create table private.email_subscriptions (
  token text primary key default replace(gen_random_uuid()::text || gen_random_uuid()::text, '-', ''),
  user_id uuid not null references public.users (id) on delete cascade,
  space_id uuid,
  is_on boolean not null default true,
  created_at timestamptz not null default now(),
  constraint email_subscriptions_user_id_space_id_key unique nulls not distinct (user_id, space_id)
);
comment on table private.email_subscriptions is
  'Whether a person wants a space''s emails, and the token in the links of their mails that lets whoever holds such a '
  'mail switch them off. Made with the first mail or the first change; nobody but the service reads it.';
comment on column private.email_subscriptions.space_id is
  'Null for mails about no space. No foreign key: the links in old mails work when the space is gone.';

create table private.newsletter_mails (
  newsletter_id uuid primary key references public.newsletters (id) on delete cascade,
  content jsonb not null,
  created_at timestamptz not null default now(),
  constraint newsletter_mails_content_is_object check (jsonb_typeof(content) = 'object')
);
comment on table private.newsletter_mails is
  'A newsletter as an email, rendered once, so that every recipient and every attempt gets the same bytes.';

create table private.mail_providers (
  name text primary key,
  paused_until timestamptz not null
);
comment on table private.mail_providers is 'Providers that asked all of us to wait, and until when.';

create table private.mail_batches (
  id uuid primary key default gen_random_uuid(),
  provider text not null,
  attempts integer not null default 0,
  run_at timestamptz not null,
  tried_at timestamptz,
  leased_by text,
  leased_until timestamptz,
  constraint mail_batches_lease_whole check ((leased_by is null) = (leased_until is null))
);
comment on table private.mail_batches is
  'Mails that a worker has taken together. A batch lives until the fate of each of its mails is known. Its id is the key '
  'under which the provider knows the request.';
comment on column private.mail_batches.tried_at is 'When its first request may have gone out; null before.';

create index idx_mail_batches_due on private.mail_batches (run_at);

create table private.mails (
  id uuid primary key,
  user_id uuid references public.users (id) on delete set null,
  space_id uuid references public.spaces (id) on delete cascade,
  newsletter_id uuid references public.newsletters (id) on delete cascade,
  kind public.notification_kind not null,
  dedupe_key text not null,
  payload jsonb not null default '{}',
  state text not null,
  attempts integer not null default 0,
  run_at timestamptz not null default now(),
  batch_id uuid references private.mail_batches (id) on delete set null,
  position integer,
  email text,
  content jsonb,
  provider_id text,
  last_error text,
  gave_up boolean not null default false,
  sent_at timestamptz,
  created_at timestamptz not null default clock_timestamp(),
  constraint mails_user_id_dedupe_key_key unique (user_id, dedupe_key),
  constraint mails_newsletter_id_user_id_key unique (newsletter_id, user_id),
  constraint mails_state_known check (
    state in (
      'QUEUED', 'SENDING', 'UNCERTAIN', 'SENT', 'FAILED', 'SUPPRESSED', 'UNSUBSCRIBED', 'OFF', 'NO_ADDRESS'
    )
  ),
  constraint mails_in_a_batch_while_open check (state not in ('SENDING', 'UNCERTAIN') or batch_id is not null),
  constraint mails_newsletter_kind check ((newsletter_id is not null) = (kind = 'NEWSLETTER_PUBLISHED')),
  constraint mails_sent_at_set check ((state = 'SENT') = (sent_at is not null))
);
comment on table private.mails is
  'Every email that a person was, is or was not to get. Triggers: mails__forget (people who are gone), mails__wake.';
comment on column private.mails.id is
  'Derived from what the mail is about and for whom (see private.mail_id), so that the same mail always has the same id '
  'and the same Message-ID.';
comment on column private.mails.email is 'The address of the present attempt; forgotten when its fate is known.';
comment on column private.mails.content is 'What a notification''s present attempt says; newsletters: see newsletter_mails.';
comment on column private.mails.gave_up is 'Whether FAILED means that no attempt helped, and not that the provider refused it.';

create index idx_mails_due on private.mails (run_at, id) where state = 'QUEUED' and batch_id is null;
create index idx_mails_batch_id on private.mails (batch_id);
create index idx_mails_space_id on private.mails (space_id);
create index idx_mails_provider_id on private.mails (provider_id) where provider_id is not null;
create index idx_mails_failed on private.mails (created_at) where state = 'FAILED';

alter table private.email_suppressions enable row level security;
alter table private.email_subscriptions enable row level security;
alter table private.newsletter_mails enable row level security;
alter table private.mail_providers enable row level security;
alter table private.mail_batches enable row level security;
alter table private.mails enable row level security;

-- Who gets mail -----------------------------------------------------------------------------------------------------

create function private.mail_id(user_id uuid, dedupe_key text)
returns uuid
language sql
immutable
set search_path = ''
as $$
  select left(encode(sha256(convert_to(mail_id.user_id::text || ':' || mail_id.dedupe_key, 'UTF8')), 'hex'), 32)::uuid;
$$;
comment on function private.mail_id(uuid, text) is 'The id of the mail to a person about something; the same for ever.';

create function private.mail_exclusion(user_id uuid, space_id uuid, kind public.notification_kind)
returns text
language sql
stable
security definer
set search_path = ''
as $$
  select case
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
    when coalesce(accounts.email, '') = '' then 'NO_ADDRESS'
    when exists (
      select from private.email_suppressions where email_suppressions.address = lower(accounts.email)
    ) then 'SUPPRESSED'
  end
  from (select mail_exclusion.user_id) as person (id)
  left join auth.users as accounts on accounts.id = person.id and accounts.deleted_at is null
  left join public.settings on settings.user_id = person.id;
$$;
comment on function private.mail_exclusion(uuid, uuid, public.notification_kind) is
  'Why a person gets no mail of this kind from this space, or null. Definer; not granted, only other definer functions '
  'call it.';

create function private.queue_mails(
  recipients uuid[], kind public.notification_kind, space_id uuid, newsletter_id uuid, payload jsonb, dedupe_key text
)
returns void
language sql
security definer
set search_path = ''
as $$
  insert into private.mails (id, user_id, space_id, newsletter_id, kind, dedupe_key, payload, state)
  select
    private.mail_id(users.id, queue_mails.dedupe_key), users.id, queue_mails.space_id, queue_mails.newsletter_id,
    queue_mails.kind, queue_mails.dedupe_key, queue_mails.payload,
    coalesce(private.mail_exclusion(users.id, queue_mails.space_id, queue_mails.kind), 'QUEUED')
  from public.users
  where users.id = any (queue_mails.recipients)
  order by users.id
  on conflict do nothing;
$$;
comment on function private.queue_mails(uuid[], public.notification_kind, uuid, uuid, jsonb, text) is
  'A mail for each of these people, once, or the reason why there is none. Definer; not granted, only other definer '
  'functions call it.';

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
  'Trigger: the mails of an account go with it, but those that may be on their way only when their fate is known: a '
  'request is repeated as it was or not at all. Definer because no role reaches the table; safe because it only fires '
  'when an account is deleted.';

create trigger mails__forget
  after update of user_id on private.mails
  for each row when (new.user_id is null)
  execute function private.forget_mail();

create trigger mails__wake
  after insert on private.mails
  for each statement execute function private.wake_workers();

-- What workers do ---------------------------------------------------------------------------------------------------

create function private.claim_mails(worker text, provider text, mail_limit integer, lease interval, at timestamptz)
returns uuid
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_batch_id uuid;
  v_mail_ids uuid[];
begin
  if exists (
    select from private.mail_providers
    where mail_providers.name = claim_mails.provider and mail_providers.paused_until > claim_mails.at
  ) then
    return null;
  end if;

  -- What somebody began and did not end comes first.
  select mail_batches.id into v_batch_id
  from private.mail_batches
  where mail_batches.run_at <= claim_mails.at
    and (mail_batches.leased_until is null or mail_batches.leased_until <= claim_mails.at)
  order by mail_batches.run_at, mail_batches.id
  limit 1
  for update skip locked;
  if found then
    update private.mail_batches
    set leased_by = claim_mails.worker, leased_until = claim_mails.at + claim_mails.lease
    where id = v_batch_id;
    update private.mails set state = 'UNCERTAIN' where batch_id = v_batch_id and state = 'SENDING';
    return v_batch_id;
  end if;

  select array_agg(due.id) into v_mail_ids
  from (
    select mails.id
    from private.mails
    where mails.state = 'QUEUED'
      and mails.batch_id is null
      and mails.run_at <= claim_mails.at
      and (
        mails.newsletter_id is null
        or exists (
          select from private.newsletter_mails where newsletter_mails.newsletter_id = mails.newsletter_id
        )
      )
    order by mails.run_at, mails.id
    limit claim_mails.mail_limit
    for update skip locked
  ) as due;
  if v_mail_ids is null then
    return null;
  end if;
  insert into private.mail_batches (provider, run_at, leased_by, leased_until)
  values (claim_mails.provider, claim_mails.at, claim_mails.worker, claim_mails.at + claim_mails.lease)
  returning id into v_batch_id;
  update private.mails
  set batch_id = v_batch_id, position = member.ordinality
  from unnest(v_mail_ids) with ordinality as member (id, ordinality)
  where mails.id = member.id;
  return v_batch_id;
end;
$$;
comment on function private.claim_mails(text, text, integer, interval, timestamptz) is
  'Definer because no role reaches the mails; granted to the service role only.';
grant execute on function private.claim_mails(text, text, integer, interval, timestamptz) to service_role;

create function private.batch_mails(batch_id uuid)
returns table (
  id uuid, "position" integer, state text, kind public.notification_kind, newsletter_id uuid, space_id uuid,
  space_name text, display_name text, payload jsonb, attempts integer, email text, content jsonb, token text
)
language sql
stable
security definer
set search_path = ''
as $$
  select
    mails.id, mails.position, mails.state, mails.kind, mails.newsletter_id, mails.space_id,
    spaces.name, users.display_name, mails.payload, mails.attempts, mails.email, mails.content,
    email_subscriptions.token
  from private.mails
  left join public.spaces on spaces.id = mails.space_id
  left join public.users on users.id = mails.user_id
  left join private.email_subscriptions
    on email_subscriptions.user_id = mails.user_id
    and email_subscriptions.space_id is not distinct from mails.space_id
  where mails.batch_id = batch_mails.batch_id
  order by mails.position;
$$;
comment on function private.batch_mails(uuid) is
  'Definer because no role reaches the mails; granted to the service role only.';
grant execute on function private.batch_mails(uuid) to service_role;

create function public.claim_mails(
  worker text, provider text, mail_limit integer default 100, lease_seconds integer default 120,
  at timestamptz default now()
)
returns jsonb
language plpgsql
set search_path = ''
as $$
declare
  v_batch_id uuid := private.claim_mails(
    claim_mails.worker, claim_mails.provider, claim_mails.mail_limit,
    make_interval(secs => claim_mails.lease_seconds), claim_mails.at
  );
begin
  return private.describe_batch(v_batch_id);
end;
$$;
comment on function public.claim_mails(text, text, integer, integer, timestamptz) is
  'Take up to mail_limit mails that are due, or a batch whose worker did not end it, for lease_seconds: {"id", '
  '"provider", "attempts", "tried_at", "mails": [...]}, or null where there is nothing to do or the provider wants us to '
  'wait. Secret key only.';
grant execute on function public.claim_mails(text, text, integer, integer, timestamptz) to service_role;

create function private.describe_batch(batch_id uuid)
returns jsonb
language sql
stable
security definer
set search_path = ''
as $$
  select jsonb_build_object(
    'id', mail_batches.id,
    'provider', mail_batches.provider,
    'attempts', mail_batches.attempts,
    'tried_at', mail_batches.tried_at,
    'mails', coalesce(
      (select jsonb_agg(to_jsonb(member) order by member.position) from private.batch_mails(mail_batches.id) as member),
      '[]'
    )
  )
  from private.mail_batches
  where mail_batches.id = describe_batch.batch_id;
$$;
comment on function private.describe_batch(uuid) is
  'Definer because no role reaches the mails; granted to the service role only.';
grant execute on function private.describe_batch(uuid) to service_role;

create function private.begin_mails(
  worker text, batch_id uuid, contents jsonb, lease interval, at timestamptz
)
returns setof uuid
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_ids uuid[] := array(select key::uuid from jsonb_object_keys(begin_mails.contents) as given (key));
begin
  update private.mail_batches
  set
    leased_until = begin_mails.at + begin_mails.lease,
    tried_at = coalesce(mail_batches.tried_at, begin_mails.at)
  where mail_batches.id = begin_mails.batch_id
    and mail_batches.leased_by = begin_mails.worker
    and mail_batches.leased_until > begin_mails.at;
  if not found then
    return;
  end if;

  -- Minds change between publishing and sending.
  update private.mails
  set state = excluded.reason, batch_id = null, position = null
  from (
    select mails.id, private.mail_exclusion(mails.user_id, mails.space_id, mails.kind) as reason
    from private.mails
    where mails.batch_id = begin_mails.batch_id and mails.id = any (v_ids) and mails.state = 'QUEUED'
  ) as excluded
  where mails.id = excluded.id and excluded.reason is not null;

  insert into private.email_subscriptions (user_id, space_id)
  select mails.user_id, mails.space_id
  from private.mails
  where mails.batch_id = begin_mails.batch_id and mails.id = any (v_ids) and mails.state = 'QUEUED'
  on conflict on constraint email_subscriptions_user_id_space_id_key do nothing;

  return query
    update private.mails
    set
      state = 'SENDING',
      attempts = mails.attempts + 1,
      email = accounts.email,
      content = nullif(begin_mails.contents -> mails.id::text, 'null')
    from auth.users as accounts
    where mails.batch_id = begin_mails.batch_id
      and mails.id = any (v_ids)
      and mails.state = 'QUEUED'
      and accounts.id = mails.user_id
    returning mails.id;
end;
$$;
comment on function private.begin_mails(text, uuid, jsonb, interval, timestamptz) is
  'Definer because no role reaches the mails or the addresses of accounts; granted to the service role only.';
grant execute on function private.begin_mails(text, uuid, jsonb, interval, timestamptz) to service_role;

create function public.begin_mails(
  worker text, batch_id uuid, contents jsonb, lease_seconds integer default 120, at timestamptz default now()
)
returns table (id uuid, "position" integer, email text, token text)
language plpgsql
set search_path = ''
as $$
declare
  v_begun uuid[] := array(
    select private.begin_mails(
      begin_mails.worker, begin_mails.batch_id, begin_mails.contents,
      make_interval(secs => begin_mails.lease_seconds), begin_mails.at
    )
  );
begin
  return query
    select member.id, member.position, member.email, member.token
    from private.batch_mails(begin_mails.batch_id) as member
    where member.id = any (v_begun)
    order by member.position;
end;
$$;
comment on function public.begin_mails(text, uuid, jsonb, integer, timestamptz) is
  'Say that mails of a batch are about to be sent; contents has what each says, or null for newsletters, by mail id. '
  'Answers those to send, with their addresses: without those whose owners want none by now, and none at all where the '
  'batch is no longer this worker''s. Renews the lease. Secret key only.';
grant execute on function public.begin_mails(text, uuid, jsonb, integer, timestamptz) to service_role;

create function private.settle_mails(
  worker text, batch_id uuid, results jsonb, pause interval, is_end boolean, at timestamptz, max_attempts integer
)
returns boolean
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_batch private.mail_batches;
begin
  if settle_mails.pause > interval '0' then
    insert into private.mail_providers (name, paused_until)
    select mail_batches.provider, settle_mails.at + settle_mails.pause
    from private.mail_batches
    where mail_batches.id = settle_mails.batch_id
    on conflict (name) do update set paused_until = greatest(mail_providers.paused_until, excluded.paused_until);
  end if;

  select * into v_batch
  from private.mail_batches
  where mail_batches.id = settle_mails.batch_id and mail_batches.leased_by = settle_mails.worker
  for update;
  if not found then
    return false;
  end if;

  insert into private.email_suppressions (address, reason, detail)
  select lower(mails.email), 'BOUNCED', left(result.error, 500)
  from jsonb_to_recordset(settle_mails.results) as result (id uuid, outcome text, error text, suppress boolean)
  join private.mails on mails.id = result.id and mails.batch_id = settle_mails.batch_id
  where result.outcome = 'REJECTED' and result.suppress and mails.state in ('SENDING', 'UNCERTAIN')
  on conflict (address) do nothing;

  update private.mails
  set
    state = next.state,
    attempts = mails.attempts - case when result.outcome = 'RETRY' and result.uncounted then 1 else 0 end,
    gave_up = (next.state = 'FAILED' and result.outcome = 'RETRY'),
    batch_id = case when next.state = 'UNCERTAIN' then mails.batch_id end,
    position = case when next.state = 'UNCERTAIN' then mails.position end,
    email = case when next.state = 'UNCERTAIN' then mails.email end,
    content = case when next.state = 'UNCERTAIN' then mails.content end,
    run_at = case
      when next.state = 'QUEUED'
        then settle_mails.at + private.backoff(interval '30 seconds', mails.attempts, mails.id::text)
      else mails.run_at
    end,
    provider_id = coalesce(result.provider_id, mails.provider_id),
    last_error = case when next.state <> 'SENT' then left(result.error, 2000) end,
    sent_at = case when next.state = 'SENT' then settle_mails.at end
  from jsonb_to_recordset(settle_mails.results) as result (
    id uuid, outcome text, provider_id text, error text, uncounted boolean
  )
  join private.mails as tried on tried.id = result.id
  cross join lateral (
    select case
      when result.outcome = 'SENT' then 'SENT'
      when result.outcome = 'REJECTED' then 'FAILED'
      when result.outcome = 'UNCERTAIN' then 'UNCERTAIN'
      when tried.attempts >= settle_mails.max_attempts and not coalesce(result.uncounted, false) then 'FAILED'
      else 'QUEUED'
    end as state
  ) as next
  where mails.id = result.id
    and mails.batch_id = settle_mails.batch_id
    and mails.state in ('SENDING', 'UNCERTAIN');

  update public.curator_rotations
  set
    notification_status = case when mails.state = 'SENT' then 'SENT' else 'FAILED' end::public.delivery_status,
    notified_at = mails.sent_at
  from jsonb_to_recordset(settle_mails.results) as result (id uuid)
  join private.mails on mails.id = result.id
  where mails.kind = 'CURATOR_ASSIGNED'
    and mails.state in ('SENT', 'FAILED')
    and curator_rotations.space_id = mails.space_id
    and curator_rotations.curator_id = mails.user_id
    and curator_rotations.week_number = (mails.payload ->> 'week_number')::integer;

  delete from private.mails
  using jsonb_to_recordset(settle_mails.results) as result (id uuid)
  where mails.id = result.id and mails.user_id is null and mails.state not in ('SENDING', 'UNCERTAIN');

  if settle_mails.is_end then
    update private.mails
    set batch_id = null, position = null
    where mails.batch_id = settle_mails.batch_id and mails.state = 'QUEUED';
    if exists (select from private.mails where mails.batch_id = settle_mails.batch_id) then
      update private.mail_batches
      set
        attempts = v_batch.attempts + 1,
        run_at = settle_mails.at
          + interval '60 seconds' + private.backoff(interval '30 seconds', v_batch.attempts + 1, v_batch.id::text),
        leased_by = null,
        leased_until = null
      where id = v_batch.id;
    else
      delete from private.mail_batches where id = v_batch.id;
    end if;
  end if;
  return true;
end;
$$;
comment on function private.settle_mails(text, uuid, jsonb, interval, boolean, timestamptz, integer) is
  'Definer because no role reaches the mails; granted to the service role only. A mail that may have gone out is looked '
  'into after a minute and a half at the earliest: by then no request of ours is on its way any more.';
grant execute on function private.settle_mails(text, uuid, jsonb, interval, boolean, timestamptz, integer)
  to service_role;

create function public.settle_mails(
  worker text, batch_id uuid, results jsonb, pause_seconds double precision default 0, is_end boolean default true,
  at timestamptz default now(), max_attempts integer default 12
)
returns boolean
language sql
set search_path = ''
as $$
  select private.settle_mails(
    settle_mails.worker, settle_mails.batch_id, settle_mails.results, make_interval(secs => settle_mails.pause_seconds),
    settle_mails.is_end, settle_mails.at, settle_mails.max_attempts
  );
$$;
comment on function public.settle_mails(text, uuid, jsonb, double precision, boolean, timestamptz, integer) is
  'Say what became of mails: [{"id", "outcome": SENT | REJECTED | RETRY | UNCERTAIN, "provider_id", "error", "suppress", '
  '"uncounted"}]. pause_seconds keeps every worker from the provider. is_end gives the rest of the batch back: what was '
  'not begun to anybody, what is uncertain for a later look. Answers false where the batch is no longer this worker''s. '
  'Secret key only.';
grant execute on function public.settle_mails(text, uuid, jsonb, double precision, boolean, timestamptz, integer)
  to service_role;

create function private.newsletter_mail(newsletter_id uuid)
returns jsonb
language sql
stable
security definer
set search_path = ''
as $$
  select newsletter_mails.content
  from private.newsletter_mails
  where newsletter_mails.newsletter_id = newsletter_mail.newsletter_id;
$$;
comment on function private.newsletter_mail(uuid) is
  'Definer because no role reaches the table; granted to the service role only.';
grant execute on function private.newsletter_mail(uuid) to service_role;

create function public.newsletter_mail(newsletter_id uuid)
returns jsonb
language sql
stable
set search_path = ''
as $$
  select private.newsletter_mail(newsletter_mail.newsletter_id);
$$;
comment on function public.newsletter_mail(uuid) is
  'A newsletter as an email, as it was rendered; null before. Secret key only.';
grant execute on function public.newsletter_mail(uuid) to service_role;

create function private.save_newsletter_mail(newsletter_id uuid, content jsonb)
returns void
language sql
security definer
set search_path = ''
as $$
  insert into private.newsletter_mails (newsletter_id, content)
  select newsletters.id, save_newsletter_mail.content
  from public.newsletters
  where newsletters.id = save_newsletter_mail.newsletter_id and newsletters.is_published
  on conflict on constraint newsletter_mails_pkey do nothing;
$$;
comment on function private.save_newsletter_mail(uuid, jsonb) is
  'Definer because no role reaches the table; granted to the service role only.';
grant execute on function private.save_newsletter_mail(uuid, jsonb) to service_role;

create function public.save_newsletter_mail(newsletter_id uuid, content jsonb)
returns void
language sql
set search_path = ''
as $$
  select private.save_newsletter_mail(save_newsletter_mail.newsletter_id, save_newsletter_mail.content);
$$;
comment on function public.save_newsletter_mail(uuid, jsonb) is
  'Keep a published newsletter as an email; from then on its mails are due. The first one stays. Secret key only.';
grant execute on function public.save_newsletter_mail(uuid, jsonb) to service_role;

-- What providers tell later -----------------------------------------------------------------------------------------

create function private.record_mail_event(provider_id text, event text, address text, detail text)
returns void
language plpgsql
security definer
set search_path = ''
as $$
begin
  if record_mail_event.event not in ('BOUNCED', 'COMPLAINED') then
    perform private.fail('MG001', 'event', 'event is BOUNCED or COMPLAINED.');
  end if;
  insert into private.email_suppressions (address, reason, detail)
  values (lower(record_mail_event.address), record_mail_event.event, left(record_mail_event.detail, 500))
  on conflict on constraint email_suppressions_pkey do nothing;
  if record_mail_event.event = 'BOUNCED' then
    update private.mails
    set state = 'FAILED', sent_at = null, last_error = left('bounced: ' || coalesce(record_mail_event.detail, ''), 2000)
    where mails.provider_id = record_mail_event.provider_id and mails.state = 'SENT';
  end if;
end;
$$;
comment on function private.record_mail_event(text, text, text, text) is
  'Definer because no role reaches the mails; granted to the service role only.';
grant execute on function private.record_mail_event(text, text, text, text) to service_role;

create function public.record_mail_event(provider_id text, event text, address text, detail text default null)
returns void
language sql
set search_path = ''
as $$
  select private.record_mail_event(
    record_mail_event.provider_id, record_mail_event.event, record_mail_event.address, record_mail_event.detail
  );
$$;
comment on function public.record_mail_event(text, text, text, text) is
  'A mail came back for good (BOUNCED) or its reader complained (COMPLAINED): the address gets no more mail. Again '
  'changes nothing. Secret key only.';
grant execute on function public.record_mail_event(text, text, text, text) to service_role;

-- What people see and switch ----------------------------------------------------------------------------------------

create function private.newsletter_delivery(newsletter_id uuid)
returns table (
  user_id uuid, display_name text, state text, attempts integer, last_error text, queued_at timestamptz,
  sent_at timestamptz
)
language plpgsql
stable
security definer
set search_path = ''
as $$
begin
  if private.is_client() and not exists (
    select from public.newsletters
    join public.spaces on spaces.id = newsletters.space_id
    where newsletters.id = newsletter_delivery.newsletter_id and spaces.leader_id = (select auth.uid())
  ) then
    perform private.fail('MG401');
  end if;
  return query
    select
      mails.user_id, users.display_name, mails.state, mails.attempts,
      case when mails.state in ('QUEUED', 'UNCERTAIN', 'FAILED') then mails.last_error end,
      mails.created_at, mails.sent_at
    from private.mails
    join public.users on users.id = mails.user_id
    where mails.newsletter_id = newsletter_delivery.newsletter_id
    order by users.display_name, mails.user_id;
end;
$$;
comment on function private.newsletter_delivery(uuid) is
  'Definer because no role reaches the mails; safe because it refuses all but the leader, and shows no address.';
grant execute on function private.newsletter_delivery(uuid) to authenticated, service_role;

create function public.newsletter_delivery(newsletter_id uuid)
returns table (
  user_id uuid, display_name text, state text, attempts integer, last_error text, queued_at timestamptz,
  sent_at timestamptz
)
language sql
stable
set search_path = ''
as $$
  select * from private.newsletter_delivery(newsletter_delivery.newsletter_id);
$$;
comment on function public.newsletter_delivery(uuid) is
  'How far the emails of a newsletter are, a row for everybody who was in the space when it was published: QUEUED, '
  'SENDING, UNCERTAIN (the provider is being asked), SENT, FAILED; or why there is none: SUPPRESSED (the address does not '
  'work), UNSUBSCRIBED (from this space), OFF (newsletters switched off), NO_ADDRESS. Leader only. MG401 for others.';
grant execute on function public.newsletter_delivery(uuid) to authenticated, service_role;

create function private.email_subscription(token text)
returns table (
  space_id uuid, space_name text, space_emails boolean, email_newsletters boolean, email_notifications boolean
)
language sql
stable
security definer
set search_path = ''
as $$
  select
    email_subscriptions.space_id, spaces.name, email_subscriptions.is_on,
    coalesce(settings.email_newsletters, true), coalesce(settings.email_notifications, true)
  from private.email_subscriptions
  left join public.spaces on spaces.id = email_subscriptions.space_id
  left join public.settings on settings.user_id = email_subscriptions.user_id
  where email_subscriptions.token = email_subscription.token;
$$;
comment on function private.email_subscription(text) is
  'Definer because no role reaches the tokens; granted to the service role only.';
grant execute on function private.email_subscription(text) to service_role;

create function public.email_subscription(token text)
returns table (
  space_id uuid, space_name text, space_emails boolean, email_newsletters boolean, email_notifications boolean
)
language sql
stable
set search_path = ''
as $$
  select * from private.email_subscription(email_subscription.token);
$$;
comment on function public.email_subscription(text) is
  'What the token of an unsubscribe link stands for: the space (nulls for mails about none, no name once it is gone) and '
  'what is on. No row for a token that nobody has. Secret key only.';
grant execute on function public.email_subscription(text) to service_role;

create function private.unsubscribe(token text, scope text)
returns boolean
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_subscription private.email_subscriptions;
begin
  if unsubscribe.scope is null or unsubscribe.scope not in ('space', 'everything') then
    perform private.fail('MG001', 'scope', 'scope is space or everything.');
  end if;
  select * into v_subscription
  from private.email_subscriptions
  where email_subscriptions.token = unsubscribe.token;
  if not found then
    return false;
  end if;
  if unsubscribe.scope = 'space' and v_subscription.space_id is not null then
    update private.email_subscriptions
    set is_on = false
    where email_subscriptions.token = unsubscribe.token and is_on;
  else
    insert into public.settings (user_id, email_newsletters, email_notifications)
    values (v_subscription.user_id, false, false)
    on conflict on constraint settings_pkey do update set email_newsletters = false, email_notifications = false;
  end if;
  return true;
end;
$$;
comment on function private.unsubscribe(text, text) is
  'Definer to write the settings of whoever the mail went to; granted to the service role only. Safe with a mail that '
  'was passed on: all its token can do is stop that person''s mail.';
grant execute on function private.unsubscribe(text, text) to service_role;

create function public.unsubscribe(token text, scope text)
returns boolean
language sql
set search_path = ''
as $$
  select private.unsubscribe(unsubscribe.token, unsubscribe.scope);
$$;
comment on function public.unsubscribe(text, text) is
  'Stop a person''s mail, by the token of a link in one: that of the space, or everything (which is also what "space" '
  'means in a mail about none). Again changes nothing. False for a token that nobody has. Secret key only.';
grant execute on function public.unsubscribe(text, text) to service_role;

create function private.set_space_emails(space_id uuid, is_on boolean)
returns boolean
language plpgsql
security definer
set search_path = ''
as $$
begin
  perform private.require_member(set_space_emails.space_id);
  if set_space_emails.is_on is null then
    perform private.fail('MG001', 'is_on', 'is_on is true or false.');
  end if;
  insert into private.email_subscriptions (user_id, space_id, is_on)
  values (private.require_user(), set_space_emails.space_id, set_space_emails.is_on)
  on conflict on constraint email_subscriptions_user_id_space_id_key do update set is_on = excluded.is_on;
  return set_space_emails.is_on;
end;
$$;
comment on function private.set_space_emails(uuid, boolean) is
  'Definer because no role reaches the table; safe because it only writes the caller''s own row, in a space of theirs.';
grant execute on function private.set_space_emails(uuid, boolean) to authenticated, service_role;

create function public.set_space_emails(space_id uuid, is_on boolean)
returns boolean
language sql
set search_path = ''
as $$
  select private.set_space_emails(set_space_emails.space_id, set_space_emails.is_on);
$$;
comment on function public.set_space_emails(uuid, boolean) is
  'Whether the caller gets emails from a space of theirs: newsletters and news alike. Answers what is set. MG101 where '
  'they are no member.';
grant execute on function public.set_space_emails(uuid, boolean) to authenticated, service_role;

create function private.space_emails(space_id uuid)
returns boolean
language plpgsql
stable
security definer
set search_path = ''
as $$
begin
  perform private.require_member(space_emails.space_id);
  return coalesce(
    (
      select email_subscriptions.is_on
      from private.email_subscriptions
      where email_subscriptions.user_id = private.require_user()
        and email_subscriptions.space_id = space_emails.space_id
    ),
    true
  );
end;
$$;
comment on function private.space_emails(uuid) is
  'Definer because no role reaches the table; safe because it only reads the caller''s own row, in a space of theirs.';
grant execute on function private.space_emails(uuid) to authenticated, service_role;

create function public.space_emails(space_id uuid)
returns boolean
language sql
stable
set search_path = ''
as $$
  select private.space_emails(space_emails.space_id);
$$;
comment on function public.space_emails(uuid) is
  'Whether the caller gets emails from a space of theirs. MG101 where they are no member.';
grant execute on function public.space_emails(uuid) to authenticated, service_role;
