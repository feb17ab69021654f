-- People take turns: who has much to be done waits for their own work, not everybody else (start-time fair queueing).
-- A line of jobs has a turn that it has come to, which only rises: that of the newest job that was claimed. Each job
-- gets the turn after its owner's last one, done or not, and none that the line has passed; the lowest turn goes
-- first. Owners are people, whatever accounts they have. Pictures that a published newsletter waits for have a line of
-- their own, which goes before all others; there it is whoever published it who takes turns, as with its rendering.
-- Whoever leads the space later has no part in it.
--
-- So while somebody has a job due, each other person is served twice at most before it, and once where its owner was
-- not served at the present turn. For claim_jobs() serves a person once a turn: a job gets into line again if its
-- owner was served at its turn, or at a higher one, or if the line has passed it meanwhile (it was held, failed, lost
-- with its worker, or due later). What is served after somebody's job with turn s, and before their next one with turn
-- t, therefore has turns from s to t, each once a person; and t is s + 1, or higher by as many as there were jobs of
-- their own between that were dropped or not due. Workers that claim at the same moment do not see each other's
-- claims: to these bounds comes one for each.
--
-- Emails take turns by the same rule, in lines of their own. They get them when they come due; see
-- private.line_up_mails().

-- Tables -------------------------------------------------------------------------------------------------------------

create table private.lines (
  name text primary key,
  turn bigint not null default 0,
  constraint lines_name_known check (name in ('awaited', 'pictures', 'others', 'mails', 'held'))
);
comment on table private.lines is
  'The lines that jobs and emails wait in. Only claim_jobs() and claim_mails() write here.';
comment on column private.lines.turn is 'The turn that the line has come to; it only rises.';

create table private.turns (
  line text references private.lines (name) on delete cascade,
  owner_id uuid,
  turn bigint not null,
  constraint turns_pkey primary key (line, owner_id)
);
comment on table private.turns is
  'The last turn that each person got in a line of emails, until the line has passed it. Jobs keep their own. Only '
  'claim_mails() writes here.';
comment on column private.turns.owner_id is 'See person_of().';

create index idx_turns_turn on private.turns (line, turn);

alter table private.lines enable row level security;
alter table private.turns enable row level security;

insert into private.lines (name) values ('awaited'), ('pictures'), ('others'), ('mails'), ('held');

-- Functions ----------------------------------------------------------------------------------------------------------

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
  'Return who an account is of, the same for all that share an address, there or gone: by the first of the digests '
  'of their addresses. Definer; not granted, only other definer functions call it.';

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
  'Return the turn of what gets into line: behind all that its owner has waiting or has had, and not before what the '
  'line has come to. It holds no row: jobs that get in at the same moment may get the same turn, which claim_jobs() '
  'mends. Definer; not granted, only other definer functions call it.';

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
  'Let a line come to a turn. Who finds another worker writing there does not wait: that one, or the next claim, '
  'raises it. Definer; not granted, only other definer functions call it.';

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
  'Let jobs get into line again, in the order in which they were. Definer; not granted, only other definer functions '
  'call it.';

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
  'Forget whose the jobs were that are done and whose turns have passed: no later turn depends on them. Definer; not '
  'granted, only the sweep calls it.';
