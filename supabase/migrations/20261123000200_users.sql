-- People. A row is made by a trigger when somebody signs up; it goes when the account goes. Clients see their own row
-- only and change nothing but their profile: balance and streaks belong to the ledger and to cron.

create table public.users (
  -- The id of auth.users. Triggers keep it so, and no foreign key: to change a row twice in a transaction, as rewards do,
  -- would look for the account again, while a deletion holds it and waits for that row.
  id uuid primary key,
  display_name text not null,
  username text,
  avatar_path text,
  bio text,
  token_balance bigint not null default 0,
  current_streak integer not null default 0,
  longest_streak integer not null default 0,
  last_active_date date,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  version integer not null default 1,
  constraint users_display_name_length check (char_length(display_name) between 1 and 80),
  constraint users_display_name_seen check (private.is_line(display_name) and not private.is_blank(display_name)),
  constraint users_username_form check (username ~ '^[A-Za-z0-9_]{3,30}$'),
  constraint users_bio_length check (char_length(bio) <= 500),
  constraint users_avatar_path_length check (char_length(avatar_path) <= 300),
  constraint users_token_balance_not_negative check (token_balance >= 0),
  constraint users_token_balance_bounded check (token_balance <= 9007199254740991),
  constraint users_streaks_not_negative check (current_streak >= 0 and longest_streak >= current_streak)
);

comment on table public.users is
  'A person. Triggers: users__check_values and users__require_columns (typed refusals), users__take_id, users__one_deletion_at_a_time, '
  'users__end_invites, users__hand_over (spaces outlive an account), '
  'users__forget_giver (from what others were told), users__settle_ledger, users__forget_weeks (what stays and goes with the ledger and the streaks), '
  'users__drop_files, users__drop_former_avatar (files go with what named them), users__ask_for_avatar, '
  'users__forget_limits, users__version, users__touch_updated_at; auth.users has monogram__create_user, '
  'monogram__know_address, monogram__recognize_address, monogram__share_counts, monogram__end_links, monogram__one_deletion_at_a_time, monogram__hold_departing, monogram__note_addresses, monogram__note_new_password and '
  'monogram__remove_user.';
comment on column public.users.version is
  'Counts changes of what people edit. Written with a change, it names the version that was changed: MG308 if there is '
  'another by now.';
comment on column public.users.username is 'Optional handle, unique whatever the case.';
comment on column public.users.avatar_path is 'Object name in the storage bucket "avatars".';
comment on column public.users.token_balance is 'Tokens. Always the sum of the person''s transactions.';
comment on column public.users.current_streak is
  'Calendar weeks (Monday to Sunday in the person''s own zone when each response was published) in a row with a published '
  'response, up to this or the last week. Weeks in which none of the person''s spaces had prompts open are skipped.';
comment on column public.users.last_active_date is 'The UTC day of the newest published response.';

create unique index users_username_key on public.users (lower(username));
create index idx_users_token_balance on public.users (token_balance desc);

alter table public.users enable row level security;

create policy "People read their own profile" on public.users
  for select to authenticated using (id = (select auth.uid()));

create policy "People change their own profile" on public.users
  for update to authenticated using (id = (select auth.uid())) with check (id = (select auth.uid()));

grant select on public.users to authenticated;
grant update (display_name, username, avatar_path, bio, version) on public.users to authenticated;
grant select on public.users to service_role;
grant update (display_name, username, avatar_path, bio, version, last_active_date) on public.users to service_role;

-- Triggers ----------------------------------------------------------------------------------------------------------

create function private.check_user_values()
returns trigger
language plpgsql
security definer
set search_path = ''
as $$
begin
  perform private.check_line('display_name', new.display_name, 1, 80);
  perform private.check_text('bio', new.bio, 0, 500);
  perform private.check_text('avatar_path', new.avatar_path, -1, 300);
  if new.username is not null and new.username !~ '^[A-Za-z0-9_]{3,30}$' then
    perform private.fail('MG001', 'username', 'username takes 3 to 30 letters, digits and underscores.');
  end if;
  if not private.is_file_in(new.avatar_path, new.id::text) then
    perform private.fail('MG001', 'avatar_path', 'Upload the picture to the bucket "avatars" as {user_id}/{file}.');
  end if;
  if new.username is not null then
    -- Who chooses a name that somebody is choosing waits here, and not for the unique index, which has no words.
    perform pg_advisory_xact_lock(hashtextextended('username:' || lower(new.username), 0));
    if exists (select from public.users where lower(users.username) = lower(new.username) and users.id <> new.id) then
      perform private.fail('MG801');
    end if;
  end if;
  return new;
end;
$$;
comment on function private.check_user_values() is
  'Trigger: refuse bad profile values in words. Definer to see whether somebody else has the user name; safe because '
  'it answers nothing but that refusal, which the unique index would give as well.';

create trigger users__check_values
  before insert or update of display_name, username, avatar_path, bio on public.users
  for each row execute function private.check_user_values();

create trigger users__require_columns
  before update on public.users
  for each row when (new.display_name is null)
  execute function private.require_columns('display_name');

create trigger users__take_id
  before insert on public.users
  for each row execute function private.take_id();

create trigger users__touch_updated_at
  before update on public.users
  for each row execute function private.touch_updated_at();

create trigger users__version
  before update of display_name, username, avatar_path, bio, version
  on public.users
  for each row execute function private.count_version('display_name', 'username', 'avatar_path', 'bio');

create function private.create_user()
returns trigger
language plpgsql
security definer
set search_path = ''
as $$
begin
  insert into public.users (id, display_name)
  values (
    new.id,
    -- A name is one line with something to see, whatever the sign-up sent. Everybody sees it, and letters print it: the
    -- address is not part of it, which some providers send as a name where they know none.
    coalesce(
      (
        select left(private.as_line(candidate.name), 80)
        from unnest(
          array[
            new.raw_user_meta_data ->> 'display_name', new.raw_user_meta_data ->> 'full_name',
            new.raw_user_meta_data ->> 'name'
          ]
        ) with ordinality as candidate (name, place)
        where not private.is_blank(left(private.as_line(candidate.name), 80))
          and lower(private.as_line(candidate.name)) is distinct from lower(new.email)
        order by candidate.place
        limit 1
      ),
      'New member'
    )
  );
  insert into public.settings (user_id) values (new.id);
  return new;
end;
$$;
comment on function private.create_user() is
  'Trigger on auth.users: make the person''s row and settings. Definer because the auth service has no rights in '
  'public; safe because it only fires for a new account and takes nothing but a name from what the person sent.';

create trigger monogram__create_user
  after insert on auth.users
  for each row execute function private.create_user();

-- Locks of accounts -------------------------------------------------------------------------------------------------
--
-- See the order of locks in the migration of space_events. An account is held while something is written that refers to
-- it; a deletion holds everything that it will touch before it touches anything.

create function private.hold_account(user_id uuid)
returns void
language plpgsql
security definer
set search_path = ''
as $$
begin
  -- As much as will be needed: who holds a little of a row and then wants more may meet a deletion that waits for it.
  perform from public.users where users.id = hold_account.user_id for no key update;
  if not found then
    perform private.fail('MG902');
  end if;
  perform private.wait_briefly(is_holding => false);
end;
$$;
comment on function private.hold_account(uuid) is
  'Keep an account from being deleted until the transaction ends, or refuse where it is gone: a token outlives its account '
  'by an hour or so. Definer; not granted, only triggers call it, with the caller''s own id.';

create function private.hold_me()
returns boolean
language plpgsql
cost 1000
security definer
set search_path = ''
as $$
begin
  perform from public.users where users.id = (select auth.uid()) for no key update;
  return found;
end;
$$;
comment on function private.hold_me() is
  'Hold the caller''s own row until the transaction ends; false where the account is gone. For policies on what belongs to '
  'one person, so that two devices, or a deletion, take the rows of that person in one order. Definer because clients may '
  'not lock rows of users; safe because it holds the caller''s own and returns nothing else.';
grant execute on function private.hold_me() to authenticated;

create function private.hold_entry(user_id uuid)
returns void
language sql
set search_path = ''
as $$
  select pg_advisory_xact_lock_shared(hashtextextended('account:' || hold_entry.user_id::text, 0));
$$;
comment on function private.hold_entry(uuid) is
  'Hold, before the space, that somebody is about to enter one: a deletion of the account waits, and so knows every space '
  'that it has to hold. Not granted, only triggers call it.';

create function private.delete_one_at_a_time()
returns trigger
language plpgsql
set search_path = ''
as $$
begin
  perform pg_advisory_xact_lock(hashtextextended('delete an account', 0));
  return null;
end;
$$;
comment on function private.delete_one_at_a_time() is
  'Trigger: accounts are deleted one after another, before a row is held. Heirs and new curators are people, too, and must '
  'not be leaving at the same moment.';

create trigger monogram__one_deletion_at_a_time
  before delete on auth.users
  for each statement execute function private.delete_one_at_a_time();

create trigger users__one_deletion_at_a_time
  before delete on public.users
  for each statement execute function private.delete_one_at_a_time();

create function private.hold_departing()
returns trigger
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_user_ids uuid[];
  v_space_ids uuid[];
  v_empty_ids uuid[];
  v_gift_ids text[];
begin
  select array_agg(gone.id order by gone.id) into v_user_ids from gone;
  perform pg_advisory_xact_lock(hashtextextended('account:' || person.id::text, 0))
  from unnest(v_user_ids) as person (id);
  -- What they give is given: who was told of it is known.
  perform pg_advisory_xact_lock(hashtextextended('gifts:' || person.id::text, 0))
  from unnest(v_user_ids) as person (id);
  v_gift_ids := array(select token_gifts.id::text from public.token_gifts where token_gifts.sender_id = any (v_user_ids));
  select array_agg(found.id order by found.id) into v_space_ids
  from (
    select spaces.id from public.spaces where leader_id = any (v_user_ids) or current_curator_id = any (v_user_ids)
    union
    select space_id from public.memberships where memberships.user_id = any (v_user_ids)
    union
    select space_id from public.responses where responses.user_id = any (v_user_ids)
    union
    select space_id from public.prompts where prompts.curator_id = any (v_user_ids)
    union
    select space_id from public.newsletters where newsletters.curator_id = any (v_user_ids)
    union
    select space_id from public.curator_rotations where curator_rotations.curator_id = any (v_user_ids)
    union
    select space_id from public.space_invites where space_invites.created_by = any (v_user_ids)
  ) as found;
  perform from public.spaces where spaces.id = any (v_space_ids) order by spaces.id for no key update;
  -- Nobody enters or leaves any more: what goes with them is known.
  v_empty_ids := array(
    select spaces.id from public.spaces
    where spaces.id = any (v_space_ids) and not exists (
      select from public.memberships
      where memberships.space_id = spaces.id and memberships.user_id <> all (v_user_ids)
    )
  );
  perform from public.users
  where users.id = any (v_user_ids) or users.id in (
    select notifications.user_id from public.notifications where notifications.space_id = any (v_empty_ids)
    union
    select token_gifts.recipient_id from public.token_gifts where token_gifts.sender_id = any (v_user_ids)
  )
  order by users.id
  for update;
  perform from private.mails
  where mails.user_id = any (v_user_ids) or mails.space_id = any (v_empty_ids)
    or (mails.kind in ('GIFT_RECEIVED', 'DIGEST') and private.gifts_in(mails.payload) && v_gift_ids)
    -- Those that are about to be taken anew, see private.retake_question_mails().
    or (
      mails.space_id in (select prompts.space_id from public.prompts where prompts.curator_id = any (v_user_ids))
      and mails.kind in ('PROMPTS_PUBLISHED', 'RESPONSE_REMINDER') and mails.state = 'QUEUED' and mails.batch_id is not null
    )
  order by mails.id
  for update;
  perform from public.curator_rotations
  where curator_rotations.curator_id = any (v_user_ids) or curator_rotations.space_id = any (v_empty_ids)
  order by curator_rotations.id
  for update;
  return null;
end;
$$;
comment on function private.hold_departing() is
  'Trigger on auth.users: hold, in the order that everybody keeps to, what the deletion of these accounts will touch, before '
  'anything is. Definer because the auth service has no rights in public; safe because it only holds rows.';

-- Only after the deletion are all the accounts of the statement known.
create trigger monogram__hold_departing
  after delete on auth.users
  referencing old table as gone
  for each statement execute function private.hold_departing();

create function private.remove_users()
returns trigger
language plpgsql
security definer
set search_path = ''
as $$
begin
  delete from public.users where users.id in (select gone.id from gone);
  return null;
end;
$$;
comment on function private.remove_users() is
  'Trigger on auth.users, after hold_departing(): the rows of people go with their accounts. Definer because the auth service '
  'has no rights in public; safe because it only fires for accounts that are gone.';

create trigger monogram__remove_user
  after delete on auth.users
  referencing old table as gone
  for each statement execute function private.remove_users();

-- Whoever deletes softly keeps a row without an address, with which nobody can sign in: whatever that account led would
-- stand still for everybody else.
create trigger monogram__one_soft_deletion_at_a_time
  before update of deleted_at on auth.users
  for each statement execute function private.delete_one_at_a_time();

create function private.end_soft_deletion()
returns trigger
language plpgsql
security definer
set search_path = ''
as $$
begin
  delete from auth.users where users.id = new.id;
  return null;
end;
$$;
comment on function private.end_soft_deletion() is
  'Trigger on auth.users, after know_address(): an account that the auth service deletes softly is deleted. Definer because '
  'triggers of accounts may run as anybody; safe because it only fires for an account that was just given up.';

create trigger monogram__soft_deletion
  after update of deleted_at on auth.users
  for each row when (old.deleted_at is null and new.deleted_at is not null)
  execute function private.end_soft_deletion();

create function private.is_banned(user_id uuid)
returns boolean
language sql
stable
security definer
set search_path = ''
as $$
  select exists (select from auth.users where users.id = is_banned.user_id and users.banned_until > now());
$$;
comment on function private.is_banned(uuid) is
  'Whether an account may not sign in at present. Definer; not granted, only other definer functions call it.';
