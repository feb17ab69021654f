-- Work to do outside the database (make pictures ready, render, remove files), written in the transaction that causes
-- it and worked off afterwards, at least once. A job's key is what it does: the same work is never queued twice.
-- Workers lease jobs with SKIP LOCKED (see the migration of jobs), each owner's in turn (see the migration of turns).
-- Emails have tables of their own.

create function private.line_of(kind text, is_awaited boolean)
returns text
language plpgsql
immutable
set search_path = ''
as $$
begin
  return case when line_of.kind <> 'picture.derive' then 'others' when line_of.is_awaited then 'awaited' else 'pictures' end;
end;
$$;
comment on function private.line_of(text, boolean) is
  'Return the line that a job waits in: pictures have one, those that newsletters wait for another, and all other '
  'jobs a third.';

-- Tables -------------------------------------------------------------------------------------------------------------

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
  is_held boolean not null default false,
  state text not null default 'READY',
  attempts integer not null default 0,
  run_at timestamptz not null default now(),
  leased_until timestamptz,
  leased_by text,
  due_at timestamptz generated always as (
    case state when 'READY' then run_at when 'LEASED' then leased_until end
  ) stored,
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
  'Jobs for the workers outside the database; see claim_jobs(), finish_job(), fail_job(). Trigger: '
  'outbox__release_waiting (what waited for a picture).';
comment on column private.outbox.key is 'What the job does, for example newsletter.render:{newsletter_id}.';
comment on column private.outbox.owner_id is
  'Whose turn it takes: the person who uploaded the file, published the newsletter, or led the space when it was '
  'queued; see person_of(). Null once it is done and its line has passed its turn.';
comment on column private.outbox.is_awaited is 'Whether a published newsletter waits for this picture.';
comment on column private.outbox.line is 'See line_of().';
comment on column private.outbox.turn is 'Jobs of one line are taken in the order of their turns; see next_turn().';
comment on column private.outbox.served_turn is 'The turn of the last claim; null before.';
comment on column private.outbox.is_held is
  'Whether the last claim that came to it found that it waits for another job: run_at is then when it is looked at '
  'again, unless release_jobs() makes it due before.';
comment on column private.outbox.due_at is
  'When a worker may take it: at run_at, or when its lease runs out; null once nobody is to do it any more.';
comment on column private.outbox.state is 'READY at run_at; LEASED to a worker; DONE; DEAD after too many attempts.';

create index idx_outbox_due on private.outbox (due_at, id) where due_at is not null;
create index idx_outbox_turn on private.outbox (is_awaited desc, turn, due_at, id) where state = 'READY';
create index idx_outbox_owner on private.outbox (line, owner_id, turn, id) where owner_id is not null;
create index idx_outbox_held on private.outbox ((payload ->> 'newsletter_id')) where is_held;
create index idx_outbox_served on private.outbox (line, owner_id, served_turn) where owner_id is not null and served_turn is not null;
-- What is finished is counted without reading its rows, which are most of them: see outbox_state().
create index idx_outbox_finished on private.outbox (state, kind, run_at) where due_at is null;

alter table private.outbox enable row level security;

-- Rights of the secret key's functions below; the schema is not exposed, so that nothing else uses them.
grant select on private.outbox to service_role;
grant update (state, finished_at, leased_by, leased_until, last_error, key, payload) on private.outbox to service_role;

-- Predicates ---------------------------------------------------------------------------------------------------------

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
  'Return whose work a job is: the account that a picture or a response is of, else that of the leader of the space; '
  'null where it is gone. Definer; not granted, only other definer functions call it.';

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
      private.is_in_print(
        is_job_held.payload ->> 'bucket_id',
        coalesce(is_job_held.payload ->> 'path', is_job_held.payload ->> 'folder' || '/')
      )
    when is_job_held.kind in ('newsletter.mail', 'newsletter.render', 'newsletter.pdf') then exists (
      select
      from private.printed_files
      join private.outbox on outbox.key = 'picture.derive:' || printed_files.bucket_id || '/' || printed_files.path
      where printed_files.newsletter_id = private.try_uuid(is_job_held.payload ->> 'newsletter_id')
        and outbox.state in ('READY', 'LEASED')
    )
    else false
  end;
end;
$$;
comment on function private.is_job_held(text, jsonb) is
  'Return true if a job has to wait for others: the removal of what a newsletter is yet to be rendered with for the '
  'rendering, and that for the newsletter''s pictures, until each is made or given up. Definer; not granted, only '
  'other definer functions call it.';
