-- What happens in a space, numbered 1, 2, 3 ... without a hole, in commit order. A reader that has seen number n knows
-- that it has seen everything up to n, whatever a socket lost on the way.
--
-- The number comes from a row per space in private.space_feeds. Whoever changes the state of a space takes that row
-- first (private.lock_space) and keeps it until commit: numbers become visible in order, a rolled back number is used
-- again, and the week cannot close under somebody's answer. It is the widest lock there is; spaces never wait for each
-- other.
--
-- Order of locks everywhere, so that nobody waits in a circle: prompts, responses or newsletters that are changed (an
-- UPDATE holds its row before any trigger runs, so they must come first); the space; memberships by id; people by id;
-- store items.

create table private.space_feeds (
  space_id uuid primary key references public.spaces (id) on delete cascade,
  last_seq bigint not null default 0
);
comment on table private.space_feeds is 'The last event number of each space; its row is the lock of the space.';

create table public.space_events (
  space_id uuid not null references public.spaces (id) on delete cascade,
  seq bigint not null,
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
comment on column public.space_events.seq is 'Counts 1, 2, 3 ... without a hole per space, in commit order. A reader''s cursor.';
comment on column public.space_events.actor_id is 'Who did it. May outlive their account.';
comment on column public.space_events.subject_id is 'What it was done to: a response, a newsletter, a person. May outlive it.';
comment on column public.space_events.payload is 'Ids and numbers only: what they stand for is read under the reader''s own rights.';

alter table private.space_feeds enable row level security;
alter table public.space_events enable row level security;

create policy "Members read what happens in their spaces" on public.space_events
  for select to authenticated using (space_id = any (array(select private.my_space_ids())));

grant select on public.space_events to authenticated, service_role;

create function private.lock_space(space_id uuid)
returns void
language plpgsql
security definer
set search_path = ''
as $$
begin
  perform from private.space_feeds where space_feeds.space_id = lock_space.space_id for update;
end;
$$;
comment on function private.lock_space(uuid) is
  'Hold the space until the transaction ends. Definer; not granted, only other definer functions call it.';

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

create function private.broadcast_space_event()
returns trigger
language plpgsql
security definer
set search_path = ''
as $$
begin
  perform realtime.send(
    jsonb_build_object(
      'space_id', new.space_id, 'seq', new.seq, 'kind', new.kind, 'actor_id', new.actor_id,
      'subject_id', new.subject_id, 'payload', new.payload, 'created_at', new.created_at
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
  'realtime.send() silently sends nothing for a caller without rights; safe because the policies of realtime.messages '
  'decide who receives.';

create trigger space_events__broadcast
  after insert on public.space_events
  for each row execute function private.broadcast_space_event();
