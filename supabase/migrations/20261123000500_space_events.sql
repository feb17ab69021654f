-- What happens in a space, numbered 1, 2, 3 ... without a hole, in commit order. A reader that has seen number n knows
-- that it has seen everything up to n, whatever a socket lost on the way.
--
-- The number comes from a row per space in private.space_feeds. Whoever changes the state of a space holds the space
-- first and keeps it until commit: numbers become visible in order, a rolled back number is used again, and the week
-- cannot close under somebody's response. Spaces never wait for each other.
--
-- Order of locks everywhere, so that nobody waits in a circle:
--
--   0. what one person sends with a key: their gifts, an invite, a purchase (advisory locks of their own)
--   1. spaces by id (the row of public.spaces). All rows of a space (memberships, prompts, responses, newsletters,
--      invites) are held by who holds the space, so they need no order among themselves. Policies of UPDATE
--      and DELETE hold the space before the row is (private.hold_space_as); functions and triggers of INSERT do it
--      first (private.lock_space_as).
--   2. people by id (private.lock_people). What belongs to one person (settings, purchases, notifications, the email of
--      the day) is changed by who holds the person (private.hold_me).
--      A person whose balance may change is held before anything refers to them: a foreign key holds a little of the
--      row, and to want more of it later is to wait for a deletion that waits for that little.
--   3. emails by id, rotations by id: workers write them without holding a space
--      Newsletters go after their emails: both go with a space. To change a row twice in a transaction is to hold a little of
--      all that it refers to, as its foreign keys are checked again: see private.claim_mails().
--   4. store items
--
-- That order holds within a statement, too, for people: a bulk of gifts holds them all before it pays the first. A
-- bulk that writes to several spaces (responses, prompts, memberships) or buys several items takes them in the order
-- of its rows, and a transaction of several statements in theirs. Two that cross may meet: Postgres ends one (40P01)
-- with nothing done, and sending it again is safe.
--
-- Whoever holds what others need does not wait long for more. A client who holds a space takes a second one only if it
-- is free (private.lock_space); and from the first space, other person or item on, all waiting together takes a second
-- (private.wait_briefly). Then Postgres ends the statement (55P03), and sending it again is safe. Publishing a
-- newsletter is excepted: it waits for those whom it is about (private.lock_readers). And one request changes so many
-- rows (private.bound_rows).
--
-- Scheduled work for everybody holds what nobody else holds (skip locked) and never waits. Deleting an account holds
-- everything first, see private.hold_departing(). A secret key passes by the policies: its plain UPDATE or DELETE of a
-- row of a space holds the row before the space and may meet somebody who has the space; Postgres then ends one of the
-- two, and sending it again is safe. Functions have no such trouble.

-- Tables -------------------------------------------------------------------------------------------------------------

create table private.space_feeds (
  space_id uuid primary key references public.spaces (id) on delete cascade,
  last_seq bigint not null default 0
);
comment on table private.space_feeds is 'The last event number of each space. Written by who holds the space.';

create table public.space_events (
  space_id uuid not null references public.spaces (id) on delete cascade,
  seq bigint not null,
  id uuid not null default gen_random_uuid(),
  kind text not null,
  actor_id uuid,
  subject_id uuid,
  payload jsonb not null default '{}',
  created_at timestamptz not null default clock_timestamp(),
  constraint space_events_pkey primary key (space_id, seq),
  constraint space_events_seq_positive check (seq >= 1),
  constraint space_events_payload_is_object check (jsonb_typeof(payload) = 'object'),
  constraint space_events_kind_known check (
    kind in (
      'response.published', 'response.updated', 'response.deleted', 'prompts.published', 'newsletter.published',
      'curator.assigned', 'member.joined', 'member.left', 'week.advanced'
    )
  )
);
comment on table public.space_events is
  'The feed of a space. Rows are never changed. Trigger: space_events__broadcast (to the channel space:{space_id}).';
comment on column public.space_events.seq is
  'Counts 1, 2, 3 ... without a hole per space, in commit order. A reader''s cursor.';
comment on column public.space_events.id is
  'Random: tells an event from another one that got its number after a backup was restored. A cursor carries both.';
comment on column public.space_events.actor_id is 'Who did it. May outlive their account.';
comment on column public.space_events.subject_id is
  'What it was done to: a response, a newsletter, a person. May outlive it.';
comment on column public.space_events.payload is
  'Ids and numbers only: what they stand for is read under the reader''s own rights.';

alter table private.space_feeds enable row level security;
alter table public.space_events enable row level security;

-- Policies and grants ------------------------------------------------------------------------------------------------

create policy "Members read what happens in their spaces" on public.space_events
  for select to authenticated using (space_id = any (array(select private.my_space_ids())));

grant select on public.space_events to authenticated, service_role;

-- Functions ----------------------------------------------------------------------------------------------------------

create function private.emit(
  space_id uuid, kind text, subject_id uuid, payload jsonb, actor_id uuid default auth.uid()
)
returns bigint
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_seq bigint;
begin
  update private.space_feeds
  set last_seq = last_seq + 1
  where space_feeds.space_id = emit.space_id
  returning last_seq into v_seq;
  insert into public.space_events (space_id, seq, kind, actor_id, subject_id, payload)
  values (emit.space_id, v_seq, emit.kind, emit.actor_id, emit.subject_id, emit.payload);
  return v_seq;
end;
$$;
comment on function private.emit(uuid, text, uuid, jsonb, uuid) is
  'Append an event to a space''s feed. Definer; not granted, only other definer functions call it.';

-- Triggers -----------------------------------------------------------------------------------------------------------

create function private.broadcast_space_event()
returns trigger
language plpgsql
security definer
set search_path = ''
as $$
begin
  perform realtime.send(
    jsonb_build_object(
      'space_id', new.space_id, 'seq', new.seq, 'id', new.id, 'kind', new.kind, 'actor_id', new.actor_id,
      'subject_id', new.subject_id, 'payload', new.payload, 'created_at', new.created_at,
      -- So that whoever listens can tell that it follows what they have seen.
      'previous_id', (
        select space_events.id from public.space_events
        where space_events.space_id = new.space_id and space_events.seq = new.seq - 1
      )
    ),
    new.kind,
    'space:' || new.space_id::text,
    true
  );
  return null;
end;
$$;
comment on function private.broadcast_space_event() is
  'Trigger: send the event to the private channel of its space, with the kind as its name. Definer because '
  'realtime.send() silently sends nothing for a caller without rights; safe because the policies of '
  'realtime.messages decide who receives.';

create trigger space_events__broadcast
  after insert on public.space_events
  for each row execute function private.broadcast_space_event();
