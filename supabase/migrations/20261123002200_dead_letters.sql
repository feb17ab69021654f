-- What operators ask of work that waits: how many jobs and emails there are in which state, and to give dead ones
-- another try.

create function public.outbox_state()
returns table (kind text, state text, jobs bigint, oldest_run_at timestamptz)
language sql
stable
set search_path = ''
as $$
  -- A part for each index; every row is of exactly one.
  with parts as (
    select outbox.kind, outbox.state, count(*) as jobs, min(outbox.run_at) as run_at
    from private.outbox
    where outbox.due_at is null
    group by outbox.kind, outbox.state
    union all
    select outbox.kind, outbox.state, count(*), min(outbox.run_at)
    from private.outbox
    where outbox.due_at is not null
    group by outbox.kind, outbox.state
    union all
    select mails.kind::text, mails.state, count(*), min(mails.run_at)
    from private.mails
    where mails.state not in ('QUEUED', 'SENDING', 'UNCERTAIN')
    group by mails.kind, mails.state
    union all
    select mails.kind::text, mails.state, count(*), min(mails.run_at)
    from private.mails
    where mails.turn is not null
    group by mails.kind, mails.state
    union all
    select mails.kind::text, mails.state, count(*), min(mails.run_at)
    from private.mails
    where mails.due_at is not null and mails.turn is null
    group by mails.kind, mails.state
    union all
    select mails.kind::text, mails.state, count(*), min(mails.run_at)
    from private.mails
    where mails.batch_id is not null and mails.state in ('QUEUED', 'SENDING', 'UNCERTAIN')
    group by mails.kind, mails.state
  ),
  named as (
    select
      case
        when parts.kind = 'NEWSLETTER_PUBLISHED' then 'newsletter.email'
        when parts.kind ~ '^[A-Z]' then 'notification.email'
        else parts.kind
      end as kind,
      parts.state, parts.jobs, parts.run_at
    from parts
  )
  select named.kind, named.state, sum(named.jobs)::bigint, min(named.run_at)
  from named
  group by 1, 2
  order by 1, 2;
$$;
comment on function public.outbox_state() is
  'Return how many jobs and emails of each kind are in which state, and since when the oldest is due. Secret key '
  'only.';
grant execute on function public.outbox_state() to service_role;

create function public.dead_letters(letter_limit integer default 1000)
returns table (key text, kind text, attempts integer, last_error text, gave_up boolean, created_at timestamptz)
language sql
stable
set search_path = ''
as $$
  select outbox.key, outbox.kind, outbox.attempts, outbox.last_error, true, outbox.created_at
  from private.outbox
  where outbox.due_at is null and outbox.state = 'DEAD'
  union all
  select
    'mail:' || mails.id::text,
    case when mails.kind = 'NEWSLETTER_PUBLISHED' then 'newsletter.email' else 'notification.email' end,
    mails.attempts, mails.last_error, mails.gave_up, mails.created_at
  from private.mails
  where mails.state = 'FAILED'
  order by 6, 1
  limit private.require_count('letter_limit', dead_letters.letter_limit);
$$;
comment on function public.dead_letters(integer) is
  'Jobs and emails that will not be tried again, the oldest first: gave_up says that no attempt helped, otherwise '
  'the provider refused the email. Secret key only.';
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
  -- Emails before jobs, and by id, as everybody does who deletes an account.
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
    where outbox.due_at is null
      and outbox.state = 'DEAD'
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
  'Definer because it calls functions that are granted to nobody; granted to the service role only.';
grant execute on function private.replay_dead_letters(text[], timestamptz) to service_role;

create function public.replay_dead_letters(keys text[] default null, at timestamptz default now())
returns integer
language sql
set search_path = ''
as $$
  select private.replay_dead_letters(replay_dead_letters.keys, private.require_instant(replay_dead_letters.at));
$$;
comment on function public.replay_dead_letters(text[], timestamptz) is
  'Try jobs and emails of dead_letters() again, as if for the first time: those named by key, or all that were given '
  'up (what a provider refused is only tried again by name). Returns how many. Secret key only.';
grant execute on function public.replay_dead_letters(text[], timestamptz) to service_role;
