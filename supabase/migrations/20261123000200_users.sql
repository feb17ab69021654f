-- People. A row is made by a trigger when somebody signs up; it goes when the account goes. Clients see their own row
-- only and change nothing but their profile: balance and streaks belong to the ledger and to cron.

-- Tables -------------------------------------------------------------------------------------------------------------

create table public.users (
  -- The id of auth.users. Triggers keep it so, and no foreign key: to change a row twice in a transaction, as rewards
  -- do, would look for the account again, while a deletion holds it and waits for that row.
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
  'A person. Triggers: users__check_values and users__require_columns (typed refusals), users__take_id, '
  'users__one_deletion_at_a_time, users__end_invites, users__hand_over (spaces outlive an account), '
  'users__forget_giver (from what others were told), users__settle_ledger, users__forget_weeks (what stays and goes '
  'with the ledger and the streaks), users__drop_files, users__drop_former_avatar (files go with what named them), '
  'users__ask_for_avatar, users__forget_limits, users__version, users__touch_updated_at; auth.users has '
  'monogram__create_user, monogram__know_address, monogram__recognize_address, monogram__share_counts, '
  'monogram__end_links, monogram__one_deletion_at_a_time, monogram__hold_departing, monogram__note_addresses, '
  'monogram__note_new_password and monogram__remove_user.';
comment on column public.users.version is
  'Counts changes of what people edit. Written with a change, it names the version that was changed: MG308 if there '
  'is another by now.';
comment on column public.users.username is 'Optional handle, unique whatever the case.';
comment on column public.users.avatar_path is 'Object name in the storage bucket "avatars".';
comment on column public.users.token_balance is 'Tokens. Always the sum of the person''s transactions.';
comment on column public.users.current_streak is
  'Calendar weeks (Monday to Sunday in the person''s own zone when each response was published) in a row with a '
  'published response, up to this or the last week. Weeks in which none of the person''s spaces had prompts open are '
  'skipped.';
comment on column public.users.last_active_date is 'The UTC day of the newest published response.';

create unique index users_username_key on public.users (lower(username));
create index idx_users_token_balance on public.users (token_balance desc);

alter table public.users enable row level security;

-- Policies and grants ------------------------------------------------------------------------------------------------

create policy "People read their own profile" on public.users
  for select to authenticated using (id = (select auth.uid()));

create policy "People change their own profile" on public.users
  for update to authenticated using (id = (select auth.uid())) with check (id = (select auth.uid()));

grant select on public.users to authenticated;
grant update (display_name, username, avatar_path, bio, version) on public.users to authenticated;
grant select on public.users to service_role;
grant update (display_name, username, avatar_path, bio, version, last_active_date) on public.users to service_role;

-- Functions ----------------------------------------------------------------------------------------------------------

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
  'Return true if an account may not sign in at present. Definer; not granted, only other definer functions call it.';

-- Triggers -----------------------------------------------------------------------------------------------------------

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
    perform private.fail('MG001', 'username', 'username takes 3 to 30 characters: a-z, A-Z, 0-9 and _.');
  end if;
  if not private.is_file_in(new.avatar_path, new.id::text) then
    perform private.fail('MG001', 'avatar_path', 'Upload the picture to the bucket "avatars" as {user_id}/{file}.');
  end if;
  if new.username is not null then
    -- Two people who choose the same name wait for each other here, and not at the unique index, whose error says
    -- less.
    perform pg_advisory_xact_lock(hashtextextended('username:' || lower(new.username), 0));
    if exists (select from public.users where lower(users.username) = lower(new.username) and users.id <> new.id) then
      perform private.fail('MG801');
    end if;
  end if;
  return new;
end;
$$;
comment on function private.check_user_values() is
  'Trigger: refuse bad profile values with an error that says what to do. Definer to see whether somebody else has '
  'the user name; safe because it returns nothing but that refusal, which the unique index would give as well.';

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
    -- A name is one line with something to see, whatever the sign-up sent. Everybody sees it, and newsletters print
    -- it: the address, which some providers send as the name, is left out.
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
  insert into public.settings (user_id, version) values (new.id, 1);
  return new;
end;
$$;
comment on function private.create_user() is
  'Trigger on auth.users: make the person''s row and settings. Definer because the auth service has no rights in '
  'public; safe because it only fires for a new account and takes nothing but a name from what the person sent.';

create trigger monogram__create_user
  after insert on auth.users
  for each row execute function private.create_user();
