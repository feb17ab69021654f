-- Joining a space: a public one by a plain row, a private one by an invite code. Whoever repeats it is told that they are in.

-- Functions ----------------------------------------------------------------------------------------------------------

create function public.join_space(invite_code text)
returns public.memberships
language plpgsql
set search_path = ''
as $$
declare
  v_membership public.memberships;
begin
  if join_space.invite_code is null then
    perform private.fail('MG103');
  end if;
  insert into public.memberships (user_id, invite_code)
  values (private.require_user(), join_space.invite_code)
  returning * into v_membership;
  return v_membership;
end;
$$;
comment on function public.join_space(text) is
  'Join a space by an invite code and return the membership. MG103, MG104 or MG105 for a code that is wrong, expired '
  'or used up; MG106 for a member; MG111 for somebody who was removed, unless somebody else made the invite since.';
grant execute on function public.join_space(text) to authenticated;

-- Triggers -----------------------------------------------------------------------------------------------------------

create function private.admission(user_id uuid, space_id uuid, code text, out to_space uuid, out by_invite uuid)
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_invite record;
  v_invited_at timestamptz;
  v_space public.spaces;
begin
  to_space := admission.space_id;
  if admission.code is not null then
    -- Repeating a command that succeeded is MG106, even if it used up the invite.
    if private.opens_own_space(admission.code, admission.user_id) then
      perform private.fail('MG106');
    end if;
    select * into v_invite from private.valid_invite(admission.code);
    if admission.space_id is not null and admission.space_id <> v_invite.space_id then
      perform private.fail('MG103');
    end if;
    to_space := v_invite.space_id;
    by_invite := v_invite.id;
    v_invited_at := case
      when not coalesce(v_invite.created_by in (select private.accounts_of(admission.user_id)), false)
      then v_invite.created_at
    end;
  end if;

  select * into v_space from public.spaces where id = to_space;
  if admission.code is null and private.is_client()
    and not coalesce(v_space.is_public or v_space.leader_id = admission.user_id, false)
  then
    perform private.fail('MG109');
  end if;
  if private.is_member(to_space, admission.user_id) then
    perform private.fail('MG106');
  end if;
  if private.is_client() and exists (
    select from private.removals_of(admission.user_id, to_space) as removed_at
    where not coalesce(v_invited_at > removed_at, false)
  ) then
    perform private.fail('MG111');
  end if;
end;
$$;
comment on function private.admission(uuid, uuid, text) is
  'Return the space that a person may enter, and by which invite, or why they may not. A hidden space is refused in '
  'the words of one that does not exist. Definer to read invites and private spaces; not granted, only the '
  'membership trigger calls it.';

create function private.admit_member()
returns trigger
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_code text := new.invite_code;
begin
  new.invite_code := null;
  if private.is_client() and new.user_id is distinct from private.require_user() then
    perform private.deny('Nobody can join on somebody else''s behalf.', 'Send them an invite code.');
  end if;
  -- Who may not enter does not wait, nor let others wait.
  perform private.admission(new.user_id, new.space_id, v_code);
  -- One arrival at a time, so that the members and the uses of the invite do not change meanwhile.
  perform private.hold_entry(new.user_id);
  perform private.lock_space(coalesce(private.invited_space(v_code), new.space_id));
  perform private.hold_account(new.user_id);
  select to_space, by_invite into new.space_id, new.invite_id
  from private.admission(new.user_id, new.space_id, v_code);
  new.total_submissions := (
    select count(*) from public.responses
    where responses.space_id = new.space_id and responses.user_id = new.user_id and responses.is_published
  );
  return new;
end;
$$;
comment on function private.admit_member() is
  'Trigger: admit a person, or refuse with the reason. It only fills and checks columns; the invite is used up '
  'afterwards, for a row that really was inserted. Definer to hold the space and the account; safe because it admits '
  'nobody but the caller.';

create trigger memberships__admit
  before insert on public.memberships
  for each row execute function private.admit_member();

create function private.welcome_member()
returns trigger
language plpgsql
security definer
set search_path = ''
as $$
begin
  update public.space_invites set uses = uses + 1 where id = new.invite_id;
  perform private.forget_removals_of(new.user_id, new.space_id);
  perform private.emit(
    new.space_id, 'member.joined', new.user_id,
    jsonb_build_object('user_id', new.user_id, 'role', new.role), new.user_id
  );
  perform private.award_badges(array[new.user_id], '{spaces_joined}');
  return null;
end;
$$;
comment on function private.welcome_member() is
  'Trigger: use up the invite, forget a removal, tell the space, look for badges. Definer because clients write none '
  'of these; safe because it only fires for a membership that was admitted.';

create trigger memberships__welcome
  after insert on public.memberships
  for each row execute function private.welcome_member();
