-- Who is in which space. Joining is one insert: public spaces take anybody, private ones an invite code.

create type public.membership_role as enum ('MEMBER', 'CURATOR', 'ADMIN');

-- Tables -------------------------------------------------------------------------------------------------------------

create table public.memberships (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null default auth.uid() references public.users (id) on delete cascade,
  space_id uuid not null references public.spaces (id) on delete cascade,
  role public.membership_role not null default 'MEMBER',
  weekly_streak integer not null default 0,
  total_submissions integer not null default 0,
  invite_id uuid,
  invite_code text,
  joined_at timestamptz not null default now(),
  constraint memberships_user_id_space_id_key unique (user_id, space_id),
  constraint memberships_counters_not_negative check (weekly_streak >= 0 and total_submissions >= 0),
  constraint memberships_invite_code_not_kept check (invite_code is null)
);
comment on table public.memberships is
  'Who is in which space. Triggers: memberships__admit (may they join), memberships__bound_rows, '
  'memberships__welcome (invite, event, badges), memberships__limit, memberships__hold (the leader stays), '
  'memberships__note_weeks (streaks), memberships__follow_up (event, next curator), memberships__leave_nothing '
  '(drafts of the open week), memberships__drop_links, memberships__end_invites and '
  'memberships__end_invites_of_who_left (of somebody who is not an admin any longer).';
comment on column public.memberships.role is
  'ADMIN: the leader and whom the leader names. CURATOR: asks this week''s questions. Everybody else is MEMBER.';
comment on column public.memberships.weekly_streak is
  'Weeks of this space in a row with a published response, up to the open one or the one before.';
comment on column public.memberships.total_submissions is 'Published responses of this person in this space.';
comment on column public.memberships.invite_id is 'The invite this person came by.';
comment on column public.memberships.invite_code is
  'Write-only: the code to join a private space with. Always null when read.';

create index idx_memberships_user_id on public.memberships (user_id);
create index idx_memberships_space_id on public.memberships (space_id, joined_at, user_id);
create index idx_memberships_invite_id on public.memberships (invite_id);

alter table public.memberships enable row level security;

-- Functions ----------------------------------------------------------------------------------------------------------

create function private.set_member_role(space_id uuid, user_id uuid, role public.membership_role)
returns public.memberships
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_space public.spaces;
  v_membership public.memberships;
begin
  perform private.lock_space_as(set_member_role.space_id, 'leader');
  select * into v_space from public.spaces where id = set_member_role.space_id;
  if not private.is_member(v_space.id, set_member_role.user_id) then
    perform private.fail('MG102');
  end if;
  if set_member_role.role is null then
    perform private.fail('MG001', 'role', 'role is MEMBER, CURATOR or ADMIN.');
  end if;
  if set_member_role.user_id = v_space.leader_id and set_member_role.role <> 'ADMIN' then
    perform private.fail('MG108');
  end if;
  if set_member_role.user_id = v_space.current_curator_id and set_member_role.role = 'MEMBER' then
    perform private.fail('MG110');
  end if;
  update public.memberships
  set role = set_member_role.role
  where memberships.space_id = v_space.id and memberships.user_id = set_member_role.user_id;
  if set_member_role.role = 'CURATOR' and set_member_role.user_id is distinct from v_space.current_curator_id then
    perform private.count_use('pens', (select auth.uid()));
    perform private.set_curator(v_space.id, v_space.current_week, set_member_role.user_id);
  end if;
  select * into v_membership
  from public.memberships
  where memberships.space_id = v_space.id and memberships.user_id = set_member_role.user_id;
  return v_membership;
end;
$$;
comment on function private.set_member_role(uuid, uuid, public.membership_role) is
  'Definer because clients update no role; safe because it refuses all but the leader.';
grant execute on function private.set_member_role(uuid, uuid, public.membership_role) to authenticated, service_role;

create function public.set_member_role(space_id uuid, user_id uuid, role public.membership_role)
returns public.memberships
language sql
set search_path = ''
as $$
  select private.set_member_role(set_member_role.space_id, set_member_role.user_id, set_member_role.role);
$$;
comment on function public.set_member_role(uuid, uuid, public.membership_role) is
  'Change a member''s role. CURATOR makes them the curator at once, as assign_curator() does. Leader only. MG102 '
  'where the person is not in the space, MG108 for the leader''s own role, MG110 for the curator''s.';
grant execute on function public.set_member_role(uuid, uuid, public.membership_role) to authenticated, service_role;

create function public.leave_space(space_id uuid)
returns void
language plpgsql
set search_path = ''
as $$
begin
  perform private.lock_space_as(leave_space.space_id, 'member');
  delete from public.memberships
  where memberships.space_id = leave_space.space_id and memberships.user_id = private.require_user();
end;
$$;
comment on function public.leave_space(uuid) is
  'Leave a space. What you wrote stays. MG101 where you are not in it, MG107 for its leader.';
grant execute on function public.leave_space(uuid) to authenticated;

create function private.drop_left_drafts(space_id uuid, user_id uuid)
returns integer
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_count integer;
  v_prompts integer;
begin
  delete from public.responses
  where id in (
    select responses.id
    from public.responses
    join public.spaces on spaces.id = responses.space_id and spaces.current_week = responses.week_number
    where not responses.is_published
      and (drop_left_drafts.space_id is null or responses.space_id = drop_left_drafts.space_id)
      and (drop_left_drafts.user_id is null or responses.user_id = drop_left_drafts.user_id)
      and not exists (
        select from public.memberships
        where memberships.space_id = responses.space_id and memberships.user_id = responses.user_id
      )
    order by responses.id
    for update of responses skip locked
  );
  get diagnostics v_count = row_count;
  delete from public.prompts
  where id in (
    select prompts.id
    from public.prompts
    join public.spaces on spaces.id = prompts.space_id and spaces.current_week = prompts.week_number
    where not prompts.is_published
      and prompts.curator_id is not null
      and (drop_left_drafts.space_id is null or prompts.space_id = drop_left_drafts.space_id)
      and (drop_left_drafts.user_id is null or prompts.curator_id = drop_left_drafts.user_id)
      and not exists (
        select from public.memberships
        where memberships.space_id = prompts.space_id and memberships.user_id = prompts.curator_id
      )
    order by prompts.id
    for update of prompts skip locked
    for no key update of spaces skip locked
  );
  get diagnostics v_prompts = row_count;
  return v_count + v_prompts;
end;
$$;
comment on function private.drop_left_drafts(uuid, uuid) is
  'Delete drafts of open weeks, responses and prompts, whose authors have left: of a space, of a person, or (null) '
  'of all. One that is being '
  'edited at this moment waits for the sweep, so that nobody waits in a circle; the edit itself is refused. Returns '
  'the number of drafts. Definer; not granted, only other definer functions call it.';

-- Triggers -----------------------------------------------------------------------------------------------------------

create function private.hold_leader()
returns trigger
language plpgsql
security definer
set search_path = ''
as $$
begin
  perform private.lock_space(old.space_id);
  if exists (select from public.spaces where id = old.space_id and leader_id = old.user_id) then
    perform private.fail('MG107');
  end if;
  return old;
end;
$$;
comment on function private.hold_leader() is
  'Trigger: a leader hands over before leaving. A space that is being deleted is no longer there to be led. Definer '
  'to see the space whoever deletes; safe because it only refuses.';

create trigger memberships__hold
  before delete on public.memberships
  for each row execute function private.hold_leader();

create function private.follow_up_departure()
returns trigger
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_space public.spaces;
begin
  select * into v_space from public.spaces where id = old.space_id;
  if not found then
    return null;
  end if;
  perform private.emit(
    old.space_id, 'member.left', old.user_id, jsonb_build_object('user_id', old.user_id)
  );
  if v_space.current_curator_id is null or v_space.current_curator_id = old.user_id then
    perform private.set_curator(
      old.space_id, v_space.current_week, private.next_curator(old.space_id, v_space.rotation_type, old.user_id)
    );
  end if;
  return null;
end;
$$;
comment on function private.follow_up_departure() is
  'Trigger: record the departure in the feed, and choose the next curator if they were the curator. Definer because '
  'clients write neither; safe because it only fires for a membership that is gone.';

create trigger memberships__follow_up
  after delete on public.memberships
  for each row execute function private.follow_up_departure();

create function private.leave_nothing()
returns trigger
language plpgsql
security definer
set search_path = ''
as $$
begin
  if not exists (select from public.spaces where id = old.space_id)
    or not exists (select from public.users where id = old.user_id)
  then
    return null;
  end if;
  perform private.drop_left_drafts(old.space_id, old.user_id);
  return null;
end;
$$;
comment on function private.leave_nothing() is
  'Trigger: who leaves a space, or is removed, leaves what they published and takes along the drafts of the open '
  'week. Definer to delete for somebody else; safe because it only fires for a membership that is gone.';

create trigger memberships__leave_nothing
  after delete on public.memberships
  for each row execute function private.leave_nothing();
