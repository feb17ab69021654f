-- Settings: one row a person, made with the account. Everything without a row counts as its default.

create table public.settings (
  user_id uuid primary key default auth.uid() references public.users (id) on delete cascade,
  active_theme_id uuid references public.store_items (id) on delete set null,
  email_newsletters boolean not null default true,
  email_notifications boolean not null default true,
  email_reminders boolean not null default true,
  in_app_notifications boolean not null default true,
  show_on_leaderboard boolean not null default true,
  timezone text not null default 'UTC',
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint settings_timezone_length check (char_length(timezone) between 1 and 64)
);
comment on table public.settings is
  'A person''s switches. Triggers: settings__check_values, settings__check_new_values, settings__switch_themes, '
  'settings__touch_updated_at.';
comment on column public.settings.active_theme_id is 'A store item of kind THEME that the person owns, or null.';
comment on column public.settings.email_newsletters is 'Whether published newsletters come by email.';
comment on column public.settings.email_notifications is 'Whether other news come by email.';
comment on column public.settings.email_reminders is
  'Whether news include reminders to answer a week''s prompts; nothing without email_notifications.';
comment on column public.settings.in_app_notifications is 'Whether news become rows of notifications.';
comment on column public.settings.show_on_leaderboard is 'Whether others see the balance, in leaderboards and member lists.';
comment on column public.settings.timezone is 'IANA name, for display; weeks are counted in UTC.';

create index idx_settings_active_theme_id on public.settings (active_theme_id);

alter table public.settings enable row level security;

create policy "People read their own settings" on public.settings
  for select to authenticated using (user_id = (select auth.uid()));

create policy "People create their own settings" on public.settings
  for insert to authenticated with check (user_id = (select auth.uid()));

create policy "People change their own settings" on public.settings
  for update to authenticated using (user_id = (select auth.uid())) with check (user_id = (select auth.uid()));

create policy "People delete their own settings" on public.settings
  for delete to authenticated using (user_id = (select auth.uid()));

grant select on public.settings to authenticated, service_role;
grant insert (
  user_id, active_theme_id, email_newsletters, email_notifications, email_reminders, in_app_notifications, show_on_leaderboard,
  timezone
) on public.settings to authenticated, service_role;
grant update (
  active_theme_id, email_newsletters, email_notifications, email_reminders, in_app_notifications, show_on_leaderboard,
  timezone
) on public.settings to authenticated, service_role;
grant delete on public.settings to authenticated, service_role;

create function private.check_setting_values()
returns trigger
language plpgsql
security definer
set search_path = ''
as $$
begin
  if not exists (select from pg_catalog.pg_timezone_names where name = new.timezone) then
    perform private.fail('MG001', 'timezone', 'timezone is an IANA name such as Europe/Athens.');
  end if;
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
  'Trigger: refuse a time zone nobody knows and a theme not owned. Definer to see the purchases of whose settings they '
  'are; safe because it only refuses.';

-- The list of time zones is read from files, so it is looked at only when the zone or the theme changes.
create trigger settings__check_values
  before update of active_theme_id, timezone on public.settings
  for each row when (
    new.timezone <> old.timezone or new.active_theme_id is distinct from old.active_theme_id
  )
  execute function private.check_setting_values();

create trigger settings__check_new_values
  before insert on public.settings
  for each row when (new.timezone <> 'UTC' or new.active_theme_id is not null)
  execute function private.check_setting_values();

create trigger settings__touch_updated_at
  before update on public.settings
  for each row execute function private.touch_updated_at();

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
  'Trigger: exactly the active theme''s purchase is switched on. Definer to write the purchases of whose settings they '
  'are; safe because it only fires for a change that was let in.';

create trigger settings__switch_themes
  after insert or update of active_theme_id or delete on public.settings
  for each row execute function private.switch_themes();
