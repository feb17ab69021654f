-- People. A row is made by a trigger when somebody signs up; it goes when the account goes. Clients see their own row
-- only and change nothing but their profile: balance and streaks belong to the ledger and to cron.

create table public.users (
  id uuid primary key references auth.users (id) on delete cascade,
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
  constraint users_display_name_length check (char_length(display_name) between 1 and 80),
  constraint users_username_form check (username ~ '^[A-Za-z0-9_]{3,30}$'),
  constraint users_bio_length check (char_length(bio) <= 500),
  constraint users_avatar_path_length check (char_length(avatar_path) <= 300),
  constraint users_token_balance_not_negative check (token_balance >= 0),
  constraint users_streaks_not_negative check (current_streak >= 0 and longest_streak >= current_streak)
);

comment on table public.users is
  'A person. Triggers: users__check_values (typed refusals), users__hand_over (spaces outlive an account), '
  'users__touch_updated_at; auth.users has monogram__create_user.';
comment on column public.users.username is 'Optional handle, unique whatever the case.';
comment on column public.users.avatar_path is 'Object name in the storage bucket "avatars".';
comment on column public.users.token_balance is 'Tokens. Always the sum of the person''s transactions.';
comment on column public.users.current_streak is 'Calendar weeks (ISO, UTC) in a row with a published response, up to this or the last week.';
comment on column public.users.last_active_date is 'The UTC day of the newest published response.';

create unique index users_username_key on public.users (lower(username));
create index idx_users_token_balance on public.users (token_balance desc);

alter table public.users enable row level security;

create policy "People read their own profile" on public.users
  for select to authenticated using (id = (select auth.uid()));

create policy "People change their own profile" on public.users
  for update to authenticated using (id = (select auth.uid())) with check (id = (select auth.uid()));

grant select on public.users to authenticated;
grant update (display_name, username, avatar_path, bio) on public.users to authenticated;
grant select on public.users to service_role;
grant update (display_name, username, avatar_path, bio, last_active_date) on public.users to service_role;

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
  if new.username is not null and new.username !~ '^[A-Za-z0-9_]{3,30}$' then
    perform private.fail('MG001', 'username', 'username takes 3 to 30 letters, digits and underscores.');
  end if;
  if not private.is_file_in(new.avatar_path, new.id::text) then
    perform private.fail('MG001', 'avatar_path', 'Upload the picture to the bucket "avatars" as {user_id}/{file}.');
  end if;
  if exists (select from public.users where lower(users.username) = lower(new.username) and users.id <> new.id) then
    perform private.fail('MG801');
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

create trigger users__touch_updated_at
  before update on public.users
  for each row execute function private.touch_updated_at();

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
    -- A name is one line, whatever the sign-up sent.
    left(
      coalesce(
        nullif(btrim(regexp_replace(new.raw_user_meta_data ->> 'display_name', '[[:cntrl:]]+', ' ', 'g')), ''),
        nullif(btrim(regexp_replace(new.raw_user_meta_data ->> 'full_name', '[[:cntrl:]]+', ' ', 'g')), ''),
        nullif(btrim(regexp_replace(new.raw_user_meta_data ->> 'name', '[[:cntrl:]]+', ' ', 'g')), ''),
        nullif(btrim(regexp_replace(split_part(new.email, '@', 1), '[[:cntrl:]]+', ' ', 'g')), ''),
        'New member'
      ),
      80
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
