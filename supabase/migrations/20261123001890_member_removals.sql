-- Removing members: who was removed stays out, with whichever account, until somebody else invites them.

-- Tables -------------------------------------------------------------------------------------------------------------

create table private.removed_members (
  space_id uuid not null references public.spaces (id) on delete cascade,
  user_id uuid not null references public.users (id) on delete cascade,
  removed_at timestamptz not null,
  constraint removed_members_pkey primary key (space_id, user_id)
);
comment on table private.removed_members is
  'Who was removed from a space, there or just gone, and has not been let in again: only an invite that somebody '
  'else made since lets them in. Who leaves is not in it, unless the leader removes them afterwards.';

create index idx_removed_members_user_id on private.removed_members (user_id);

alter table private.removed_members enable row level security;

-- Functions ----------------------------------------------------------------------------------------------------------

create function private.removals_of(user_id uuid, space_id uuid)
returns setof timestamptz
language sql
stable
security definer
set search_path = ''
as $$
  select removed_members.removed_at
  from private.removed_members
  where removed_members.space_id = removals_of.space_id
    and removed_members.user_id in (select private.accounts_of(removals_of.user_id))
  union all
  select remembered_removals.removed_at
  from private.known_addresses
  join private.remembered_removals using (digest)
  where known_addresses.user_id = removals_of.user_id and remembered_removals.space_id = removals_of.space_id;
$$;
comment on function private.removals_of(uuid, uuid) is
  'Return when the person was removed from the space, with whichever account of theirs, and not let in again. '
  'Definer; not granted, only other definer functions call it.';

create function private.forget_removals_of(user_id uuid, space_id uuid)
returns void
language sql
security definer
set search_path = ''
as $$
  delete from private.removed_members
  where removed_members.space_id = forget_removals_of.space_id
    and removed_members.user_id in (select private.accounts_of(forget_removals_of.user_id));
  delete from private.remembered_removals
  where remembered_removals.space_id = forget_removals_of.space_id
    and remembered_removals.digest in (
      select known_addresses.digest from private.known_addresses where known_addresses.user_id = forget_removals_of.user_id
    );
$$;
comment on function private.forget_removals_of(uuid, uuid) is
  'Forget that the person was removed from the space, with whichever account of theirs. Definer; not granted, only '
  'other definer functions call it.';

create function private.keep_out_addresses(user_id uuid, space_id uuid)
returns void
language sql
security definer
set search_path = ''
as $$
  insert into private.remembered_removals (digest, space_id, removed_at, noted_at)
  select former_addresses.digest, keep_out_addresses.space_id, clock_timestamp(), now()
  from private.former_addresses
  where former_addresses.user_id = keep_out_addresses.user_id
  order by former_addresses.digest
  on conflict on constraint remembered_removals_pkey do update
  set removed_at = excluded.removed_at, noted_at = excluded.noted_at;
$$;
comment on function private.keep_out_addresses(uuid, uuid) is
  'Keep the addresses of an account that is gone out of a space. Definer; not granted, only other definer functions '
  'call it.';

create function private.remove_member(space_id uuid, user_id uuid)
returns void
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_accounts uuid[];
  v_account_id uuid;
begin
  perform private.lock_space_as(remove_member.space_id, 'leader');
  -- A person goes with all their accounts that are in, unless one of these is the leader.
  v_accounts := array(
    select memberships.user_id
    from public.memberships
    join public.spaces on spaces.id = memberships.space_id
    where memberships.space_id = remove_member.space_id
      and memberships.user_id <> remove_member.user_id
      and memberships.user_id <> spaces.leader_id
      and memberships.user_id in (select private.present_accounts_of(remove_member.user_id))
    order by memberships.user_id
  );
  foreach v_account_id in array v_accounts loop
    delete from public.memberships
    where memberships.space_id = remove_member.space_id and memberships.user_id = v_account_id;
    insert into private.removed_members (space_id, user_id, removed_at)
    values (remove_member.space_id, v_account_id, clock_timestamp())
    on conflict on constraint removed_members_pkey do update
    set removed_at = excluded.removed_at;
  end loop;
  delete from public.memberships
  where memberships.space_id = remove_member.space_id and memberships.user_id = remove_member.user_id;
  if not found then
    -- Whoever was faster to leave than the leader to remove them is kept out all the same.
    if not exists (
      select from public.space_events
      where space_events.space_id = remove_member.space_id
        and space_events.kind = 'member.joined'
        and space_events.subject_id = remove_member.user_id
    ) then
      perform private.fail('MG102');
    end if;
    perform from public.users where users.id = remove_member.user_id for key share;
    if not found then
      -- So is whoever was faster to delete the account: their addresses are.
      perform private.keep_out_addresses(remove_member.user_id, remove_member.space_id);
      return;
    end if;
  end if;
  insert into private.removed_members (space_id, user_id, removed_at)
  values (remove_member.space_id, remove_member.user_id, clock_timestamp())
  on conflict on constraint removed_members_pkey do update
  set removed_at = excluded.removed_at
  -- The same command again changes nothing, unless there is an invite to shut out since.
  where exists (
    select from public.space_invites
    where space_invites.space_id = removed_members.space_id and space_invites.created_at > removed_members.removed_at
  );
end;
$$;
comment on function private.remove_member(uuid, uuid) is
  'Definer because clients delete only their own membership; safe because it refuses all but the leader.';
grant execute on function private.remove_member(uuid, uuid) to authenticated, service_role;

create function public.remove_member(space_id uuid, user_id uuid)
returns void
language sql
set search_path = ''
as $$
  select private.remove_member(remove_member.space_id, remove_member.user_id);
$$;
comment on function public.remove_member(uuid, uuid) is
  'Take a person out of a space, with all accounts of theirs that are in it (those that share an address) but the '
  'leader''s, and keep out who has left it already; what they wrote stays. They come back only by an invite that '
  'somebody else makes afterwards, also with another account of the same address. Leader only. MG102 where the '
  'person never was in the space; MG107 for the leader.';
grant execute on function public.remove_member(uuid, uuid) to authenticated, service_role;

-- Triggers -----------------------------------------------------------------------------------------------------------

create function private.forget_removals()
returns trigger
language plpgsql
security definer
set search_path = ''
as $$
begin
  delete from private.remembered_removals where space_id = old.id;
  return null;
end;
$$;
comment on function private.forget_removals() is
  'Trigger: who was removed from a space is forgotten with it. Definer because no role reaches the table; safe '
  'because it only fires for a space that is gone.';

create trigger spaces__forget_removals
  after delete on public.spaces
  for each row execute function private.forget_removals();
