-- Spaces. Creating one is one insert: triggers make the leader's ADMIN membership, the feed and the rotation of week
-- 1.

create type public.rotation_type as enum ('ROUND_ROBIN', 'RANDOM', 'MANUAL');
create type public.newsletter_visibility as enum ('PUBLIC', 'MEMBERS');

-- Tables -------------------------------------------------------------------------------------------------------------

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
  'A private group that writes a weekly newsletter. Triggers: spaces__bound_rows, spaces__fill, '
  'spaces__check_values, spaces__require_columns, spaces__take_id, spaces__hold_contents, spaces__found (feed, '
  'membership, rotation), spaces__spread_visibility (to its newsletters), spaces__drop_files, spaces__note_weeks '
  '(streaks), spaces__drop_former_cover (files go with what named them), spaces__ask_for_cover, spaces__limit, '
  'spaces__forget_removals, spaces__forget_limits, spaces__version, spaces__touch_updated_at.';
comment on column public.spaces.version is
  'Counts changes of what people edit. Written with a change, it names the version that was changed: MG308 if there '
  'is another by now.';
comment on column public.spaces.current_week is 'The open week, from 1. Publishing its newsletter closes it.';
comment on column public.spaces.current_curator_id is 'The curator of the open week.';
comment on column public.spaces.is_public is 'Whether anybody may see the space and join it without an invite.';
comment on column public.spaces.language is
  'The language of its newsletters and emails, as a BCP 47 tag such as de or pt-BR, for people who have not chosen '
  'one; null for English.';
comment on column public.spaces.newsletter_visibility is 'Who reads published newsletters: everybody or members.';

create index idx_spaces_leader_id on public.spaces (leader_id);
create index idx_spaces_current_curator_id on public.spaces (current_curator_id);
create index idx_spaces_is_public on public.spaces (is_public, created_at, id);

alter table public.spaces enable row level security;

-- Functions ----------------------------------------------------------------------------------------------------------

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

-- Triggers -----------------------------------------------------------------------------------------------------------

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
  'Trigger: a new space begins in week 1 with its leader as the curator. Definer to hold the leader''s account; safe '
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
comment on function private.check_space_values() is 'Trigger: refuse bad values with an error that says what to do.';

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
  perform private.set_curator(new.id, 1, new.leader_id);
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
  perform private.lock_people(
    array(select notifications.user_id from public.notifications where notifications.space_id = old.id)
  );
  perform from private.mails where mails.space_id = old.id order by mails.id for update;
  perform from public.curator_rotations
  where curator_rotations.space_id = old.id
  order by curator_rotations.id
  for update;
  return old;
end;
$$;
comment on function private.hold_space_contents() is
  'Trigger: hold what a space takes along and others write without holding the space: emails, and people for their '
  'notifications. Definer because clients reach neither; safe because it only holds rows of a space that is being '
  'deleted.';

create trigger spaces__hold_contents
  before delete on public.spaces
  for each row execute function private.hold_space_contents();

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
    -- Several accounts may be deleted in one statement: rows that refer to deleted accounts are still there.
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
  'Trigger: when an account is deleted, each space it leads goes to its longest-standing admin, else member; an '
  'empty one goes with it. Definer because the auth service has no rights in public; safe because it only fires for '
  'an account that is being deleted.';

create trigger users__hand_over
  before delete on public.users
  for each row execute function private.hand_over_spaces();
