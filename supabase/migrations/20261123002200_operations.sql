-- What operators ask and do, with a secret key only: run the scheduled work by hand, look into the outbox and the mails,
-- give dead ones another try, keep the list of addresses that get none.

create function public.refresh_streaks(at timestamptz default now())
returns integer
language sql
set search_path = ''
as $$
  select private.refresh_streaks(private.require_instant(refresh_streaks.at));
$$;
comment on function public.refresh_streaks(timestamptz) is
  'Compute all streaks as of a time, pay milestones, award badges; answers how many people''s streaks changed. Secret key only.';
grant execute on function public.refresh_streaks(timestamptz) to service_role;

create function public.award_all_badges()
returns integer
language sql
set search_path = ''
as $$
  select private.award_all_badges();
$$;
comment on function public.award_all_badges() is
  'Award everybody the badges they have earned by now; answers how many. Secret key only.';
grant execute on function public.award_all_badges() to service_role;

create function private.outbox_state()
returns table (kind text, state text, jobs bigint, oldest_run_at timestamptz)
language sql
stable
security definer
set search_path = ''
as $$
  select outbox.kind, outbox.state, count(*), min(outbox.run_at)
  from private.outbox
  group by outbox.kind, outbox.state
  union all
  select
    case when mails.kind = 'NEWSLETTER_PUBLISHED' then 'newsletter.email' else 'notification.email' end,
    mails.state, count(*), min(mails.run_at)
  from private.mails
  group by 1, 2
  order by 1, 2;
$$;
comment on function private.outbox_state() is
  'Definer because no role reaches the outbox and the mails; granted to the service role only.';
grant execute on function private.outbox_state() to service_role;

create function public.outbox_state()
returns table (kind text, state text, jobs bigint, oldest_run_at timestamptz)
language sql
stable
set search_path = ''
as $$
  select * from private.outbox_state();
$$;
comment on function public.outbox_state() is
  'How many jobs and mails of each kind are in which state, and since when the oldest is due. Secret key only.';
grant execute on function public.outbox_state() to service_role;

create function private.dead_letters(letter_limit integer)
returns table (key text, kind text, attempts integer, last_error text, gave_up boolean, created_at timestamptz)
language sql
stable
security definer
set search_path = ''
as $$
  select outbox.key, outbox.kind, outbox.attempts, outbox.last_error, true, outbox.created_at
  from private.outbox
  where outbox.state = 'DEAD'
  union all
  select
    'mail:' || mails.id::text,
    case when mails.kind = 'NEWSLETTER_PUBLISHED' then 'newsletter.email' else 'notification.email' end,
    mails.attempts, mails.last_error, mails.gave_up, mails.created_at
  from private.mails
  where mails.state = 'FAILED'
  order by 6, 1
  limit dead_letters.letter_limit;
$$;
comment on function private.dead_letters(integer) is
  'Definer because no role reaches the outbox and the mails; granted to the service role only.';
grant execute on function private.dead_letters(integer) to service_role;

create function public.dead_letters(letter_limit integer default 1000)
returns table (key text, kind text, attempts integer, last_error text, gave_up boolean, created_at timestamptz)
language sql
stable
set search_path = ''
as $$
  select * from private.dead_letters(private.require_count('letter_limit', dead_letters.letter_limit));
$$;
comment on function public.dead_letters(integer) is
  'Jobs and mails that will not be tried again, the oldest first: gave_up says that no attempt helped, otherwise the '
  'provider refused the mail. Secret key only.';
grant execute on function public.dead_letters(integer) to service_role;

create function private.replay_dead_letters(keys text[], at timestamptz)
returns integer
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_ids bigint[];
  v_mail_ids uuid[];
  v_jobs integer;
begin
  -- Mails before jobs, and by id, as everybody does who deletes an account.
  v_mail_ids := array(
    select mails.id from private.mails
    where mails.state = 'FAILED'
      and case
        when replay_dead_letters.keys is null then mails.gave_up
        else mails.id = any (
          array(
            select private.try_uuid(substr(given.key, 6))
            from unnest(replay_dead_letters.keys) as given (key)
            where given.key like 'mail:%'
          )
        )
      end
    order by mails.id
    for update
  );
  update private.mails
  set state = 'QUEUED', attempts = 0, run_at = replay_dead_letters.at, gave_up = false, provider_id = null, fault = null,
    held = 0
  where mails.id = any (v_mail_ids);
  v_ids := array(
    select outbox.id from private.outbox
    where outbox.state = 'DEAD'
      and (replay_dead_letters.keys is null or outbox.key = any (replay_dead_letters.keys))
    for update
  );
  perform private.line_up(v_ids);
  update private.outbox
  set state = 'READY', attempts = 0, run_at = replay_dead_letters.at, finished_at = null
  where outbox.id = any (v_ids);
  get diagnostics v_jobs = row_count;
  return v_jobs + cardinality(v_mail_ids);
end;
$$;
comment on function private.replay_dead_letters(text[], timestamptz) is
  'Definer because no role reaches the outbox and the mails; granted to the service role only.';
grant execute on function private.replay_dead_letters(text[], timestamptz) to service_role;

create function public.replay_dead_letters(keys text[] default null, at timestamptz default now())
returns integer
language sql
set search_path = ''
as $$
  select private.replay_dead_letters(replay_dead_letters.keys, private.require_instant(replay_dead_letters.at));
$$;
comment on function public.replay_dead_letters(text[], timestamptz) is
  'Try jobs and mails of dead_letters() again, as if for the first time: those named by key, or all that were given up '
  '(what a provider refused is only tried again by name). Answers how many. Secret key only.';
grant execute on function public.replay_dead_letters(text[], timestamptz) to service_role;

create function private.mail_state()
returns table (
  provider text, fault text, reason text, since timestamptz, paused_until timestamptz, refusals integer
)
language sql
stable
security definer
set search_path = ''
as $$
  select
    mail_providers.name, mail_providers.fault, mail_providers.reason, mail_providers.since,
    mail_providers.paused_until, mail_providers.refusals
  from private.mail_providers
  order by mail_providers.name;
$$;
comment on function private.mail_state() is
  'Definer because no role reaches the providers; granted to the service role only.';
grant execute on function private.mail_state() to service_role;

create function public.mail_state()
returns table (
  provider text, fault text, reason text, since timestamptz, paused_until timestamptz, refusals integer
)
language sql
stable
set search_path = ''
as $$
  select * from private.mail_state();
$$;
comment on function public.mail_state() is
  'Providers of email that ever paused, and how they are: fault SENDER (what reason says has to be mended; until then all '
  'mail waits), RATE (too much at once), or null (mail goes out). Secret key only.';
grant execute on function public.mail_state() to service_role;

create function private.resume_mail(provider text, at timestamptz)
returns boolean
language sql
security definer
set search_path = ''
as $$
  with due as (
    update private.mails
    set run_at = resume_mail.at
    where mails.id = any (
      array(
        select waiting.id from private.mails as waiting
        where waiting.state = 'QUEUED' and waiting.batch_id is null and waiting.turn is null and waiting.fault = 'SENDER'
          and waiting.run_at > resume_mail.at
        order by waiting.id
        for update
      )
    )
  ), resumed as (
    update private.mail_providers
    set paused_until = resume_mail.at, fault = null, reason = null, since = null, refusals = 0, stops = 0
    where mail_providers.name = resume_mail.provider
      and (mail_providers.paused_until > resume_mail.at or mail_providers.fault is not null)
    returning mail_providers.name
  ), forgotten as (
    delete from private.mail_refusals where mail_refusals.provider = resume_mail.provider
  )
  select exists (select from resumed);
$$;
comment on function private.resume_mail(text, timestamptz) is
  'Definer because no role reaches the providers and the mails; granted to the service role only.';
grant execute on function private.resume_mail(text, timestamptz) to service_role;

create function public.resume_mail(provider text, at timestamptz default now())
returns boolean
language sql
set search_path = ''
as $$
  select private.resume_mail(resume_mail.provider, private.require_instant(resume_mail.at));
$$;
comment on function public.resume_mail(text, timestamptz) is
  'Send by a provider again, at once, and with it what it had refused for the sender''s sake; answers whether it was '
  'stopped. Secret key only.';
grant execute on function public.resume_mail(text, timestamptz) to service_role;

create function private.email_suppressions(after text, suppression_limit integer)
returns table (address text, reason text, detail text, created_at timestamptz)
language sql
stable
security definer
set search_path = ''
as $$
  select
    email_suppressions.address, email_suppressions.reason, email_suppressions.detail, email_suppressions.created_at
  from private.email_suppressions
  where email_suppressions.address > coalesce(lower(email_suppressions.after), '')
  order by email_suppressions.address
  limit email_suppressions.suppression_limit;
$$;
comment on function private.email_suppressions(text, integer) is
  'Definer because no role reaches the addresses; granted to the service role only.';
grant execute on function private.email_suppressions(text, integer) to service_role;

create function public.email_suppressions(after text default null, suppression_limit integer default 1000)
returns table (address text, reason text, detail text, created_at timestamptz)
language sql
stable
set search_path = ''
as $$
  select * from private.email_suppressions(
    email_suppressions.after, private.require_limit('suppression_limit', email_suppressions.suppression_limit)
  );
$$;
comment on function public.email_suppressions(text, integer) is
  'Up to suppression_limit (at most 1000) addresses that get no mail, by address, those after a given one. Secret key only.';
grant execute on function public.email_suppressions(text, integer) to service_role;

create function private.suppress_email(address text, detail text)
returns boolean
language plpgsql
security definer
set search_path = ''
as $$
begin
  perform private.check_text('address', coalesce(suppress_email.address, ''), 3, 320);
  insert into private.email_suppressions (address, reason, detail)
  values (lower(regexp_replace(suppress_email.address, '^\s+|\s+$', '', 'g')), 'MANUAL', left(suppress_email.detail, 500))
  on conflict do nothing;
  return found;
end;
$$;
comment on function private.suppress_email(text, text) is
  'Definer because no role reaches the addresses; granted to the service role only.';
grant execute on function private.suppress_email(text, text) to service_role;

create function public.suppress_email(address text, detail text default null)
returns boolean
language sql
set search_path = ''
as $$
  select private.suppress_email(suppress_email.address, suppress_email.detail);
$$;
comment on function public.suppress_email(text, text) is
  'Send no more mail to an address; answers whether that is new. Secret key only.';
grant execute on function public.suppress_email(text, text) to service_role;

create function private.allow_email(address text)
returns boolean
language sql
security definer
set search_path = ''
as $$
  with gone as (
    delete from private.email_suppressions
    where email_suppressions.address = lower(regexp_replace(allow_email.address, '^\s+|\s+$', '', 'g'))
    returning address
  )
  select exists (select from gone);
$$;
comment on function private.allow_email(text) is
  'Definer because no role reaches the addresses; granted to the service role only.';
grant execute on function private.allow_email(text) to service_role;

create function public.allow_email(address text)
returns boolean
language sql
set search_path = ''
as $$
  select private.allow_email(allow_email.address);
$$;
comment on function public.allow_email(text) is
  'Take an address off the list of those that get no mail; answers whether it was on it. Secret key only.';
grant execute on function public.allow_email(text) to service_role;
