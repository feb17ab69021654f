-- What workers do with the jobs of the outbox: lease them, finish them, give them back.

create function private.enqueue(
  kind text, key text, payload jsonb, run_at timestamptz default now(), account_id uuid default null
)
returns void
language sql
security definer
set search_path = ''
as $$
  insert into private.outbox (kind, key, payload, run_at, owner_id, turn)
  select
    part.kind, replace(enqueue.key, 'newsletter.render', part.kind), enqueue.payload, enqueue.run_at, owner.id,
    private.next_turn(private.line_of(part.kind, false), owner.id) + part.place - 1
  from unnest(
    case
      when enqueue.kind = 'newsletter.render' then '{newsletter.mail,newsletter.render,newsletter.pdf}'::text[]
      else array[enqueue.kind]
    end
  ) with ordinality as part (kind, place)
  cross join private.person_of(
    coalesce(enqueue.account_id, private.owner_of_work(enqueue.kind, enqueue.payload))
  ) as owner (id)
  order by part.place
  on conflict on constraint outbox_key_key do update
  set
    state = 'READY', attempts = 0, run_at = excluded.run_at, finished_at = null, owner_id = excluded.owner_id,
    is_awaited = false, is_held = false, turn = excluded.turn, served_turn = null
  where outbox.state in ('DONE', 'DEAD') and outbox.kind in ('picture.derive', 'storage.remove');
$$;
comment on function private.enqueue(text, text, jsonb, timestamptz, uuid) is
  'Put a job into the outbox, once per key, for the next turn of its owner: that of account_id, or whose work it is. '
  'Rendering a newsletter is three, each on its own: its email (newsletter.mail), its page (newsletter.render) and '
  'its PDF (newsletter.pdf), so that none keeps the others; files that were removed can be removed again, and '
  'pictures that were given up can be tried again. Definer; not granted, only other definer functions call it.';

create function private.drop_job(id bigint, at timestamptz)
returns void
language sql
security definer
set search_path = ''
as $$
  update private.outbox
  set
    state = 'DONE', finished_at = coalesce(finished_at, drop_job.at), leased_by = null, leased_until = null,
    -- Free the key, so that the same work can be queued again.
    key = kind || '#' || outbox.id, payload = '{}'
  where outbox.id = drop_job.id;
$$;
comment on function private.drop_job(bigint, timestamptz) is
  'Cancel a job, done or not, and forget what it was. Its turn counts as any other. Definer; not granted, only other '
  'definer functions call it.';

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
  'Return how long to wait after so many attempts: twice as long each time, about an hour at most, a quarter more or '
  'less so that what failed together does not come back together.';
grant execute on function private.backoff(interval, integer, text) to service_role;

create function private.release_jobs(ids bigint[])
returns void
language sql
security definer
set search_path = ''
as $$
  update private.outbox
  set is_held = false, run_at = created_at
  where id = any (
    array(
      select outbox.id from private.outbox
      where outbox.id = any (release_jobs.ids) and outbox.is_held and outbox.state = 'READY'
      for no key update skip locked
    )
  );
$$;
comment on function private.release_jobs(bigint[]) is
  'Let jobs be looked at again that claim_jobs() put off because they waited for others. One that somebody else '
  'holds comes back by itself. Definer; not granted, only triggers call it.';

create function private.claim_jobs(
  worker text, job_limit integer, lease interval, at timestamptz, kinds text[]
)
returns setof private.outbox
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_ids bigint[];
  v_looked integer := 0;
  v_held bigint[];
  v_unwanted bigint[];
  v_late bigint[];
begin
  -- A job that kills every worker that takes it is given up.
  update private.outbox
  set
    state = 'DEAD', finished_at = claim_jobs.at, leased_by = null, leased_until = null,
    last_error = 'no worker that took it came back'
  where id in (
    select id from private.outbox
    where state = 'LEASED' and due_at <= claim_jobs.at and attempts >= 10
    for update skip locked
  );

  -- One whose worker did not come back is due again, behind all that came due until then.
  v_ids := array(
    select id from private.outbox
    where state = 'LEASED' and due_at <= claim_jobs.at
      and (claim_jobs.kinds is null or kind = any (claim_jobs.kinds))
    for update skip locked
  );
  perform private.line_up(v_ids);
  update private.outbox
  set
    state = 'READY', leased_by = null, leased_until = null,
    -- A picture may be what ended its worker; the next one has to know.
    payload = case
      when kind = 'picture.derive' then payload || jsonb_build_object('lost', coalesce((payload ->> 'lost')::integer, 0) + 1)
      else payload
    end
  where id = any (v_ids);

  loop
    -- An array, so that the rows are chosen once: a subquery may be run again for a row, and then takes more than the
    -- limit.
    v_ids := array(
      select id from private.outbox
      where state = 'READY' and due_at <= claim_jobs.at
        and (claim_jobs.kinds is null or kind = any (claim_jobs.kinds))
      order by is_awaited desc, turn, due_at, id
      limit claim_jobs.job_limit
      for update skip locked
    );
    v_looked := v_looked + cardinality(v_ids);
    -- What waits for others is looked at again when they are done, or else after a minute, later an hour: however much
    -- of it there is, it does not keep the claims busy.
    v_held := array(
      select id from private.outbox where id = any (v_ids) and private.is_job_held(kind, payload)
    );
    update private.outbox
    set
      is_held = true,
      run_at = claim_jobs.at + least(interval '1 hour', greatest(interval '1 minute', (claim_jobs.at - created_at) / 8))
    where id = any (v_held);
    -- A picture that no row names any longer is not made. Naming it again queues it again.
    v_unwanted := array(
      select id from private.outbox
      where id = any (v_ids) and kind = 'picture.derive'
        and not private.is_file_needed(payload ->> 'bucket_id', payload ->> 'path')
    );
    perform private.drop_job(unwanted.id, claim_jobs.at) from unnest(v_unwanted) as unwanted (id);
    -- Whose turn has passed, or was taken by another job of the same owner, gets into line again.
    v_late := array(
      select outbox.id from private.outbox
      join private.lines on lines.name = outbox.line
      where outbox.id = any (v_ids) and outbox.id <> all (v_held) and outbox.state = 'READY'
        and (
          outbox.turn < lines.turn
          or exists (
            select from private.outbox as served
            where served.line = outbox.line and served.owner_id = outbox.owner_id and served.served_turn >= outbox.turn
          )
          or exists (
            select from private.outbox as same
            where same.line = outbox.line and same.owner_id = outbox.owner_id and same.turn = outbox.turn and same.id < outbox.id
          )
        )
    );
    perform private.line_up(v_late);
    exit when v_held || v_unwanted || v_late = '{}';
    if v_looked >= 2000 then
      v_ids := array(select id from unnest(v_ids) as id where id <> all (v_held || v_unwanted || v_late));
      exit;
    end if;
  end loop;

  perform private.raise_line(claimed.line, claimed.turn)
  from (
    select outbox.line, max(outbox.turn) as turn from private.outbox where outbox.id = any (v_ids) group by outbox.line
  ) as claimed;

  return query
  update private.outbox
  set
    state = 'LEASED', attempts = attempts + 1, served_turn = turn, is_held = false, leased_by = claim_jobs.worker,
    leased_until = claim_jobs.at + claim_jobs.lease,
    run_at = claim_jobs.at + claim_jobs.lease
  where id = any (v_ids)
  returning
    id, kind, key,
    case when kind = 'storage.remove' and payload ? 'path'
      then payload || jsonb_build_object('in_use', private.is_file_in_use(payload ->> 'bucket_id', payload ->> 'path'))
      else payload
    end,
    owner_id, is_awaited, line, turn, served_turn, is_held, state, attempts, run_at, leased_until, leased_by, due_at,
    last_error, created_at, finished_at;
end;
$$;
comment on function private.claim_jobs(text, integer, interval, timestamptz, text[]) is
  'Lease due jobs and those whose lease ran out, ten times at most, each owner''s in turn. Where a file is to be '
  'removed the payload says whether it is in use again. What has to wait for another job is put off, and a '
  'picture that nothing names is dropped; a claim looks at about 2000 jobs at most. Definer because it calls '
  'functions that are granted to nobody; granted to the service role only.';
grant execute on function private.claim_jobs(text, integer, interval, timestamptz, text[]) to service_role;

create function public.claim_jobs(
  worker text, job_limit integer default 10, lease_seconds integer default 60, at timestamptz default now(),
  kinds text[] default null
)
returns table (id bigint, kind text, key text, payload jsonb, attempts integer, leased_until timestamptz)
language sql
set search_path = ''
as $$
  select jobs.id, jobs.kind, jobs.key, jobs.payload, jobs.attempts, jobs.leased_until
  from private.claim_jobs(
    private.require_value('worker', claim_jobs.worker), private.require_limit('job_limit', claim_jobs.job_limit),
    private.require_seconds('lease_seconds', claim_jobs.lease_seconds), private.require_instant(claim_jobs.at), claim_jobs.kinds
  ) as jobs
  order by jobs.id;
$$;
comment on function public.claim_jobs(text, integer, integer, timestamptz, text[]) is
  'Lease up to job_limit (at most 1000) due jobs for lease_seconds, a day at most: of all kinds, or of those named. '
  'Secret key only.';
grant execute on function public.claim_jobs(text, integer, integer, timestamptz, text[]) to service_role;

create function public.finish_job(job_id bigint, worker text, at timestamptz default now())
returns boolean
language plpgsql
set search_path = ''
as $$
begin
  perform private.require_instant(finish_job.at);
  update private.outbox
  set
    state = 'DONE', finished_at = finish_job.at, leased_by = null, leased_until = null, last_error = null,
    -- A removed file is not named here either.
    key = case when outbox.kind = 'storage.remove' then outbox.kind || '#' || outbox.id else outbox.key end,
    payload = case when outbox.kind = 'storage.remove' then '{}' else outbox.payload end
  where outbox.id = finish_job.job_id and outbox.state = 'LEASED' and outbox.leased_by = finish_job.worker;
  return found;
end;
$$;
comment on function public.finish_job(bigint, text, timestamptz) is
  'Mark a leased job as done; false where the lease is no longer this worker''s. Secret key only.';
grant execute on function public.finish_job(bigint, text, timestamptz) to service_role;

create function private.fail_job(job_id bigint, worker text, error text, at timestamptz, max_attempts integer)
returns text
language sql
security definer
set search_path = ''
as $$
  update private.outbox
  set
    state = case when attempts >= fail_job.max_attempts then 'DEAD' else 'READY' end,
    turn = private.next_turn(line, owner_id),
    run_at = fail_job.at + private.backoff(interval '10 seconds', attempts, key),
    finished_at = case when attempts >= fail_job.max_attempts then fail_job.at end,
    leased_by = null,
    leased_until = null,
    last_error = left(fail_job.error, 2000)
  where id = fail_job.job_id and state = 'LEASED' and leased_by = fail_job.worker
  returning state;
$$;
comment on function private.fail_job(bigint, text, text, timestamptz, integer) is
  'Give a leased job back, for another turn of its owner: due again after about 10, 20, 40 ... seconds, at most an '
  'hour, and DEAD after too many attempts. Definer because it calls functions that are granted to nobody; granted to '
  'the service role only.';
grant execute on function private.fail_job(bigint, text, text, timestamptz, integer) to service_role;

create function public.fail_job(
  job_id bigint, worker text, error text, at timestamptz default now(), max_attempts integer default 10
)
returns text
language sql
set search_path = ''
as $$
  select private.fail_job(
    fail_job.job_id, fail_job.worker, fail_job.error, private.require_instant(fail_job.at),
    private.require_limit('max_attempts', fail_job.max_attempts)
  );
$$;
comment on function public.fail_job(bigint, text, text, timestamptz, integer) is
  'Give a leased job back for a later attempt, or for none after max_attempts (at most 1000); returns READY or DEAD, '
  'or null where the lease is no longer this worker''s. Secret key only.';
grant execute on function public.fail_job(bigint, text, text, timestamptz, integer) to service_role;
