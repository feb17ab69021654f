-- What a person is told: a row that only they read and, where they want it, an email, at once or in the digest of the
-- day. Each notification has a key of what it is about, so that nobody is told the same thing twice.

create type public.notification_kind as enum (
  'CURATOR_ASSIGNED', 'PROMPTS_PUBLISHED', 'RESPONSE_REMINDER', 'NEWSLETTER_PUBLISHED', 'BADGE_EARNED', 'GIFT_RECEIVED',
  -- Of emails only: the rest of a day's news in one.
  'DIGEST'
);

-- Tables -------------------------------------------------------------------------------------------------------------

create table public.notifications (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null references public.users (id) on delete cascade,
  kind public.notification_kind not null,
  space_id uuid references public.spaces (id) on delete cascade,
  payload jsonb not null default '{}',
  dedupe_key text not null,
  read_at timestamptz,
  created_at timestamptz not null default clock_timestamp(),
  constraint notifications_user_id_dedupe_key_key unique (user_id, dedupe_key),
  constraint notifications_payload_is_object check (jsonb_typeof(payload) = 'object'),
  constraint notifications_read_at_readable check (private.is_instant(read_at))
);
comment on table public.notifications is
  'What a person is told, read by that person only. Trigger: notifications__check_values.';
comment on column public.notifications.dedupe_key is 'What it is about; nobody is told the same thing twice.';
comment on column public.notifications.read_at is 'When the person read it; theirs to set.';

create index idx_notifications_user_id on public.notifications (user_id, created_at desc, id desc);
create index idx_notifications_space_id on public.notifications (space_id);

alter table public.notifications enable row level security;

-- Policies and grants ------------------------------------------------------------------------------------------------

create policy "People read their own notifications" on public.notifications
  for select to authenticated using (user_id = (select auth.uid()));

create policy "People mark their own notifications" on public.notifications
  for update to authenticated
  using (user_id = (select auth.uid()) and private.hold_me()) with check (user_id = (select auth.uid()));

grant select on public.notifications to authenticated, service_role;
grant update (read_at) on public.notifications to authenticated, service_role;

-- Functions ----------------------------------------------------------------------------------------------------------

create function private.notify(
  recipients uuid[], kind public.notification_kind, space_id uuid, payload jsonb, dedupe_key text
)
returns void
language plpgsql
security definer
set search_path = ''
as $$
begin
  insert into public.notifications (user_id, kind, space_id, payload, dedupe_key)
  select users.id, notify.kind, notify.space_id, notify.payload, notify.dedupe_key
  from public.users
  left join public.settings on settings.user_id = users.id
  where users.id = any (notify.recipients) and coalesce(settings.in_app_notifications, true)
  order by users.id
  on conflict on constraint notifications_user_id_dedupe_key_key do nothing;

  perform private.queue_news(notify.recipients, notify.kind, notify.space_id, notify.payload, notify.dedupe_key);
end;
$$;
comment on function private.notify(uuid[], public.notification_kind, uuid, jsonb, text) is
  'Tell people something, by the roads their settings allow, once. Definer; not granted, only other definer '
  'functions call it.';

create function public.mark_notifications_read(notification_ids uuid[] default null)
returns integer
language plpgsql
set search_path = ''
as $$
declare
  v_count integer;
begin
  update public.notifications
  set read_at = now()
  where user_id = private.require_user()
    and read_at is null
    and (mark_notifications_read.notification_ids is null or id = any (mark_notifications_read.notification_ids));
  get diagnostics v_count = row_count;
  return v_count;
end;
$$;
comment on function public.mark_notifications_read(uuid[]) is
  'Mark the caller''s notifications as read: those named, or all. Returns how many were unread.';
grant execute on function public.mark_notifications_read(uuid[]) to authenticated;

-- Triggers -----------------------------------------------------------------------------------------------------------

create function private.check_read_at()
returns trigger
language plpgsql
set search_path = ''
as $$
begin
  perform private.fail('MG001', 'read_at', 'read_at is a moment between the years 1970 and 9998.');
  return null;
end;
$$;
comment on function private.check_read_at() is 'Trigger: refuse a time that not every program can read.';

create trigger notifications__check_values
  before update of read_at on public.notifications
  for each row when (not private.is_instant(new.read_at))
  execute function private.check_read_at();
