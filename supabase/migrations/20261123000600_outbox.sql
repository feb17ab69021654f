-- Work to do outside the database (make pictures ready, render, remove files), written in the transaction that causes it and worked off
-- afterwards, at least once. A job's key is what it does: the same work is never queued twice. Workers lease jobs with
-- SKIP LOCKED; a worker that dies lets its lease run out, and another takes over. Emails have tables of their own.
--
-- People take turns: who has much to be done waits for their own work, not everybody else (start-time fair queueing). A line of
-- jobs has a turn that it has come to, which only rises: that of the newest job that was claimed. Each job gets the turn after its
-- owner's last one, done or not, and none that the line has passed; the lowest turn goes first. Owners are people, whatever accounts
-- they have. Pictures that a published newsletter waits for have a line of their own, which goes before all others; there it is whoever
-- published it who takes turns, as with its rendering. Whoever leads the space later has no part in it.
--
-- So while somebody has a job due, each other person is served twice at most before it, and once where its owner was not served at the
-- present turn. For claim_jobs() serves a person once a turn: a job gets into line again if its owner was served at its turn, or at a
-- higher one, or if the line has passed it meanwhile (it was held, failed, lost with its worker, or due later). What is served after
-- somebody's job with turn s, and before their next one with turn t, therefore has turns from s to t, each once a person; and t is s + 1, or
-- higher by as many as there were jobs of their own between that were dropped or not due. Workers that claim at the same moment do not
-- see each other's claims: to these bounds comes one for each.
--
-- Emails take turns by the same rule, in lines of their own. They get them when they come due; see private.line_up_mails().

create table private.lines (
  name text primary key,
  turn bigint not null default 0,
  constraint lines_name_known check (name in ('awaited', 'pictures', 'others', 'mails', 'held'))
);
comment on table private.lines is 'The lines that jobs and emails wait in. Only claim_jobs() and claim_mails() write here.';
comment on column private.lines.turn is 'The turn that the line has come to; it only rises.';

alter table private.lines enable row level security;

insert into private.lines (name) values ('awaited'), ('pictures'), ('others'), ('mails'), ('held');

create table private.turns (
  line text references private.lines (name) on delete cascade,
  owner_id uuid,
  turn bigint not null,
  constraint turns_pkey primary key (line, owner_id)
);
comment on table private.turns is
  'The last turn that each person got in a line of emails, until the line has passed it. Jobs keep their own. Only claim_mails() writes here.';
comment on column private.turns.owner_id is 'See person_of().';

create index idx_turns_turn on private.turns (line, turn);

alter table private.turns enable row level security;

create function private.line_of(kind text, is_awaited boolean)
returns text
language sql
immutable
set search_path = ''
as $$
  select case when line_of.kind <> 'picture.derive' then 'others' when line_of.is_awaited then 'awaited' else 'pictures' end;
$$;
comment on function private.line_of(text, boolean) is
  'The line that a job waits in: pictures have one, those that newsletters wait for another, and all that is no picture a third.';

create table private.outbox (
  id bigint generated always as identity primary key,
  kind text not null,
  key text not null,
  payload jsonb not null,
  owner_id uuid,
  is_awaited boolean not null default false,
  line text not null generated always as (private.line_of(kind, is_awaited)) stored,
  turn bigint not null default 0,
  served_turn bigint,
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
    kind in ('picture.derive', 'newsletter.mail', 'newsletter.render', 'newsletter.pdf', 'storage.remove')
  ),
  constraint outbox_state_known check (state in ('READY', 'LEASED', 'DONE', 'DEAD')),
  constraint outbox_lease_whole check ((state = 'LEASED') = (leased_until is not null and leased_by is not null)),
  constraint outbox_payload_is_object check (jsonb_typeof(payload) = 'object')
);
comment on table private.outbox is
  'Jobs for the workers outside the database; see claim_jobs(), finish_job(), fail_job(). Triggers: outbox__wake, and '
  'outbox__wake_waiting (what waited for a picture).';
comment on column private.outbox.key is 'What the job does, for example newsletter.render:{newsletter_id}.';
comment on column private.outbox.owner_id is
  'Whose turn it takes: the person who uploaded the file, published the newsletter, or led the space when it was queued; see '
  'person_of(). Null once it is done and its line has '
  'passed its turn.';
comment on column private.outbox.is_awaited is 'Whether a published newsletter waits for this picture.';
comment on column private.outbox.line is 'See line_of().';
comment on column private.outbox.turn is 'Jobs of one line are taken in the order of their turns; see next_turn().';
comment on column private.outbox.served_turn is 'The turn of the last claim; null before.';
comment on column private.outbox.state is 'READY at run_at; LEASED to a worker; DONE; DEAD after too many attempts.';

create index idx_outbox_due on private.outbox (run_at, id) where state in ('READY', 'LEASED');
create index idx_outbox_turn on private.outbox (is_awaited desc, turn, run_at, id) where state = 'READY';
create index idx_outbox_owner on private.outbox (line, owner_id, turn, id) where owner_id is not null;
create index idx_outbox_served on private.outbox (line, owner_id, served_turn) where owner_id is not null and served_turn is not null;

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

create trigger outbox__wake_waiting
  after update of state on private.outbox
  for each row when (new.is_awaited and new.state in ('DONE', 'DEAD'))
  execute function private.wake_workers();

create function private.person_of(user_id uuid)
returns uuid
language plpgsql
stable
security definer
set search_path = ''
as $$
begin
  return coalesce(
    (
      with addresses as not materialized (
        select known_addresses.user_id, known_addresses.digest from private.known_addresses
        union all
        select former_addresses.user_id, former_addresses.digest from private.former_addresses
      ), digests as materialized (
        -- By themselves, or a plan may look for the first of them among everybody's, in their order.
        select others.digest
        from addresses as own
        join addresses as shared using (digest)
        join addresses as others on others.user_id = shared.user_id
        where own.user_id = person_of.user_id
      )
      select encode(substr(digests.digest, 1, 16), 'hex')::uuid from digests order by digests.digest limit 1
    ),
    person_of.user_id,
    -- Whatever is nobody's takes the turns of one person.
    '00000000-0000-0000-0000-000000000000'
  );
end;
$$;
comment on function private.person_of(uuid) is
  'Who an account is of, the same for all that share an address, there or gone: by the first of the digests of their addresses. Definer; not granted, only other definer functions call it.';

create function private.owner_of_work(kind text, payload jsonb)
returns uuid
language plpgsql
stable
security definer
set search_path = ''
as $$
declare
  v_place text[] := string_to_array(
    case when owner_of_work.payload ->> 'bucket_id' = 'derived' then '' else (owner_of_work.payload ->> 'bucket_id') || '/' end
      || coalesce(owner_of_work.payload ->> 'path', owner_of_work.payload ->> 'folder'),
    '/'
  );
  v_space_id uuid;
begin
  if owner_of_work.kind in ('newsletter.mail', 'newsletter.render', 'newsletter.pdf') then
    select space_id into v_space_id
    from public.newsletters
    where id = private.try_uuid(owner_of_work.payload ->> 'newsletter_id');
  elsif v_place[1] = 'avatars' then
    return private.try_uuid(v_place[2]);
  elsif v_place[1] = 'responses' and private.try_uuid(v_place[3]) is not null then
    return private.try_uuid(v_place[3]);
  else
    v_space_id := private.try_uuid(v_place[2]);
  end if;
  return (select leader_id from public.spaces where id = v_space_id);
end;
$$;
comment on function private.owner_of_work(text, jsonb) is
  'Whose work a job is: the account that a picture or a response is of, else that of the leader of the space; null where it is gone. '
  'Definer; not granted, only other definer functions call it.';

create function private.next_turn(line text, owner_id uuid)
returns bigint
language sql
stable
security definer
set search_path = ''
as $$
  select greatest(
    (select lines.turn from private.lines where lines.name = next_turn.line),
    (
      select outbox.turn + 1 from private.outbox
      where outbox.line = next_turn.line and outbox.owner_id = next_turn.owner_id
      order by outbox.turn desc
      limit 1
    ),
    (
      select turns.turn + 1 from private.turns
      where turns.line = next_turn.line and turns.owner_id = next_turn.owner_id
    )
  );
$$;
comment on function private.next_turn(text, uuid) is
  'The turn of what gets into line: behind all that its owner has waiting or has had, and not before what the line has come to. It '
  'holds no row: jobs that get in at the same moment may get the same turn, which claim_jobs() mends. Definer; not granted, only other definer '
  'functions call it.';

create function private.raise_line(name text, turn bigint)
returns void
language sql
security definer
set search_path = ''
as $$
  update private.lines
  set turn = raise_line.turn
  where lines.turn < raise_line.turn
    and lines.name = any (
      array(select lines.name from private.lines where lines.name = raise_line.name for no key update skip locked)
    );
$$;
comment on function private.raise_line(text, bigint) is
  'Let a line come to a turn. Who finds another worker writing there does not wait: that one, or the next claim, raises it. '
  'Definer; not granted, only other definer functions call it.';

create function private.line_up(ids bigint[])
returns void
language sql
security definer
set search_path = ''
as $$
  update private.outbox
  set turn = places.turn
  from (
    select
      waiting.id,
      private.next_turn(waiting.line, waiting.owner_id)
        + row_number() over (partition by waiting.line, waiting.owner_id order by waiting.turn, waiting.run_at, waiting.id) - 1 as turn
    from private.outbox as waiting
    where waiting.id = any (line_up.ids)
  ) as places
  where outbox.id = places.id;
$$;
comment on function private.line_up(bigint[]) is
  'Let jobs get into line again, in the order in which they were. Definer; not granted, only other definer functions call it.';

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
    is_awaited = false, turn = excluded.turn, served_turn = null
  where outbox.state in ('DONE', 'DEAD') and outbox.kind in ('picture.derive', 'storage.remove');
$$;
comment on function private.enqueue(text, text, jsonb, timestamptz, uuid) is
  'Put a job into the outbox, once per key, for the next turn of its owner: that of account_id, or whose work it is. Rendering a newsletter is three, each on its own: its email (newsletter.mail), '
  'its page (newsletter.render) and its PDF (newsletter.pdf), so that none keeps the others; files that were removed can be removed again, and pictures '
  'that were given up can be tried again. Definer; not granted, only other definer functions call it.';

create function private.drop_job(id bigint, at timestamptz)
returns void
language sql
security definer
set search_path = ''
as $$
  update private.outbox
  set
    state = 'DONE', finished_at = coalesce(finished_at, drop_job.at), leased_by = null, leased_until = null,
    -- What nobody wants is not named here, and can be asked for again.
    key = kind || '#' || outbox.id, payload = '{}'
  where outbox.id = drop_job.id;
$$;
comment on function private.drop_job(bigint, timestamptz) is
  'Let nobody do a job any more, and forget what it was, also if it is done. Its turn counts as any other. Definer; not granted, only other definer functions call it.';

create function private.is_file_in_use(bucket_id text, path text)
returns boolean
language plpgsql
stable
security definer
set search_path = ''
as $$
begin
  return case is_file_in_use.bucket_id
    when 'responses' then exists (select from public.responses where image_path = is_file_in_use.path)
    when 'avatars' then exists (
      select from public.users
      where id = private.try_uuid(split_part(is_file_in_use.path, '/', 1)) and avatar_path = is_file_in_use.path
    )
    when 'covers' then exists (
      select from public.spaces
      where id = private.try_uuid(split_part(is_file_in_use.path, '/', 1)) and cover_path = is_file_in_use.path
    )
    else false
  end;
end;
$$;
comment on function private.is_file_in_use(text, text) is
  'Return true if a response, a profile or a space names the file: its owner may have named it again since it was dropped. '
  'Definer; not granted, only other definer functions call it.';

create function private.is_in_print(path text)
returns boolean
language plpgsql
stable
security definer
set search_path = ''
as $$
begin
  return exists (
    select from public.newsletters
    where newsletters.is_published
      and newsletters.html_path is null
      and newsletters.published_at > now() - interval '30 days'
      and strpos(newsletters.content::text, '"' || is_in_print.path) > 0
  );
end;
$$;
comment on function private.is_in_print(text) is
  'Return true if a published newsletter that is not rendered yet shows the file, or one in the folder (a path that ends '
  'with a slash). Rendering makes the newsletter''s own copies; until then, or for 30 days, the file stays. Definer; not granted, only other '
  'definer functions call it.';

create function private.is_job_held(kind text, payload jsonb)
returns boolean
language plpgsql
stable
security definer
set search_path = ''
as $$
begin
  return case
    when is_job_held.kind = 'storage.remove' then
      private.is_in_print(coalesce(is_job_held.payload ->> 'path', is_job_held.payload ->> 'folder' || '/'))
    when is_job_held.kind in ('newsletter.mail', 'newsletter.render', 'newsletter.pdf') then exists (
      select
      from public.newsletters
      cross join lateral private.pictures_in(newsletters.content) as named
      join private.outbox on outbox.key = 'picture.derive:' || named.bucket_id || '/' || named.path
      where newsletters.id = private.try_uuid(is_job_held.payload ->> 'newsletter_id')
        and outbox.state in ('READY', 'LEASED')
    )
    else false
  end;
end;
$$;
comment on function private.is_job_held(text, jsonb) is
  'Return true if a job has to wait for others: the removal of what a newsletter is yet to be rendered with for the rendering, and '
  'that for the newsletter''s pictures, until each is made or given up. Definer; not granted, only other definer functions call it.';

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
  v_unwanted bigint[];
  v_late bigint[];
begin
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

  -- One whose worker did not come back is due again, behind all that came due until then.
  v_ids := array(
    select id from private.outbox
    where state = 'LEASED' and leased_until <= claim_jobs.at
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
    -- An array, so that the rows are chosen once: a subquery may be run again for a row, and then takes more than the limit.
    v_ids := array(
      select id from private.outbox
      where state = 'READY' and run_at <= claim_jobs.at
        and (claim_jobs.kinds is null or kind = any (claim_jobs.kinds))
        and not private.is_job_held(kind, payload)
      order by is_awaited desc, turn, run_at, id
      limit claim_jobs.job_limit
      for update skip locked
    );
    -- Nobody works for a picture that is shown nowhere any more. Who names it again asks again.
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
      where outbox.id = any (v_ids) and outbox.state = 'READY'
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
    exit when v_unwanted = '{}' and v_late = '{}';
  end loop;

  perform private.raise_line(claimed.line, claimed.turn)
  from (
    select outbox.line, max(outbox.turn) as turn from private.outbox where outbox.id = any (v_ids) group by outbox.line
  ) as claimed;

  return query
  update private.outbox
  set
    state = 'LEASED', attempts = attempts + 1, served_turn = turn, leased_by = claim_jobs.worker,
    leased_until = claim_jobs.at + claim_jobs.lease,
    run_at = claim_jobs.at + claim_jobs.lease
  where id = any (v_ids)
  returning
    id, kind, key,
    case when kind = 'storage.remove' and payload ? 'path'
      then payload || jsonb_build_object('in_use', private.is_file_in_use(payload ->> 'bucket_id', payload ->> 'path'))
      else payload
    end,
    owner_id, is_awaited, line, turn, served_turn, state, attempts, run_at, leased_until, leased_by, last_error, created_at, finished_at;
end;
$$;
comment on function private.claim_jobs(text, integer, interval, timestamptz, text[]) is
  'Lease due jobs and those whose lease ran out, ten times at most, each owner''s in turn. Where a file is to be removed the payload says whether '
  'it is in use again. What has to wait for another job is not leased, and a picture that nothing names is dropped. Definer because no role reaches the outbox; granted to the service role only.';
grant execute on function private.claim_jobs(text, integer, interval, timestamptz, text[]) to service_role;

create function private.finish_job(job_id bigint, worker text, at timestamptz)
returns boolean
language sql
security definer
set search_path = ''
as $$
  with finished as (
    update private.outbox
    set
      state = 'DONE', finished_at = finish_job.at, leased_by = null, leased_until = null, last_error = null,
      -- What is gone is not named here, either.
      key = case when kind = 'storage.remove' then kind || '#' || id else key end,
      payload = case when kind = 'storage.remove' then '{}' else payload end
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
  'Give a leased job back, for another turn of its owner: due again after about 10, 20, 40 ... seconds, at most an hour, and DEAD after too many attempts. '
  'Definer because no role reaches the outbox; granted to the service role only.';
grant execute on function private.fail_job(bigint, text, text, timestamptz, integer) to service_role;

create function private.forget_owners()
returns void
language sql
security definer
set search_path = ''
as $$
  update private.outbox
  set owner_id = null
  from private.lines
  where lines.name = outbox.line and outbox.turn < lines.turn and outbox.state = 'DONE' and outbox.owner_id is not null;
$$;
comment on function private.forget_owners() is
  'Forget whose the jobs were that are done and whose turns have passed: no later turn depends on them. Definer; not granted, only the sweep calls it.';

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
  'Lease up to job_limit (at most 1000) due jobs for lease_seconds, a day at most: of all kinds, or of those named. Secret '
  'key only.';
grant execute on function public.claim_jobs(text, integer, integer, timestamptz, text[]) to service_role;

create function public.finish_job(job_id bigint, worker text, at timestamptz default now())
returns boolean
language sql
set search_path = ''
as $$
  select private.finish_job(finish_job.job_id, finish_job.worker, private.require_instant(finish_job.at));
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
  select private.fail_job(
    fail_job.job_id, fail_job.worker, fail_job.error, private.require_instant(fail_job.at),
    private.require_limit('max_attempts', fail_job.max_attempts)
  );
$$;
comment on function public.fail_job(bigint, text, text, timestamptz, integer) is
  'Give a leased job back for a later attempt, or for none after max_attempts (at most 1000); answers READY or DEAD, or null where the lease is no longer this '
  'worker''s. Secret key only.';
grant execute on function public.fail_job(bigint, text, text, timestamptz, integer) to service_role;
