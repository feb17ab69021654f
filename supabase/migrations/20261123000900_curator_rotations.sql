-- Who was the curator in each week of a space, and who is next. ROUND_ROBIN: the member who has waited longest since
-- curating. RANDOM: anybody but the present curator where there is a choice. MANUAL: the present curator stays until
-- the leader names another. In every kind the leader may name another curator at once with assign_curator().

create type public.delivery_status as enum ('PENDING', 'SENT', 'FAILED');

-- Tables -------------------------------------------------------------------------------------------------------------

create table public.curator_rotations (
  id uuid primary key default gen_random_uuid(),
  space_id uuid not null references public.spaces (id) on delete cascade,
  week_number integer not null,
  curator_id uuid references public.users (id) on delete set null,
  assigned_at timestamptz not null default now(),
  notification_status public.delivery_status not null default 'PENDING',
  notified_at timestamptz,
  reminded_at timestamptz,
  constraint curator_rotations_space_id_week_number_key unique (space_id, week_number),
  constraint curator_rotations_week_number_positive check (week_number >= 1)
);
comment on table public.curator_rotations is
  'The curator of each week of each space. Trigger: curator_rotations__require_columns.';
comment on column public.curator_rotations.notification_status is 'Whether the curator was notified by email.';
comment on column public.curator_rotations.reminded_at is
  'When the members without a response were reminded; null before.';

create index idx_curator_rotations_curator_id on public.curator_rotations (curator_id);

alter table public.curator_rotations enable row level security;

-- Policies and grants ------------------------------------------------------------------------------------------------

create policy "Members see who curated when" on public.curator_rotations
  for select to authenticated using (space_id = any (array(select private.my_space_ids())));

grant select on public.curator_rotations to authenticated, service_role;
grant update (notification_status, notified_at) on public.curator_rotations to service_role;

-- Functions ----------------------------------------------------------------------------------------------------------

create function private.waiting_order(space_id uuid, people integer default null)
returns table (user_id uuid, waiting bigint)
language plpgsql
stable
security definer
set search_path = ''
as $$
begin
  -- Who never curated comes first, in the order of an index; few have curated, for there is one a week.
  return query
    with never as materialized (
      select memberships.user_id, memberships.joined_at
      from public.memberships
      join public.users on users.id = memberships.user_id
      where memberships.space_id = waiting_order.space_id
        and memberships.user_id not in (
          select curator_rotations.curator_id
          from public.curator_rotations
          where curator_rotations.space_id = waiting_order.space_id and curator_rotations.curator_id is not null
        )
      order by memberships.joined_at, memberships.user_id
      limit waiting_order.people
    ),
    turns as materialized (
      select curator_rotations.curator_id, max(curator_rotations.week_number) as week_number
      from public.curator_rotations
      where curator_rotations.space_id = waiting_order.space_id
      group by curator_rotations.curator_id
    )
    select queue.user_id, row_number() over (order by queue.week_number nulls first, queue.joined_at, queue.user_id)
    from (
      select never.user_id, never.joined_at, null::integer as week_number from never
      union all
      select memberships.user_id, memberships.joined_at, turns.week_number
      from turns
      join public.memberships
        on memberships.space_id = waiting_order.space_id and memberships.user_id = turns.curator_id
      join public.users on users.id = memberships.user_id
    ) as queue
    order by 2
    limit waiting_order.people;
end;
$$;
comment on function private.waiting_order(uuid, integer) is
  'Members by how long they have waited since curating: 1 has waited longest. The first so many people, or all. '
  'Definer; not granted, only other definer functions call it.';

create function private.next_curator(space_id uuid, rotation_type public.rotation_type, current_curator_id uuid)
returns uuid
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
  v_people integer;
  v_next uuid;
begin
  if next_curator.rotation_type = 'MANUAL' then
    select memberships.user_id into v_next
    from public.memberships
    join public.spaces on spaces.id = memberships.space_id
    join public.users on users.id = memberships.user_id
    where memberships.space_id = next_curator.space_id
      and memberships.user_id in (next_curator.current_curator_id, spaces.leader_id)
    order by private.is_banned(memberships.user_id), (memberships.user_id = next_curator.current_curator_id) desc
    limit 1;
  elsif next_curator.rotation_type = 'RANDOM' then
    select memberships.user_id into v_next
    from public.memberships
    join public.users on users.id = memberships.user_id
    where memberships.space_id = next_curator.space_id
    order by
      private.is_banned(memberships.user_id),
      (memberships.user_id is not distinct from next_curator.current_curator_id), random()
    limit 1;
  else
    -- Nearly always one of the first is not banned.
    foreach v_people in array array[10, null]::integer[] loop
      select waiting_order.user_id into v_next
      from private.waiting_order(next_curator.space_id, v_people)
      where not private.is_banned(waiting_order.user_id)
      order by waiting_order.waiting
      limit 1;
      exit when found;
    end loop;
    if v_next is null then
      select waiting_order.user_id into v_next from private.waiting_order(next_curator.space_id, 1);
    end if;
  end if;
  return v_next;
end;
$$;
comment on function private.next_curator(uuid, public.rotation_type, uuid) is
  'Return who is the curator after current_curator_id, who may have left; a banned account only if there is no '
  'other. Members are joined with users because an account that is being deleted leaves its memberships behind for a '
  'moment. Definer; not granted, only other definer functions call it.';

create function private.set_curator(space_id uuid, week_number integer, curator_id uuid, at timestamptz default now())
returns public.curator_rotations
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_rotation public.curator_rotations;
begin
  insert into public.curator_rotations (space_id, week_number, curator_id, assigned_at)
  values (set_curator.space_id, set_curator.week_number, set_curator.curator_id, set_curator.at)
  on conflict on constraint curator_rotations_space_id_week_number_key do update
  set
    curator_id = excluded.curator_id,
    assigned_at = excluded.assigned_at,
    notification_status = 'PENDING',
    notified_at = null
  returning * into v_rotation;

  update public.spaces
  set current_curator_id = set_curator.curator_id
  where id = set_curator.space_id and current_curator_id is distinct from set_curator.curator_id;

  update public.memberships
  set role = case when memberships.user_id = set_curator.curator_id then 'CURATOR' else 'MEMBER' end::public.membership_role
  where memberships.space_id = set_curator.space_id
    and (
      (memberships.role = 'CURATOR' and memberships.user_id is distinct from set_curator.curator_id)
      or (memberships.role = 'MEMBER' and memberships.user_id = set_curator.curator_id)
    );

  perform private.emit(
    set_curator.space_id, 'curator.assigned', set_curator.curator_id,
    jsonb_build_object('user_id', set_curator.curator_id, 'week_number', set_curator.week_number)
  );
  perform private.notify(
    array[set_curator.curator_id], 'CURATOR_ASSIGNED', set_curator.space_id,
    jsonb_build_object('week_number', set_curator.week_number),
    'curator:' || v_rotation.id::text || ':' || set_curator.curator_id::text
  );
  return v_rotation;
end;
$$;
comment on function private.set_curator(uuid, integer, uuid, timestamptz) is
  'Make a member the curator of a week: rotation, space, roles, event, notification. Definer; not granted, only '
  'other definer functions call it, holding the space.';

create function private.assign_curator(space_id uuid, user_id uuid)
returns public.curator_rotations
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_week integer;
  v_rotation public.curator_rotations;
begin
  perform private.lock_space_as(assign_curator.space_id, 'leader');
  if not private.is_member(assign_curator.space_id, assign_curator.user_id) then
    perform private.fail('MG102');
  end if;
  select current_week into v_week from public.spaces where id = assign_curator.space_id;
  select * into v_rotation
  from public.curator_rotations
  where curator_rotations.space_id = assign_curator.space_id
    and curator_rotations.week_number = v_week
    and curator_rotations.curator_id = assign_curator.user_id;
  if found then
    return v_rotation;
  end if;
  perform private.count_use('pens', (select auth.uid()));
  return private.set_curator(assign_curator.space_id, v_week, assign_curator.user_id);
end;
$$;
comment on function private.assign_curator(uuid, uuid) is
  'Definer because clients write no rotation; safe because it refuses all but the leader.';
grant execute on function private.assign_curator(uuid, uuid) to authenticated, service_role;

create function public.assign_curator(space_id uuid, user_id uuid)
returns public.curator_rotations
language sql
set search_path = ''
as $$
  select private.assign_curator(assign_curator.space_id, assign_curator.user_id);
$$;
comment on function public.assign_curator(uuid, uuid) is
  'Make a member the curator of the open week, at once, and return the rotation. Naming the present curator changes '
  'nothing. Leader only. MG102 where the person is not in the space.';
grant execute on function public.assign_curator(uuid, uuid) to authenticated, service_role;

create function private.preview_rotation(space_id uuid, weeks integer)
returns table (week_number integer, user_id uuid, display_name text)
language plpgsql
stable
security definer
set search_path = ''
as $$
declare
  v_space public.spaces;
begin
  perform private.require_member(preview_rotation.space_id);
  if preview_rotation.weeks is null or preview_rotation.weeks not between 1 and 52 then
    perform private.fail('MG001', 'weeks', 'weeks lies between 1 and 52.');
  end if;
  select * into v_space from public.spaces where id = preview_rotation.space_id;
  if v_space.rotation_type = 'ROUND_ROBIN' then
    return query
      select v_space.current_week + turn.ahead, users.id, users.display_name
      from generate_series(1, preview_rotation.weeks) as turn (ahead)
      join (
        select waiting_order.user_id, waiting_order.waiting, count(*) over () as people
        from private.waiting_order(preview_rotation.space_id, preview_rotation.weeks)
      ) as queue on queue.waiting = (turn.ahead - 1) % queue.people + 1
      join public.users on users.id = queue.user_id
      order by turn.ahead;
  else
    return query
      select v_space.current_week + turn.ahead, users.id, users.display_name
      from generate_series(1, preview_rotation.weeks) as turn (ahead)
      left join public.users on v_space.rotation_type = 'MANUAL' and users.id = v_space.current_curator_id
      order by turn.ahead;
  end if;
end;
$$;
comment on function private.preview_rotation(uuid, integer) is
  'Definer to read names of other members; safe because it refuses all but members of the space.';
grant execute on function private.preview_rotation(uuid, integer) to authenticated, service_role;

create function public.preview_rotation(space_id uuid, weeks integer default 4)
returns table (week_number integer, user_id uuid, display_name text)
language sql
stable
set search_path = ''
as $$
  select * from private.preview_rotation(preview_rotation.space_id, preview_rotation.weeks);
$$;
comment on function public.preview_rotation(uuid, integer) is
  'Return who is to curate the weeks after the open one, if nobody joins, leaves or is assigned: the queue for '
  'ROUND_ROBIN, the present curator for MANUAL, nobody (nulls) for RANDOM. Members only.';
grant execute on function public.preview_rotation(uuid, integer) to authenticated, service_role;

-- Triggers -----------------------------------------------------------------------------------------------------------

create trigger curator_rotations__require_columns
  before update on public.curator_rotations
  for each row when (new.notification_status is null)
  execute function private.require_columns('notification_status');
