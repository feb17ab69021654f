-- What workers do with the emails that they have claimed: begin them, and settle what became of them, at once or when
-- the provider tells later.

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
  -- The provider may have been stopped since the batch was claimed.
  if exists (
    select from private.mail_batches
    join private.mail_providers on mail_providers.name = mail_batches.provider
    where mail_batches.id = begin_mails.batch_id and mail_providers.paused_until > begin_mails.at
  ) then
    return;
  end if;

  -- People before their emails, as everywhere: their subscriptions are about to refer to them.
  perform from public.users
  where users.id in (select mails.user_id from private.mails where mails.batch_id = begin_mails.batch_id)
  order by users.id
  for key share;
  -- The newsletters that their links are about to refer to go after their emails, and stay while those are held.
  perform from private.mails where mails.batch_id = begin_mails.batch_id order by mails.id for update;
  -- People change their settings between publishing and sending, and leave.
  update private.mails
  set state = excluded.reason, batch_id = null, position = null, owner_id = null
  from (
    select
      mails.id,
      coalesce(
        private.mail_exclusion(mails.user_id, mails.space_id, mails.kind),
        -- An email about a week is not sent once the week is over.
        case when spaces.current_week > (mails.payload ->> 'week_number')::integer then 'CLOSED' end
      ) as reason
    from private.mails
    left join public.spaces
      on spaces.id = mails.space_id
      and mails.kind in ('CURATOR_ASSIGNED', 'PROMPTS_PUBLISHED', 'RESPONSE_REMINDER')
    where mails.batch_id = begin_mails.batch_id and mails.id = any (v_ids) and mails.state = 'QUEUED'
  ) as excluded
  where mails.id = excluded.id and excluded.reason is not null;

  insert into private.email_subscriptions (user_id, space_id)
  select mails.user_id, mails.space_id
  from private.mails
  where mails.batch_id = begin_mails.batch_id and mails.id = any (v_ids) and mails.state = 'QUEUED'
  order by mails.id
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
  perform private.make_reading_links(begin_mails.batch_id);
end;
$$;
comment on function private.begin_mails(text, uuid, jsonb, interval, timestamptz) is
  'Definer because the service role does not reach the addresses of accounts; granted to the service role only.';
grant execute on function private.begin_mails(text, uuid, jsonb, interval, timestamptz) to service_role;

create function public.begin_mails(
  worker text, batch_id uuid, contents jsonb, lease_seconds integer default 120, at timestamptz default now()
)
returns table (id uuid, "position" integer, email text, token text, link text)
language plpgsql
set search_path = ''
as $$
declare
  v_begun uuid[] := array(
    select private.begin_mails(
      begin_mails.worker, begin_mails.batch_id, begin_mails.contents,
      private.require_seconds('lease_seconds', begin_mails.lease_seconds), private.require_instant(begin_mails.at)
    )
  );
begin
  return query
    select member.id, member.position, member.email, member.token, member.link
    from private.batch_mails(begin_mails.batch_id) as member
    where member.id = any (v_begun)
    order by member.position;
end;
$$;
comment on function public.begin_mails(text, uuid, jsonb, integer, timestamptz) is
  'Say that emails of a batch are about to be sent; contents has what each says, or null for newsletters, by email '
  'id. Returns those to send, with their addresses: without those whose owners want none by now or have left the '
  'space, or whose week is closed, and none at all where the batch is no longer this worker''s or the provider is '
  'paused. Renews the lease. Secret key only.';
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
  perform private.note_provider(settle_mails.batch_id, settle_mails.results, settle_mails.pause, settle_mails.at);

  select * into v_batch
  from private.mail_batches
  where mail_batches.id = settle_mails.batch_id and mail_batches.leased_by = settle_mails.worker
  for update;
  if not found then
    return false;
  end if;
  perform from private.mails where mails.batch_id = v_batch.id order by mails.id for update;
  perform from public.curator_rotations
  where curator_rotations.id in (
    select rotation.id
    from private.mails
    join public.curator_rotations as rotation
      on rotation.space_id = mails.space_id
      and rotation.curator_id = mails.user_id
      and rotation.week_number = (mails.payload ->> 'week_number')::integer
    where mails.batch_id = v_batch.id and mails.kind = 'CURATOR_ASSIGNED'
  )
  order by curator_rotations.id
  for no key update;

  insert into private.email_suppressions (address, reason, detail)
  select lower(mails.email), 'BOUNCED', left(private.scrub_addresses(result.error, mails.email), 500)
  from jsonb_to_recordset(settle_mails.results) as result (id uuid, outcome text, error text, suppress boolean)
  join private.mails on mails.id = result.id and mails.batch_id = settle_mails.batch_id
  where result.outcome = 'REJECTED' and result.suppress and mails.state in ('SENDING', 'UNCERTAIN')
  on conflict (address) do nothing;

  update private.mails
  set
    state = next.state,
    attempts = mails.attempts - case when result.outcome = 'RETRY' and result.uncounted then 1 else 0 end,
    held = mails.held + case when result.outcome = 'RETRY' and result.fault = 'SENDER' then 1 else 0 end,
    gave_up = (next.state = 'FAILED' and result.outcome = 'RETRY'),
    batch_id = case when next.state = 'UNCERTAIN' then mails.batch_id end,
    position = case when next.state = 'UNCERTAIN' then mails.position end,
    owner_id = case when next.state in ('QUEUED', 'UNCERTAIN') then mails.owner_id end,
    email = case when next.state = 'UNCERTAIN' then mails.email end,
    content = case when next.state = 'UNCERTAIN' then mails.content end,
    run_at = case
      when next.state <> 'QUEUED' then mails.run_at
      when result.fault = 'SENDER'
        then settle_mails.at + private.backoff(interval '1 minute', mails.held + 1, mails.id::text)
      -- Whoever is to empty a mailbox needs a day or so.
      when result.fault = 'MAILBOX_FULL'
        then settle_mails.at + 2 * private.backoff(interval '1 hour', mails.attempts, mails.id::text)
      else settle_mails.at + private.backoff(interval '30 seconds', mails.attempts, mails.id::text)
    end,
    provider_id = coalesce(result.provider_id, mails.provider_id),
    fault = case
      when next.state = 'FAILED' and result.fault = 'SENDER' then 'OTHER'
      when next.state not in ('SENT', 'UNCERTAIN') then result.fault
    end,
    last_error = case
      when next.state <> 'SENT' then left(private.scrub_addresses(result.error, mails.email), 2000)
    end,
    -- Whatever clock the worker goes by.
    sent_at = case when next.state = 'SENT' then greatest(settle_mails.at, mails.created_at) end
  from jsonb_to_recordset(settle_mails.results) as result (
    id uuid, outcome text, provider_id text, error text, uncounted boolean, fault text
  )
  join private.mails as tried on tried.id = result.id
  cross join lateral (
    select case
      when result.outcome = 'SENT' then 'SENT'
      when result.outcome = 'REJECTED' then 'FAILED'
      when result.outcome = 'UNCERTAIN' then 'UNCERTAIN'
      when tried.attempts >= settle_mails.max_attempts and not coalesce(result.uncounted, false) then 'FAILED'
      -- Other domains accept our email, and this one has not for a day: waiting longer will not help.
      when result.fault = 'SENDER' and tried.held >= 4 and exists (
        select from private.mail_refusals
        where mail_refusals.provider = v_batch.provider
          and mail_refusals.domain = private.mail_domain(tried.email)
          and mail_refusals.others_since <= settle_mails.at - interval '1 day'
      ) then 'FAILED'
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
  'Definer because it calls functions that are granted to nobody; granted to the service role only. An email that '
  'may have gone out is looked into after a minute and a half at the earliest: by then no request of ours is on its '
  'way any more.';
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
    settle_mails.worker, settle_mails.batch_id, settle_mails.results, private.require_seconds('pause_seconds', settle_mails.pause_seconds),
    settle_mails.is_end, private.require_instant(settle_mails.at),
    private.require_limit('max_attempts', settle_mails.max_attempts)
  );
$$;
comment on function public.settle_mails(text, uuid, jsonb, double precision, boolean, timestamptz, integer) is
  'Say what became of emails: [{"id", "outcome": SENT | REJECTED | RETRY | UNCERTAIN, "provider_id", "error", '
  '"fault": NO_MAILBOX | MAILBOX_FULL | SENDER | RATE | CONTENT | AWAY | OTHER, "suppress", "uncounted"}]. Addresses '
  'in an error are not kept. Refusals of three domains in a row for the SENDER''s sake stop the provider. '
  'pause_seconds keeps every worker from it, a day at most. is_end gives the rest of the batch back: what was not '
  'begun to anybody, what is uncertain for a later look. Returns false where the batch is no longer this worker''s. '
  'Secret key only.';
grant execute on function public.settle_mails(text, uuid, jsonb, double precision, boolean, timestamptz, integer)
  to service_role;

create function public.record_mail_event(provider_id text, event text, address text, detail text default null)
returns void
language plpgsql
set search_path = ''
as $$
declare
  v_detail text := private.scrub_addresses(record_mail_event.detail, record_mail_event.address);
begin
  if record_mail_event.event is null
    or record_mail_event.event not in ('BOUNCED', 'COMPLAINED', 'SUPPRESSED', 'FAILED', 'UNSENT') then
    perform private.fail('MG001', 'event', 'event is BOUNCED, COMPLAINED, SUPPRESSED, FAILED or UNSENT.');
  end if;
  if record_mail_event.event in ('BOUNCED', 'COMPLAINED', 'SUPPRESSED') then
    insert into private.email_suppressions (address, reason, detail)
    values (
      lower(regexp_replace(private.require_value('address', record_mail_event.address), '^\s+|\s+$', '', 'g')),
      case when record_mail_event.event = 'COMPLAINED' then 'COMPLAINED' else 'BOUNCED' end,
      left(v_detail, 500)
    )
    on conflict on constraint email_suppressions_pkey do nothing;
  end if;
  update private.mails
  set
    state = case
      when record_mail_event.event = 'SUPPRESSED' then 'SUPPRESSED'
      -- Up to a limit: a provider that takes emails and never sends them would be given them again and again.
      when record_mail_event.event = 'UNSENT' and mails.held < 30 then 'QUEUED'
      else 'FAILED'
    end,
    gave_up = (record_mail_event.event = 'UNSENT' and mails.held >= 30),
    sent_at = null,
    fault = case record_mail_event.event when 'BOUNCED' then 'NO_MAILBOX' when 'UNSENT' then 'SENDER' else 'OTHER' end,
    held = mails.held + (record_mail_event.event = 'UNSENT')::integer,
    run_at = case
      when record_mail_event.event = 'UNSENT'
        then now() + private.backoff(interval '15 minutes', mails.held + 1, mails.id::text)
      else mails.run_at
    end,
    last_error = left(lower(record_mail_event.event) || ': ' || coalesce(v_detail, ''), 2000)
  where mails.provider_id = record_mail_event.provider_id
    and mails.state = 'SENT'
    and record_mail_event.event <> 'COMPLAINED';
end;
$$;
comment on function public.record_mail_event(text, text, text, text) is
  'Return what a provider tells of an email that it had taken. The address gets no more email: BOUNCED (there is no '
  'mailbox), COMPLAINED (its reader did), SUPPRESSED (the provider sends it none). It gets the next one: FAILED '
  '(this one did not arrive), UNSENT (it never left, for the sender''s sake: it goes out again). Again changes '
  'nothing. Secret key only.';
grant execute on function public.record_mail_event(text, text, text, text) to service_role;
