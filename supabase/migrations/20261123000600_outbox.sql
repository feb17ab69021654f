-- Work to do outside the database (render, remove files), written in the transaction that causes it and worked off
-- afterwards, at least once. A job's key is what it does: the same work is never queued twice. Workers lease jobs with
-- SKIP LOCKED; a worker that dies lets its lease run out, and another takes over. Emails have tables of their own.

create table private.outbox (
  id bigint generated always as identity primary key,
  kind text not null,
  key text not null,
  payload jsonb not null,
  state text not null default 'READY',
  attempts integer not null default 0,
  run_at timestamptz not null default now(),
  leased_until timestamptz,
  leased_by text,
  last_error text,
  created_at timestamptz not null default now(),
  finished_at timestamptz,
  constraint outbox_key_key unique (key),
  constraint outbox_kind_known check (
    kind in ('newsletter.render', 'storage.remove')
  ),
  constraint outbox_state_known check (state in ('READY', 'LEASED', 'DONE', 'DEAD')),
  constraint outbox_lease_whole check ((state = 'LEASED') = (leased_until is not null and leased_by is not null)),
  constraint outbox_payload_is_object check (jsonb_typeof(payload) = 'object')
);
comment on table private.outbox is
  'Jobs for the workers outside the database; see claim_jobs(), finish_job(), fail_job(). Trigger: outbox__wake.';
comment on column private.outbox.key is 'What the job does, for example newsletter.render:{newsletter_id}.';
comment on column private.outbox.state is 'READY at run_at; LEASED to a worker; DONE; DEAD after too many attempts.';

create index idx_outbox_due on private.outbox (run_at, id) where state in ('READY', 'LEASED');

alter table private.outbox enable row level security;

create function private.wake_workers()
returns trigger
language plpgsql
set search_path = ''
as $$
begin
  perform pg_notify('monogram_outbox', '');
  return null;
end;
$$;
comment on function private.wake_workers() is
  'Trigger: whoever listens hears that there is work once it is committed. It is a hint only: who does not listen finds '
  'the work by looking.';

create trigger outbox__wake
  after insert on private.outbox
  for each statement execute function private.wake_workers();

create function private.enqueue(kind text, key text, payload jsonb, run_at timestamptz default now())
returns void
language sql
security definer
set search_path = ''
as $$
  insert into private.outbox (kind, key, payload, run_at)
  values (enqueue.kind, enqueue.key, enqueue.payload, enqueue.run_at)
  on conflict on constraint outbox_key_key do update
  set state = 'READY', attempts = 0, run_at = excluded.run_at, finished_at = null
  where outbox.state = 'DONE' and outbox.kind = 'storage.remove';
$$;
comment on function private.enqueue(text, text, jsonb, timestamptz) is
  'Put a job into the outbox, once per key; a file that was removed and is there again can be removed again. Definer; not granted, only other definer functions call it.';

create function private.is_file_in_use(bucket_id text, path text)
returns boolean
language plpgsql
stable
security definer
set search_path = ''
as $$
begin
  return is_file_in_use.bucket_id = 'responses'
    and is_file_in_use.path ~ '^[0-9a-f-]{36}/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/'
    and exists (
      select from public.responses
      where responses.user_id = split_part(is_file_in_use.path, '/', 2)::uuid
        and responses.image_path = is_file_in_use.path
    );
end;
$$;
comment on function private.is_file_in_use(text, text) is
  'Whether an answer names the file: its author may have written another one with it since it was dropped. Definer; not '
  'granted, only other definer functions call it.';

create function private.claim_jobs(
  worker text, job_limit integer, lease interval, at timestamptz
)
returns setof private.outbox
language sql
security definer
set search_path = ''
as $$
  -- A job that ends every worker that takes it must not go on doing so.
  update private.outbox
  set
    state = 'DEAD', finished_at = claim_jobs.at, leased_by = null, leased_until = null,
    last_error = 'no worker that took it came back'
  where id in (
    select id from private.outbox
    where state = 'LEASED' and leased_until <= claim_jobs.at and attempts >= 10
    for update skip locked
  );

  update private.outbox
  set state = 'LEASED', attempts = attempts + 1, leased_by = claim_jobs.worker, leased_until = claim_jobs.at + claim_jobs.lease
  where id in (
    select id from private.outbox
    where (state = 'READY' and run_at <= claim_jobs.at) or (state = 'LEASED' and leased_until <= claim_jobs.at)
    order by run_at, id
    limit claim_jobs.job_limit
    for update skip locked
  )
  returning
    id, kind, key,
    case when kind = 'storage.remove'
      then payload || jsonb_build_object('in_use', private.is_file_in_use(payload ->> 'bucket_id', payload ->> 'path'))
      else payload
    end,
    state, attempts, run_at, leased_until, leased_by, last_error, created_at, finished_at;
$$;
comment on function private.claim_jobs(text, integer, interval, timestamptz) is
  'Lease due jobs and those whose lease ran out, ten times at most. Where a file is to be removed the payload says whether '
  'it is in use again. Definer because no role reaches the outbox; granted to the service role only.';
grant execute on function private.claim_jobs(text, integer, interval, timestamptz) to service_role;

create function private.finish_job(job_id bigint, worker text, at timestamptz)
returns boolean
language sql
security definer
set search_path = ''
as $$
  with finished as (
    update private.outbox
    set state = 'DONE', finished_at = finish_job.at, leased_by = null, leased_until = null, last_error = null
    where id = finish_job.job_id and state = 'LEASED' and leased_by = finish_job.worker
    returning id
  )
  select exists (select from finished);
$$;
comment on function private.finish_job(bigint, text, timestamptz) is
  'Mark a leased job as done. Definer because no role reaches the outbox; granted to the service role only.';
grant execute on function private.finish_job(bigint, text, timestamptz) to service_role;

create function private.backoff(base interval, attempts integer, seed text)
returns interval
language sql
immutable
set search_path = ''
as $$
  select least(interval '1 hour', backoff.base * (2 ^ least(greatest(backoff.attempts - 1, 0), 12)))
    * (0.75 + 0.5 * (abs(hashtextextended(backoff.seed, backoff.attempts) % 1000) / 1000.0));
$$;
comment on function private.backoff(interval, integer, text) is
  'How long to wait after so many attempts: twice as long each time, about an hour at most, a quarter more or less so '
  'that what failed together does not come back together.';

create function private.fail_job(job_id bigint, worker text, error text, at timestamptz, max_attempts integer)
returns text
language sql
security definer
set search_path = ''
as $$
  update private.outbox
  set
    state = case when attempts >= fail_job.max_attempts then 'DEAD' else 'READY' end,
    run_at = fail_job.at + private.backoff(interval '10 seconds', attempts, key),
    finished_at = case when attempts >= fail_job.max_attempts then fail_job.at end,
    leased_by = null,
    leased_until = null,
    last_error = left(fail_job.error, 2000)
  where id = fail_job.job_id and state = 'LEASED' and leased_by = fail_job.worker
  returning state;
$$;
comment on function private.fail_job(bigint, text, text, timestamptz, integer) is
  'Give a leased job back: due again after about 10, 20, 40 ... seconds, at most an hour, and DEAD after too many attempts. '
  'Definer because no role reaches the outbox; granted to the service role only.';
grant execute on function private.fail_job(bigint, text, text, timestamptz, integer) to service_role;

create function public.claim_jobs(
  worker text, job_limit integer default 10, lease_seconds integer default 60, at timestamptz default now()
)
returns table (id bigint, kind text, key text, payload jsonb, attempts integer, leased_until timestamptz)
language sql
set search_path = ''
as $$
  select jobs.id, jobs.kind, jobs.key, jobs.payload, jobs.attempts, jobs.leased_until
  from private.claim_jobs(
    claim_jobs.worker, claim_jobs.job_limit, make_interval(secs => claim_jobs.lease_seconds), claim_jobs.at
  ) as jobs
  order by jobs.id;
$$;
comment on function public.claim_jobs(text, integer, integer, timestamptz) is
  'Lease up to job_limit due jobs for lease_seconds. Secret key only.';
grant execute on function public.claim_jobs(text, integer, integer, timestamptz) to service_role;

create function public.finish_job(job_id bigint, worker text, at timestamptz default now())
returns boolean
language sql
set search_path = ''
as $$
  select private.finish_job(finish_job.job_id, finish_job.worker, finish_job.at);
$$;
comment on function public.finish_job(bigint, text, timestamptz) is
  'Mark a leased job as done; false where the lease is no longer this worker''s. Secret key only.';
grant execute on function public.finish_job(bigint, text, timestamptz) to service_role;

create function public.fail_job(
  job_id bigint, worker text, error text, at timestamptz default now(), max_attempts integer default 10
)
returns text
language sql
set search_path = ''
as $$
  select private.fail_job(fail_job.job_id, fail_job.worker, fail_job.error, fail_job.at, fail_job.max_attempts);
$$;
comment on function public.fail_job(bigint, text, text, timestamptz, integer) is
  'Give a leased job back for a later attempt; answers READY or DEAD, or null where the lease is no longer this '
  'worker''s. Secret key only.';
grant execute on function public.fail_job(bigint, text, text, timestamptz, integer) to service_role;
