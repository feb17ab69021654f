-- Who may see and change spaces and memberships, and how a right in a space is looked at.
--
-- `private.my_space_ids()` is the whole vocabulary of membership in policies, always written as
-- `space_id = any (array(select private.my_space_ids()))`: evaluated once per statement, then an index scan.
--
-- What policies and checks call for each request is PL/pgSQL even where it is one query: it keeps its plan, while
-- before PostgreSQL 18 a definer function in SQL is planned for each call.

-- Predicates ---------------------------------------------------------------------------------------------------------

create function private.my_space_ids()
returns setof uuid
language plpgsql
stable
security definer
set search_path = ''
as $$
begin
  return query select memberships.space_id from public.memberships where memberships.user_id = (select auth.uid());
end;
$$;
comment on function private.my_space_ids() is
  'Return the spaces the caller is in. Definer so that policies do not run policies; safe because it looks at the '
  'caller only.';
grant execute on function private.my_space_ids() to anon, authenticated, service_role;

create function private.my_led_space_ids()
returns setof uuid
language plpgsql
stable
security definer
set search_path = ''
as $$
begin
  return query select spaces.id from public.spaces where spaces.leader_id = (select auth.uid());
end;
$$;
comment on function private.my_led_space_ids() is
  'Return the spaces the caller leads. Definer so that policies do not run policies; safe because it looks at the '
  'caller only.';
grant execute on function private.my_led_space_ids() to anon, authenticated, service_role;

create function private.my_curated_space_ids()
returns setof uuid
language plpgsql
stable
security definer
set search_path = ''
as $$
begin
  return query select spaces.id from public.spaces where spaces.current_curator_id = (select auth.uid());
end;
$$;
comment on function private.my_curated_space_ids() is
  'Return the spaces in which the caller is the curator. Definer so that policies do not run policies; safe because '
  'it looks at the caller only.';
grant execute on function private.my_curated_space_ids() to anon, authenticated, service_role;

create function private.is_member(space_id uuid, user_id uuid)
returns boolean
language plpgsql
stable
security definer
set search_path = ''
as $$
begin
  return exists (
    select from public.memberships
    where memberships.space_id = is_member.space_id and memberships.user_id = is_member.user_id
  );
end;
$$;
comment on function private.is_member(uuid, uuid) is
  'Return true if a person is in a space. Definer; not granted to clients, only other definer functions call it.';

create function private.require_member(space_id uuid)
returns void
language plpgsql
stable
security definer
set search_path = ''
as $$
begin
  if private.is_client() then
    if not private.is_member(require_member.space_id, private.require_user()) then
      perform private.fail('MG101');
    end if;
  elsif not exists (select from public.spaces where id = require_member.space_id) then
    perform private.fail('MG101');
  end if;
end;
$$;
comment on function private.require_member(uuid) is
  'Refuse unless the caller is in the space (service keys: unless it exists). Definer; safe because it only refuses, '
  'and a space that does not exist gets the same error.';
grant execute on function private.require_member(uuid) to authenticated, service_role;

create function private.has_rank(space_id uuid, rank text)
returns boolean
language plpgsql
stable
security definer
set search_path = ''
as $$
begin
  return case has_rank.rank
    when 'leader' then exists (
      select from public.spaces where spaces.id = has_rank.space_id and spaces.leader_id = (select auth.uid())
    )
    when 'curator' then exists (
      select from public.spaces where spaces.id = has_rank.space_id and spaces.current_curator_id = (select auth.uid())
    )
    when 'admin' then exists (
      select from public.memberships
      where memberships.space_id = has_rank.space_id
        and memberships.user_id = (select auth.uid())
        and memberships.role = 'ADMIN'
    )
    when 'member' then private.is_member(has_rank.space_id, (select auth.uid()))
  end;
end;
$$;
comment on function private.has_rank(uuid, text) is
  'Return true if the caller is the leader, the curator, an admin or a member of a space. Definer; not granted, only '
  'other definer functions call it.';

create function private.require_rank(space_id uuid, rank text)
returns void
language plpgsql
stable
security definer
set search_path = ''
as $$
begin
  if not private.is_client() or require_rank.rank = 'member' then
    perform private.require_member(require_rank.space_id);
  elsif private.has_rank(require_rank.space_id, require_rank.rank) then
    return;
  elsif require_rank.rank = 'leader' then
    perform private.deny('Only the leader of the space may do this.', 'Ask the leader of the space.');
  elsif require_rank.rank = 'curator' then
    perform private.deny('Only the curator of the open week may do this.', 'Ask the leader of the space to make you the curator.');
  else
    perform private.require_member(require_rank.space_id);
    perform private.deny('Only admins of the space may invite.', 'Ask the leader of the space.');
  end if;
end;
$$;
comment on function private.require_rank(uuid, text) is
  'Refuse unless the caller has this rank in the space (service keys: unless it exists). A space that does not exist '
  'gets the same error. Definer; not granted, only lock_space_as() calls it.';

-- A right is checked when the command takes effect. Every command that changes something in a space holds the space
-- first, then looks whether the caller may: functions and new rows by lock_space_as(), changes and deletions of rows
-- by hold_space_as() in their policies, before the row itself is held. Both look with a snapshot of their own, which
-- sees what was committed while they waited; the policies' other conditions, of the statement's snapshot, do not.

create function private.lock_space(space_id uuid)
returns void
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_held text := nullif(current_setting('monogram.held_space', true), '');
begin
  perform private.is_plain_change();
  if v_held <> lock_space.space_id::text and private.is_client() then
    perform from public.spaces where spaces.id = lock_space.space_id for no key update nowait;
  else
    perform from public.spaces where spaces.id = lock_space.space_id for no key update;
  end if;
  if found then
    perform set_config('monogram.held_space', lock_space.space_id::text, true);
    perform private.wait_briefly();
  end if;
end;
$$;
comment on function private.lock_space(uuid) is
  'Hold the space until the transaction ends. A client who holds one waits for no other: where somebody has it, '
  'Postgres ends the statement (55P03) with nothing done. Definer; not granted, only other definer functions call '
  'it.';

create function private.lock_space_as(space_id uuid, rank text)
returns void
language plpgsql
security definer
set search_path = ''
as $$
begin
  -- Check the right first: without it, the caller neither waits nor makes others wait.
  perform private.require_rank(lock_space_as.space_id, lock_space_as.rank);
  perform private.lock_space(lock_space_as.space_id);
  perform private.require_rank(lock_space_as.space_id, lock_space_as.rank);
end;
$$;
comment on function private.lock_space_as(uuid, text) is
  'Hold the space until the transaction ends, as its leader, curator, admin or member; refuse where the caller is '
  'not, or is no longer when the space is free. Definer because clients may not lock a space; safe because it '
  'refuses, or holds and returns nothing.';
grant execute on function private.lock_space_as(uuid, text) to authenticated, service_role;

create function private.hold_space_as(space_id uuid, rank text)
returns boolean
language plpgsql
cost 1000
security definer
set search_path = ''
as $$
begin
  perform private.lock_space(hold_space_as.space_id);
  return hold_space_as.rank = 'author' or private.has_rank(hold_space_as.space_id, hold_space_as.rank);
end;
$$;
comment on function private.hold_space_as(uuid, text) is
  'Return the same for policies of UPDATE and DELETE: hold the space, then return whether the caller has the rank. '
  '"author" is true for everybody: people who have left may still delete what is theirs. Its cost makes the planner '
  'evaluate cheaper conditions first, so a space is held only for rows that the caller might change. Definer because '
  'clients may not lock a space; safe because it returns only what the caller knows.';
grant execute on function private.hold_space_as(uuid, text) to authenticated;

-- Policies and grants ------------------------------------------------------------------------------------------------

create policy "Everybody sees public spaces" on public.spaces
  for select to anon using (is_public);

create policy "People see public spaces and their own" on public.spaces
  for select to authenticated using (
    is_public
    or leader_id = (select auth.uid())
    or id = any (array(select private.my_space_ids()))
  );

create policy "People create spaces that they lead" on public.spaces
  for insert to authenticated with check (leader_id = (select auth.uid()));

create policy "Leaders change their spaces" on public.spaces
  for update to authenticated
  using (leader_id = (select auth.uid()) and private.hold_space_as(id, 'leader'))
  with check (leader_id = (select auth.uid()));

create policy "Leaders delete their spaces" on public.spaces
  for delete to authenticated using (leader_id = (select auth.uid()) and private.hold_space_as(id, 'leader'));

grant select on public.spaces to anon, authenticated, service_role;
grant insert (id, name, description, cover_path, leader_id, rotation_type, is_public, newsletter_visibility, language)
  on public.spaces to authenticated, service_role;
grant update (name, description, cover_path, rotation_type, is_public, newsletter_visibility, language, version)
  on public.spaces to authenticated, service_role;
grant delete on public.spaces to authenticated, service_role;

create policy "Members see who is in their spaces" on public.memberships
  for select to authenticated using (
    user_id = (select auth.uid())
    or space_id = any (array(select private.my_space_ids()))
  );

create policy "People join as themselves" on public.memberships
  for insert to authenticated with check (user_id = (select auth.uid()));

create policy "People leave by themselves" on public.memberships
  for delete to authenticated using (user_id = (select auth.uid()) and private.hold_space_as(space_id, 'author'));

grant select on public.memberships to authenticated, service_role;
grant insert (user_id, space_id, invite_code) on public.memberships to authenticated, service_role;
grant delete on public.memberships to authenticated, service_role;

-- Functions ----------------------------------------------------------------------------------------------------------

create function public.my_spaces()
returns setof public.spaces
language plpgsql
stable
set search_path = ''
as $$
begin
  return query select * from public.spaces where spaces.id = any (array(select private.my_space_ids()));
end;
$$;
comment on function public.my_spaces() is
  'Return the spaces that the caller is a member of: reading the table shows public ones as well.';
grant execute on function public.my_spaces() to authenticated, service_role;
