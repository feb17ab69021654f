-- Settings: one row a person, made with the account. Everything without a row counts as its default.

create type public.balance_visibility as enum ('NOBODY', 'SPACES', 'EVERYBODY');

-- Tables -------------------------------------------------------------------------------------------------------------

create table public.settings (
  user_id uuid primary key default auth.uid() references public.users (id) on delete cascade,
  active_theme_id uuid references public.store_items (id) on delete set null,
  email_newsletters boolean not null default true,
  email_notifications boolean not null default true,
  email_reminders boolean not null default true,
  in_app_notifications boolean not null default true,
  show_on_leaderboard public.balance_visibility not null default 'SPACES',
  timezone text not null default 'UTC',
  language text,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  version integer not null default 1 + floor(random() * 1000000000),
  constraint settings_timezone_length check (char_length(timezone) between 1 and 64),
  constraint settings_language_is_tag check (private.is_language_tag(language))
);
comment on table public.settings is
  'A person''s switches. Triggers: settings__hold_owner, settings__check_values, settings__check_new_values, '
  'settings__require_columns, settings__switch_themes, settings__version, settings__touch_updated_at, '
  'settings__end_undo.';
comment on column public.settings.version is
  'Counts changes of what people edit. Written with a change, it names the version that was changed: MG308 if there '
  'is another by now. It begins at 1 with the account, and at a random number if the person has deleted their settings '
  'and makes others, so that no version comes back.';
comment on column public.settings.active_theme_id is 'A store item of kind THEME that the person owns, or null.';
comment on column public.settings.email_newsletters is 'Whether published newsletters come by email.';
comment on column public.settings.email_notifications is 'Whether other news come by email.';
comment on column public.settings.email_reminders is
  'Whether news include reminders to respond to a week''s prompts; nothing without email_notifications.';
comment on column public.settings.in_app_notifications is 'Whether news become rows of notifications.';
comment on column public.settings.show_on_leaderboard is
  'Who sees the balance, in leaderboards and member lists: nobody, people of the same spaces, or everybody.';
comment on column public.settings.timezone is
  'IANA name: for display, and for the calendar week of what the person publishes from now on.';
comment on column public.settings.language is
  'The language of the person''s emails, as a BCP 47 tag such as de or pt-BR; null for that of the space they are '
  'about.';

create index idx_settings_show_everybody on public.settings (user_id) where show_on_leaderboard = 'EVERYBODY';
create index idx_settings_show_nobody on public.settings (user_id) where show_on_leaderboard = 'NOBODY';
create index idx_settings_active_theme_id on public.settings (active_theme_id);

alter table public.settings enable row level security;

-- Policies and grants ------------------------------------------------------------------------------------------------

create policy "People read their own settings" on public.settings
  for select to authenticated using (user_id = (select auth.uid()));

create policy "People create their own settings" on public.settings
  for insert to authenticated with check (user_id = (select auth.uid()));

create policy "People change their own settings" on public.settings
  for update to authenticated
  using (user_id = (select auth.uid()) and private.hold_me()) with check (user_id = (select auth.uid()));

create policy "People delete their own settings" on public.settings
  for delete to authenticated using (user_id = (select auth.uid()) and private.hold_me());

grant select on public.settings to authenticated, service_role;
grant insert (
  user_id, active_theme_id, email_newsletters, email_notifications, email_reminders, in_app_notifications, show_on_leaderboard,
  timezone, language
) on public.settings to authenticated, service_role;
grant update (
  active_theme_id, email_newsletters, email_notifications, email_reminders, in_app_notifications, show_on_leaderboard,
  timezone, language, version
) on public.settings to authenticated, service_role;
grant delete on public.settings to authenticated, service_role;

-- Functions ----------------------------------------------------------------------------------------------------------

create function private.is_zone_name(value text)
returns boolean
language sql
immutable
set search_path = ''
as $$
  select is_zone_name.value ~ '^[A-Z][A-Za-z0-9_+-]*(/[A-Za-z0-9_+-]+)*$' and is_zone_name.value <> 'Factory';
$$;
comment on function private.is_zone_name(text) is
  'Return true if this has the form of an IANA name. What else a server lists is about its own files. Not granted, '
  'only other definer functions call it.';

-- Triggers -----------------------------------------------------------------------------------------------------------

create function private.hold_settings_owner()
returns trigger
language plpgsql
security definer
set search_path = ''
as $$
begin
  if new.user_id = (select auth.uid()) then
    perform private.hold_account(new.user_id);
  end if;
  return new;
end;
$$;
comment on function private.hold_settings_owner() is
  'Trigger: no settings for an account that is gone. Definer to hold the account; safe because it looks at the '
  'caller''s own only.';

create trigger settings__hold_owner
  before insert on public.settings
  for each row execute function private.hold_settings_owner();

create function private.check_setting_values()
returns trigger
language plpgsql
security definer
set search_path = ''
as $$
begin
  if private.is_client() and new.user_id is distinct from private.require_user() then
    perform private.deny('People change their own settings only.', 'Leave user_id out.');
  end if;
  if not private.is_zone_name(new.timezone)
    or not exists (select from pg_catalog.pg_timezone_names where name = new.timezone)
  then
    perform private.fail('MG001', 'timezone', 'timezone is an IANA name such as Europe/Athens.');
  end if;
  perform private.check_language('language', new.language);
  if new.active_theme_id is not null and not exists (
    select from public.purchases
    join public.store_items on store_items.id = purchases.item_id
    where purchases.user_id = new.user_id and purchases.item_id = new.active_theme_id and store_items.kind = 'THEME'
  ) then
    perform private.fail('MG605');
  end if;
  return new;
end;
$$;
comment on function private.check_setting_values() is
  'Trigger: refuse an unknown time zone, a malformed language tag and a theme that is not owned. Definer to see the '
  'purchases of whose settings they are; safe because it only refuses, and says nothing of other people''s settings.';

-- The list of time zones is read from files, so it is looked at only when one of these changes.
create trigger settings__check_values
  before update of active_theme_id, timezone, language on public.settings
  for each row when (
    new.timezone <> old.timezone or new.active_theme_id is distinct from old.active_theme_id
    or new.language is distinct from old.language
  )
  execute function private.check_setting_values();

create trigger settings__check_new_values
  before insert on public.settings
  for each row when (new.timezone <> 'UTC' or new.active_theme_id is not null or new.language is not null)
  execute function private.check_setting_values();

create trigger settings__require_columns
  before insert or update on public.settings
  for each row when (
    new.user_id is null or new.email_newsletters is null or new.email_notifications is null
    or new.email_reminders is null or new.in_app_notifications is null or new.show_on_leaderboard is null
    or new.timezone is null
  )
  execute function private.require_columns('user_id', 'email_newsletters', 'email_notifications', 'email_reminders', 'in_app_notifications', 'show_on_leaderboard', 'timezone');

create trigger settings__touch_updated_at
  before update on public.settings
  for each row execute function private.touch_updated_at();

create trigger settings__version
  before update of active_theme_id, email_newsletters, email_notifications, email_reminders, in_app_notifications,
    show_on_leaderboard, timezone, language, version
  on public.settings
  for each row execute function private.count_version(
    'active_theme_id', 'email_newsletters', 'email_notifications', 'email_reminders',
    'in_app_notifications', 'show_on_leaderboard', 'timezone', 'language'
  );

create function private.switch_themes()
returns trigger
language plpgsql
security definer
set search_path = ''
as $$
begin
  update public.purchases
  set is_active = not is_active
  from public.store_items
  where purchases.user_id = coalesce(new.user_id, old.user_id)
    and store_items.id = purchases.item_id
    and store_items.kind = 'THEME'
    and purchases.is_active <> (purchases.item_id is not distinct from new.active_theme_id);
  return null;
end;
$$;
comment on function private.switch_themes() is
  'Trigger: exactly the active theme''s purchase is switched on. Definer to write the purchases of whose settings '
  'they are; safe because it only fires for a change that was let in.';

create trigger settings__switch_themes
  after insert or update of active_theme_id or delete on public.settings
  for each row execute function private.switch_themes();
