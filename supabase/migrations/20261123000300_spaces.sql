-- Spaces and who is in them. Creating a space is one insert: triggers make the leader's ADMIN membership, the feed and
-- the rotation of week 1. Joining is one insert: public spaces take anybody, private ones an invite code.
--
-- `private.my_space_ids()` is the whole vocabulary of membership in policies, always written as
-- `space_id = any (array(select private.my_space_ids()))`: evaluated once per statement, then an index scan.

create type public.membership_role as enum ('MEMBER', 'CURATOR', 'ADMIN');
create type public.rotation_type as enum ('ROUND_ROBIN', 'RANDOM', 'MANUAL');
create type public.newsletter_visibility as enum ('PUBLIC', 'MEMBERS');

create table public.spaces (
  id uuid primary key default gen_random_uuid(),
  name text not null,
  description text,
  cover_path text,
  leader_id uuid not null default auth.uid() references public.users (id) on delete restrict,
  current_curator_id uuid references public.users (id) on delete set null,
  rotation_type public.rotation_type not null default 'ROUND_ROBIN',
  current_week integer not null default 1,
  is_public boolean not null default false,
  newsletter_visibility public.newsletter_visibility not null default 'PUBLIC',
  language text,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  version integer not null default 1,
  constraint spaces_name_length check (char_length(name) between 1 and 80),
  constraint spaces_name_seen check (private.is_line(name) and not private.is_blank(name)),
  constraint spaces_description_length check (char_length(description) <= 1000),
  constraint spaces_cover_path_length check (char_length(cover_path) <= 300),
  constraint spaces_current_week_positive check (current_week >= 1),
  constraint spaces_language_is_tag check (private.is_language_tag(language))
);

comment on table public.spaces is
  'A private group that writes a weekly newsletter. Triggers: spaces__bound_rows, spaces__fill, spaces__check_values, spaces__require_columns, spaces__take_id, '
  'spaces__hold_contents, spaces__found (feed, '
  'membership, rotation), spaces__spread_visibility (to its newsletters), spaces__drop_files, '
  'spaces__note_weeks (streaks), spaces__drop_former_cover (files go with what named them), spaces__ask_for_cover, spaces__limit, '
  'spaces__forget_removals, spaces__forget_limits, '
  'spaces__version, spaces__touch_updated_at.';
comment on column public.spaces.version is
  'Counts changes of what people edit. Written with a change, it names the version that was changed: MG308 if there is '
  'another by now.';
comment on column public.spaces.current_week is 'The open week, from 1. Publishing its newsletter closes it.';
comment on column public.spaces.current_curator_id is 'Who holds the pen in the open week.';
comment on column public.spaces.is_public is 'Whether anybody may see the space and join it without an invite.';
comment on column public.spaces.language is
  'In what its letters and emails speak to people, as a BCP 47 tag such as de or pt-BR, where they have not chosen; null for English.';
comment on column public.spaces.newsletter_visibility is 'Who reads published newsletters: everybody or members.';

create index idx_spaces_leader_id on public.spaces (leader_id);
create index idx_spaces_current_curator_id on public.spaces (current_curator_id);
create index idx_spaces_is_public on public.spaces (created_at desc) where is_public;

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
  'Who is in which space. Triggers: memberships__admit (may they join), memberships__bound_rows, memberships__welcome (invite, event, badges), '
  'memberships__limit, '
  'memberships__hold (the leader stays), memberships__note_weeks (streaks), '
  'memberships__farewell (event, pen), memberships__leave_nothing '
  '(drafts of the open week), memberships__drop_links, memberships__end_invites and memberships__end_invites_of_who_left (who is no admin any more).';
comment on column public.memberships.role is
  'ADMIN: the leader and whom the leader names. CURATOR: holds the pen this week. Everybody else is MEMBER.';
comment on column public.memberships.weekly_streak is 'Weeks of this space in a row with a published response, up to the open one or the one before.';
comment on column public.memberships.total_submissions is 'Published responses of this person in this space.';
comment on column public.memberships.invite_id is 'The invite this person came by.';
comment on column public.memberships.invite_code is 'Write-only: the code to join a private space with. Always null when read.';

create index idx_memberships_user_id on public.memberships (user_id);
create index idx_memberships_space_id on public.memberships (space_id);
create index idx_memberships_invite_id on public.memberships (invite_id);

create table private.removed_members (
  space_id uuid not null references public.spaces (id) on delete cascade,
  user_id uuid not null references public.users (id) on delete cascade,
  removed_at timestamptz not null,
  constraint removed_members_pkey primary key (space_id, user_id)
);
comment on table private.removed_members is
  'Who was removed from a space, there or just gone, and has not been let in again: only an invite that somebody else made '
  'since lets them in. Who leaves is not in it, unless the leader removes them afterwards.';

create index idx_removed_members_user_id on private.removed_members (user_id);

alter table public.spaces enable row level security;
alter table public.memberships enable row level security;
alter table private.removed_members enable row level security;

-- Predicates --------------------------------------------------------------------------------------------------------

create function private.my_space_ids()
returns setof uuid
language sql
stable
security definer
set search_path = ''
as $$
  select space_id from public.memberships where user_id = (select auth.uid());
$$;
comment on function private.my_space_ids() is
  'The spaces the caller is in. Definer so that policies do not run policies; safe because it answers for the caller only.';
grant execute on function private.my_space_ids() to anon, authenticated, service_role;

create function private.my_led_space_ids()
returns setof uuid
language sql
stable
security definer
set search_path = ''
as $$
  select id from public.spaces where leader_id = (select auth.uid());
$$;
comment on function private.my_led_space_ids() is
  'The spaces the caller leads. Definer so that policies do not run policies; safe because it answers for the caller only.';
grant execute on function private.my_led_space_ids() to anon, authenticated, service_role;

create function private.my_curated_space_ids()
returns setof uuid
language sql
stable
security definer
set search_path = ''
as $$
  select id from public.spaces where current_curator_id = (select auth.uid());
$$;
comment on function private.my_curated_space_ids() is
  'The spaces in which the caller holds the pen. Definer so that policies do not run policies; safe because it answers '
  'for the caller only.';
grant execute on function private.my_curated_space_ids() to anon, authenticated, service_role;

create function private.is_member(space_id uuid, user_id uuid)
returns boolean
language sql
stable
security definer
set search_path = ''
as $$
  select exists (
    select from public.memberships
    where memberships.space_id = is_member.space_id and memberships.user_id = is_member.user_id
  );
$$;
comment on function private.is_member(uuid, uuid) is
  'Whether a person is in a space. Definer; not granted to clients, only other definer functions call it.';

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
  'and a space that does not exist is refused in the same words.';
grant execute on function private.require_member(uuid) to authenticated, service_role;

create function private.has_rank(space_id uuid, rank text)
returns boolean
language sql
stable
security definer
set search_path = ''
as $$
  select case has_rank.rank
    when 'leader' then exists (
      select from public.spaces where spaces.id = has_rank.space_id and leader_id = (select auth.uid())
    )
    when 'curator' then exists (
      select from public.spaces where spaces.id = has_rank.space_id and current_curator_id = (select auth.uid())
    )
    when 'admin' then exists (
      select from public.memberships
      where memberships.space_id = has_rank.space_id and user_id = (select auth.uid()) and role = 'ADMIN'
    )
    when 'member' then private.is_member(has_rank.space_id, (select auth.uid()))
  end;
$$;
comment on function private.has_rank(uuid, text) is
  'Return whether the caller is the leader, the curator, an admin or a member of a space. Definer; not granted, only other '
  'definer functions call it.';

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
    perform private.deny('Only the curator of the open week may do this.', 'Ask the leader of the space for the pen.');
  else
    perform private.require_member(require_rank.space_id);
    perform private.deny('Only admins of the space may invite.', 'Ask the leader of the space.');
  end if;
end;
$$;
comment on function private.require_rank(uuid, text) is
  'Refuse unless the caller has this rank in the space (service keys: unless it exists). A space that does not exist is '
  'refused in the same words. Definer; not granted, only lock_space_as() calls it.';

-- A right is looked at when the command takes effect. Every command that changes something in a space holds the space
-- first, then looks whether the caller may: functions and new rows by lock_space_as(), changes and deletions of rows by
-- hold_space_as() in their policies, before the row itself is held. Both look with a snapshot of their own, which sees
-- what was committed while they waited; the policies' other conditions, of the statement's snapshot, do not.

create function private.lock_space(space_id uuid)
returns void
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_held text := nullif(current_setting('monogram.held_space', true), '');
begin
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
  'Hold the space until the transaction ends. A client who holds one waits for no other: where somebody has it, Postgres ends '
  'the statement (55P03) with nothing done. Definer; not granted, only other definer functions call it.';

create function private.lock_space_as(space_id uuid, rank text)
returns void
language plpgsql
security definer
set search_path = ''
as $$
begin
  -- Who has no right does not wait, nor let others wait.
  perform private.require_rank(lock_space_as.space_id, lock_space_as.rank);
  perform private.lock_space(lock_space_as.space_id);
  perform private.require_rank(lock_space_as.space_id, lock_space_as.rank);
end;
$$;
comment on function private.lock_space_as(uuid, text) is
  'Hold the space until the transaction ends, as its leader, curator, admin or member; refuse where the caller is not, or '
  'is no longer when the space is free. Definer because clients may not lock a space; safe because it refuses, or holds '
  'and returns nothing.';
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
  'The same for policies of UPDATE and DELETE: hold the space, then return whether the caller has the rank. "author" needs '
  'none: what is one''s own may be deleted by who has left, too. Its cost lets cheaper conditions go first, so nobody holds '
  'a space but for a row that they might change. Definer because clients may not lock a space; safe because it returns '
  'what the caller knows.';
grant execute on function private.hold_space_as(uuid, text) to authenticated;

-- Policies and grants -----------------------------------------------------------------------------------------------

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

-- Triggers of spaces ------------------------------------------------------------------------------------------------

create function private.fill_space()
returns trigger
language plpgsql
security definer
set search_path = ''
as $$
begin
  if new.leader_id = (select auth.uid()) then
    perform private.hold_entry(new.leader_id);
    perform private.hold_account(new.leader_id);
  end if;
  new.current_curator_id := new.leader_id;
  new.current_week := 1;
  return new;
end;
$$;
comment on function private.fill_space() is
  'Trigger: a new space begins in week 1 with the pen in its leader''s hand. Definer to hold the leader''s account; safe '
  'because it looks at the caller''s own only.';

create trigger spaces__fill
  before insert on public.spaces
  for each row execute function private.fill_space();

create function private.check_space_values()
returns trigger
language plpgsql
set search_path = ''
as $$
begin
  perform private.check_line('name', new.name, 1, 80);
  perform private.check_text('description', new.description, 0, 1000);
  perform private.check_text('cover_path', new.cover_path, -1, 300);
  perform private.check_language('language', new.language);
  if not private.is_file_in(new.cover_path, new.id::text) then
    perform private.fail('MG001', 'cover_path', 'Upload the picture to the bucket "covers" as {space_id}/{file}.');
  end if;
  return new;
end;
$$;
comment on function private.check_space_values() is 'Trigger: refuse bad values in words.';

create trigger spaces__check_values
  before insert or update of name, description, cover_path, language on public.spaces
  for each row execute function private.check_space_values();

create trigger spaces__require_columns
  before insert or update on public.spaces
  for each row when (
    new.name is null or new.rotation_type is null or new.is_public is null or new.newsletter_visibility is null
  )
  execute function private.require_columns('name', 'rotation_type', 'is_public', 'newsletter_visibility');

create trigger spaces__take_id
  before insert on public.spaces
  for each row execute function private.take_id();

create trigger spaces__touch_updated_at
  before update on public.spaces
  for each row execute function private.touch_updated_at();

create trigger spaces__version
  before update of name, description, cover_path, rotation_type, is_public, newsletter_visibility, language, version
  on public.spaces
  for each row execute function private.count_version(
    'name', 'description', 'cover_path', 'rotation_type', 'is_public', 'newsletter_visibility', 'language'
  );

create function private.found_space()
returns trigger
language plpgsql
security definer
set search_path = ''
as $$
begin
  insert into private.space_feeds (space_id) values (new.id);
  insert into public.memberships (space_id, user_id, role) values (new.id, new.leader_id, 'ADMIN');
  perform private.hand_pen(new.id, 1, new.leader_id);
  return null;
end;
$$;
comment on function private.found_space() is
  'Trigger: feed, the leader''s membership and the rotation of week 1. Definer because clients write none of these; '
  'safe because it only fires for a space that its policy has let in.';

create trigger spaces__found
  after insert on public.spaces
  for each row execute function private.found_space();

create function private.hold_space_contents()
returns trigger
language plpgsql
security definer
set search_path = ''
as $$
begin
  perform from public.users
  where users.id in (select notifications.user_id from public.notifications where notifications.space_id = old.id)
  order by users.id
  for no key update;
  perform from private.mails where mails.space_id = old.id order by mails.id for update;
  perform from public.curator_rotations
  where curator_rotations.space_id = old.id
  order by curator_rotations.id
  for update;
  return old;
end;
$$;
comment on function private.hold_space_contents() is
  'Trigger: hold what a space takes along and others write without holding the space: mails, and people for their '
  'notifications. Definer because clients reach neither; safe because it only holds rows of a space that is being deleted.';

create trigger spaces__hold_contents
  before delete on public.spaces
  for each row execute function private.hold_space_contents();

-- Triggers of memberships -------------------------------------------------------------------------------------------

create function private.admit_member()
returns trigger
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_code text := new.invite_code;
  v_invite record;
  v_invited_at timestamptz;
  v_space public.spaces;
begin
  new.invite_code := null;
  if private.is_client() and new.user_id is distinct from private.require_user() then
    perform private.deny('Nobody can join on somebody else''s behalf.', 'Send them an invite code.');
  end if;
  -- One arrival at a time, so that who is in already, and what the invite allows, is known for certain.
  perform private.hold_entry(new.user_id);
  perform private.lock_space(coalesce(private.invited_space(v_code), new.space_id));
  perform private.hold_account(new.user_id);

  if v_code is not null then
    -- Whoever repeats a command that got through is told so, even if it used up the invite.
    if private.opens_own_space(v_code, new.user_id) then
      perform private.fail('MG106');
    end if;
    select * into v_invite from private.valid_invite(v_code);
    if new.space_id is not null and new.space_id <> v_invite.space_id then
      perform private.fail('MG103');
    end if;
    new.space_id := v_invite.space_id;
    new.invite_id := v_invite.id;
    v_invited_at := case
      when not coalesce(v_invite.created_by in (select private.accounts_of(new.user_id)), false) then v_invite.created_at
    end;
  end if;

  select * into v_space from public.spaces where id = new.space_id;
  if v_code is null and private.is_client()
    and not coalesce(v_space.is_public or v_space.leader_id = new.user_id, false)
  then
    perform private.fail('MG109');
  end if;
  if private.is_member(new.space_id, new.user_id) then
    perform private.fail('MG106');
  end if;
  if private.is_client() and exists (
    select from private.removals_of(new.user_id, new.space_id) as removed_at
    where not coalesce(v_invited_at > removed_at, false)
  ) then
    perform private.fail('MG111');
  end if;
  new.total_submissions := (
    select count(*) from public.responses
    where responses.space_id = new.space_id and responses.user_id = new.user_id and responses.is_published
  );
  return new;
end;
$$;
comment on function private.admit_member() is
  'Trigger: let a person in, or say why not. It only fills and checks columns; the invite is used up afterwards, for a '
  'row that really was inserted. Definer to read invites and private spaces; safe because it admits nobody but the '
  'caller and words a hidden space like one that does not exist.';

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
  perform private.pardon(new.user_id, new.space_id);
  perform private.emit(
    new.space_id, 'member.joined', new.user_id,
    jsonb_build_object('user_id', new.user_id, 'role', new.role), new.user_id
  );
  perform private.award_badges(array[new.user_id], '{spaces_joined}');
  return null;
end;
$$;
comment on function private.welcome_member() is
  'Trigger: use up the invite, forget a removal, tell the space, look for badges. Definer because clients write none of '
  'these; safe because it only fires for a membership that was admitted.';

create trigger memberships__welcome
  after insert on public.memberships
  for each row execute function private.welcome_member();

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
  'Trigger: a leader hands over before leaving. A space that is being deleted is no longer there to be led. Definer to '
  'see the space whoever deletes; safe because it only refuses.';

create trigger memberships__hold
  before delete on public.memberships
  for each row execute function private.hold_leader();

create function private.farewell_member()
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
    perform private.hand_pen(
      old.space_id, v_space.current_week, private.next_curator(old.space_id, v_space.rotation_type, old.user_id)
    );
  end if;
  return null;
end;
$$;
comment on function private.farewell_member() is
  'Trigger: tell the space, and pass on the pen if it was theirs. Definer because clients write neither; safe because '
  'it only fires for a membership that is gone.';

create trigger memberships__farewell
  after delete on public.memberships
  for each row execute function private.farewell_member();

create function private.end_invites()
returns trigger
language plpgsql
security definer
set search_path = ''
as $$
begin
  update public.space_invites
  set revoked_at = now()
  where space_id = old.space_id and created_by = old.user_id and revoked_at is null;
  return null;
end;
$$;
comment on function private.end_invites() is
  'Trigger: the invites of somebody who is no admin of the space any more are withdrawn. Definer because other people''s '
  'invites are not the caller''s to change; safe because it only fires for a rank that is lost.';

create trigger memberships__end_invites
  after update of role on public.memberships
  for each row when (old.role = 'ADMIN' and new.role <> 'ADMIN')
  execute function private.end_invites();

create trigger memberships__end_invites_of_who_left
  after delete on public.memberships
  for each row when (old.role = 'ADMIN')
  execute function private.end_invites();

create function private.hand_over_spaces()
returns trigger
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_space_id uuid;
  v_heir uuid;
begin
  for v_space_id in select id from public.spaces where leader_id = old.id order by id loop
    perform private.lock_space(v_space_id);
    -- Several accounts may go in one statement: what refers to those gone already is still there.
    update public.spaces
    set current_curator_id = null
    where id = v_space_id and not exists (select from public.users where users.id = spaces.current_curator_id);
    select memberships.user_id into v_heir
    from public.memberships
    join public.users on users.id = memberships.user_id
    where memberships.space_id = v_space_id and memberships.user_id <> old.id
    order by (memberships.role = 'ADMIN') desc, memberships.joined_at, memberships.user_id
    limit 1;
    if v_heir is null then
      delete from public.spaces where id = v_space_id;
    else
      perform private.set_leader(v_space_id, v_heir);
    end if;
  end loop;
  return old;
end;
$$;
comment on function private.hand_over_spaces() is
  'Trigger: when an account is deleted, each space it leads goes to its longest-standing admin, else member; an empty '
  'one goes with it. Definer because the auth service has no rights in public; safe because it only fires for an '
  'account that is being deleted.';

create trigger users__hand_over
  before delete on public.users
  for each row execute function private.hand_over_spaces();

-- Functions ---------------------------------------------------------------------------------------------------------

create function private.set_leader(space_id uuid, user_id uuid)
returns void
language plpgsql
security definer
set search_path = ''
as $$
begin
  update public.memberships
  set role = case
    when memberships.user_id = set_leader.user_id then 'ADMIN'
    when memberships.user_id = spaces.current_curator_id then 'CURATOR'
    else 'MEMBER'
  end::public.membership_role
  from public.spaces
  where spaces.id = set_leader.space_id
    and memberships.space_id = spaces.id
    and memberships.user_id in (set_leader.user_id, spaces.leader_id);
  update public.spaces set leader_id = set_leader.user_id where id = set_leader.space_id;
end;
$$;
comment on function private.set_leader(uuid, uuid) is
  'Make a member the leader. Definer; not granted, callers check the right first.';

create function private.transfer_leadership(space_id uuid, user_id uuid)
returns public.spaces
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_space public.spaces;
begin
  perform private.lock_space_as(transfer_leadership.space_id, 'leader');
  if not private.is_member(transfer_leadership.space_id, transfer_leadership.user_id) then
    perform private.fail('MG102');
  end if;
  perform private.set_leader(transfer_leadership.space_id, transfer_leadership.user_id);
  select * into v_space from public.spaces where id = transfer_leadership.space_id;
  return v_space;
end;
$$;
comment on function private.transfer_leadership(uuid, uuid) is
  'Definer because clients update no role and no leader; safe because it refuses all but the leader.';
grant execute on function private.transfer_leadership(uuid, uuid) to authenticated, service_role;

create function public.transfer_leadership(space_id uuid, user_id uuid)
returns public.spaces
language sql
set search_path = ''
as $$
  select private.transfer_leadership(transfer_leadership.space_id, transfer_leadership.user_id);
$$;
comment on function public.transfer_leadership(uuid, uuid) is
  'Hand a space over to another member, who becomes ADMIN; the old leader becomes an ordinary member. Leader only. '
  'MG102 where the person is not in the space.';
grant execute on function public.transfer_leadership(uuid, uuid) to authenticated, service_role;

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
    perform private.hand_pen(v_space.id, v_space.current_week, set_member_role.user_id);
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
  'Change a member''s role. CURATOR hands over the pen at once, as assign_curator() does. Leader only. MG102 where the '
  'person is not in the space, MG108 for the leader''s own role, MG110 for the pen holder''s.';
grant execute on function public.set_member_role(uuid, uuid, public.membership_role) to authenticated, service_role;

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
  'Take a person out of a space, with all accounts of theirs that are in it (those that share an address) but the leader''s, and keep out who has left it already; what they wrote stays. They come back only by an '
  'invite that somebody else makes afterwards, also with another account of the same address. Leader only. MG102 where the '
  'person never was in the space; MG107 for the leader.';
grant execute on function public.remove_member(uuid, uuid) to authenticated, service_role;

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
  'Join a space by an invite code and answer the membership. MG103, MG104 or MG105 for a code that is wrong, expired '
  'or used up; MG106 for somebody who is already in; MG111 for who was removed, unless somebody else made the invite since.';
grant execute on function public.join_space(text) to authenticated;
