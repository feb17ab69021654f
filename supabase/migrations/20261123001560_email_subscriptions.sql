-- Which emails people want, space by space, and the links in them that switch them off.

-- Tables -------------------------------------------------------------------------------------------------------------

create table private.email_subscriptions (
  token text primary key default replace(gen_random_uuid()::text || gen_random_uuid()::text, '-', ''),
  user_id uuid not null references public.users (id) on delete cascade,
  space_id uuid,
  is_on boolean not null default true,
  created_at timestamptz not null default now(),
  undo text[],
  undo_until timestamptz,
  constraint email_subscriptions_undo_whole check ((undo is null) = (undo_until is null)),
  constraint email_subscriptions_undo_known check (undo <@ '{space,newsletters,notifications,reminders}'),
  constraint email_subscriptions_user_id_space_id_key unique nulls not distinct (user_id, space_id)
);
comment on table private.email_subscriptions is
  'Whether a person wants a space''s emails, and the token in the links of their emails that lets whoever holds such '
  'an email switch them off. Made with the first email or the first change; nobody but the service reads it.';
comment on column private.email_subscriptions.undo is
  'What the last use of the token switched off, and can switch on again until undo_until: an hour, or until the '
  'person decides otherwise.';
comment on column private.email_subscriptions.space_id is
  'Null for emails about no space. No foreign key: the links in old emails work when the space is gone.';

alter table private.email_subscriptions enable row level security;

-- Rights of the secret key's functions below; the schema is not exposed, so that nothing else uses them.
grant select on private.email_subscriptions to service_role;

-- Functions ----------------------------------------------------------------------------------------------------------

create function private.set_space_emails(space_id uuid, is_on boolean)
returns boolean
language plpgsql
security definer
set search_path = ''
as $$
begin
  perform private.lock_space_as(set_space_emails.space_id, 'member');
  if set_space_emails.is_on is null then
    perform private.fail('MG001', 'is_on', 'is_on is true or false.');
  end if;
  insert into private.email_subscriptions (user_id, space_id, is_on)
  values (private.require_user(), set_space_emails.space_id, set_space_emails.is_on)
  on conflict on constraint email_subscriptions_user_id_space_id_key do update
  set
    is_on = excluded.is_on,
    undo = nullif(email_subscriptions.undo, '{space}'),
    undo_until = case when email_subscriptions.undo <> '{space}' then email_subscriptions.undo_until end;
  return set_space_emails.is_on;
end;
$$;
comment on function private.set_space_emails(uuid, boolean) is
  'Definer because no client reaches the table; safe because it only writes the caller''s own row, in a space of '
  'theirs.';
grant execute on function private.set_space_emails(uuid, boolean) to authenticated, service_role;

create function public.set_space_emails(space_id uuid, is_on boolean)
returns boolean
language sql
set search_path = ''
as $$
  select private.set_space_emails(set_space_emails.space_id, set_space_emails.is_on);
$$;
comment on function public.set_space_emails(uuid, boolean) is
  'Return true if the caller gets emails from a space of theirs: newsletters and news alike. Returns what is set. '
  'MG101 if they are not a member.';
grant execute on function public.set_space_emails(uuid, boolean) to authenticated, service_role;

create function private.space_emails(space_id uuid)
returns boolean
language plpgsql
stable
security definer
set search_path = ''
as $$
begin
  perform private.require_member(space_emails.space_id);
  return coalesce(
    (
      select email_subscriptions.is_on
      from private.email_subscriptions
      where email_subscriptions.user_id = private.require_user()
        and email_subscriptions.space_id = space_emails.space_id
    ),
    true
  );
end;
$$;
comment on function private.space_emails(uuid) is
  'Definer because no client reaches the table; safe because it only reads the caller''s own row, in a space of '
  'theirs.';
grant execute on function private.space_emails(uuid) to authenticated, service_role;

create function public.space_emails(space_id uuid)
returns boolean
language sql
stable
set search_path = ''
as $$
  select private.space_emails(space_emails.space_id);
$$;
comment on function public.space_emails(uuid) is
  'Return true if the caller gets emails from a space of theirs. MG101 if they are not a member.';
grant execute on function public.space_emails(uuid) to authenticated, service_role;

create function public.email_subscription(token text)
returns table (
  space_id uuid, space_name text, space_emails boolean, email_newsletters boolean, email_notifications boolean,
  email_reminders boolean, can_undo boolean, languages text[]
)
language sql
stable
set search_path = ''
as $$
  select
    email_subscriptions.space_id, spaces.name, email_subscriptions.is_on,
    coalesce(settings.email_newsletters, true), coalesce(settings.email_notifications, true),
    coalesce(settings.email_reminders, true), coalesce(email_subscriptions.undo_until > now(), false),
    array_remove(array[settings.language, spaces.language], null)
  from private.email_subscriptions
  left join public.spaces on spaces.id = email_subscriptions.space_id
  left join public.settings on settings.user_id = email_subscriptions.user_id
  where email_subscriptions.token = email_subscription.token;
$$;
comment on function public.email_subscription(text) is
  'Return what the token of an unsubscribe link stands for: the space (nulls for emails about none, no name once it '
  'is gone) and what is on, whether resubscribe() has something to undo, and the languages of its reader, best '
  'first. No row for a token that nobody has. Secret key only.';
grant execute on function public.email_subscription(text) to service_role;

create function private.end_undo(user_id uuid, but_of text default null)
returns void
language sql
security definer
set search_path = ''
as $$
  update private.email_subscriptions
  set undo = null, undo_until = null
  where email_subscriptions.user_id = end_undo.user_id
    and email_subscriptions.undo <> '{space}'
    and email_subscriptions.token is distinct from end_undo.but_of;
$$;
comment on function private.end_undo(uuid, text) is
  'Let no link of a person switch on again what is about all their emails, but for that of one token. What is about '
  'one space stays. Definer; not granted, only other definer functions call it, holding the settings.';

create function private.switch_emails(subscription private.email_subscriptions, switches text[], is_on boolean)
returns void
language sql
security definer
set search_path = ''
as $$
  update private.email_subscriptions
  set is_on = switch_emails.is_on
  where email_subscriptions.token = (switch_emails.subscription).token and 'space' = any (switch_emails.switches);
  update public.settings
  set
    email_newsletters = case
      when 'newsletters' = any (switch_emails.switches) then switch_emails.is_on else settings.email_newsletters
    end,
    email_notifications = case
      when 'notifications' = any (switch_emails.switches) then switch_emails.is_on else settings.email_notifications
    end,
    email_reminders = case
      when 'reminders' = any (switch_emails.switches) then switch_emails.is_on else settings.email_reminders
    end
  where settings.user_id = (switch_emails.subscription).user_id and switch_emails.switches <> '{space}';
$$;
comment on function private.switch_emails(private.email_subscriptions, text[], boolean) is
  'Switch some of a person''s emails off or on. Definer; not granted, only other definer functions call it.';

create function private.unsubscribe(token text, scope text)
returns boolean
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_subscription private.email_subscriptions;
  v_settings public.settings;
  v_wanted text[];
  v_stopped text[];
begin
  if unsubscribe.scope is null or unsubscribe.scope not in ('space', 'reminders', 'everything') then
    perform private.fail('MG001', 'scope', 'scope is space, reminders or everything.');
  end if;
  select * into v_subscription
  from private.email_subscriptions
  where email_subscriptions.token = unsubscribe.token;
  if not found then
    return false;
  end if;
  -- People before what is theirs, as everywhere.
  perform from public.users where users.id = v_subscription.user_id for key share;
  insert into public.settings (user_id)
  values (v_subscription.user_id)
  on conflict on constraint settings_pkey do nothing;
  select * into v_settings from public.settings where settings.user_id = v_subscription.user_id for no key update;
  select * into v_subscription
  from private.email_subscriptions
  where email_subscriptions.token = unsubscribe.token
  for no key update;
  if not found then
    return false;
  end if;
  v_wanted := case
    when unsubscribe.scope = 'reminders' then array['reminders']
    when unsubscribe.scope = 'space' and v_subscription.space_id is not null then array['space']
    else array['newsletters', 'notifications']
  end;
  -- Whoever decides again, by another link, takes the older one's undo away.
  if v_wanted <> '{space}' then
    perform private.end_undo(v_subscription.user_id, v_subscription.token);
  end if;
  v_stopped := array(
    select wanted.switch
    from unnest(v_wanted) as wanted (switch)
    where case wanted.switch
      when 'space' then v_subscription.is_on
      when 'newsletters' then v_settings.email_newsletters
      when 'notifications' then v_settings.email_notifications
      else v_settings.email_reminders
    end
  );
  if v_stopped = '{}' then
    return true;
  end if;
  perform private.switch_emails(v_subscription, v_stopped, false);
  update private.email_subscriptions
  set undo = v_stopped, undo_until = now() + interval '1 hour'
  where email_subscriptions.token = unsubscribe.token;
  return true;
end;
$$;
comment on function private.unsubscribe(text, text) is
  'Definer to write the settings of whoever the email went to; granted to the service role only. Safe with an email '
  'that was passed on: all its token can do is stop that person''s email, and undo what it stopped within the hour.';
grant execute on function private.unsubscribe(text, text) to service_role;

create function public.unsubscribe(token text, scope text)
returns boolean
language sql
set search_path = ''
as $$
  select private.unsubscribe(unsubscribe.token, unsubscribe.scope);
$$;
comment on function public.unsubscribe(text, text) is
  'Stop a person''s email, by the token of a link in one: that of the space, reminders alone, or everything (which '
  'is also what "space" means in an email about none). Again changes nothing. False for a token that nobody has. '
  'Secret key only.';
grant execute on function public.unsubscribe(text, text) to service_role;

create function private.resubscribe(token text, at timestamptz)
returns boolean
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_subscription private.email_subscriptions;
begin
  select * into v_subscription
  from private.email_subscriptions
  where email_subscriptions.token = resubscribe.token;
  if not found then
    return false;
  end if;
  perform from public.users where users.id = v_subscription.user_id for key share;
  perform from public.settings where settings.user_id = v_subscription.user_id for no key update;
  select * into v_subscription
  from private.email_subscriptions
  where email_subscriptions.token = resubscribe.token
  for no key update;
  if not found or not coalesce(v_subscription.undo_until > resubscribe.at, false) then
    return false;
  end if;
  perform private.switch_emails(v_subscription, v_subscription.undo, true);
  update private.email_subscriptions
  set undo = null, undo_until = null
  where email_subscriptions.token = resubscribe.token;
  return true;
end;
$$;
comment on function private.resubscribe(text, timestamptz) is
  'Definer to write the settings of whoever the email went to; granted to the service role only. Safe with an email '
  'that was passed on: it switches nothing on but what the same token switched off within the hour.';
grant execute on function private.resubscribe(text, timestamptz) to service_role;

create function public.resubscribe(token text, at timestamptz default now())
returns boolean
language sql
set search_path = ''
as $$
  select private.resubscribe(resubscribe.token, private.require_instant(resubscribe.at));
$$;
comment on function public.resubscribe(text, timestamptz) is
  'Undo what unsubscribe() last did by this token, for an hour, unless the person has decided since: in their '
  'settings, by another link, or by set_space_emails(). Returns true if there was something to undo. Secret key '
  'only.';
grant execute on function public.resubscribe(text, timestamptz) to service_role;

-- Triggers -----------------------------------------------------------------------------------------------------------

create function private.end_undo_by_settings()
returns trigger
language plpgsql
security definer
set search_path = ''
as $$
begin
  perform private.end_undo(new.user_id);
  return null;
end;
$$;
comment on function private.end_undo_by_settings() is
  'Trigger: what people set themselves is not undone by a link that they used before, also where they set what was '
  'set already. Definer because no client reaches the subscriptions; safe because it only fires for a change that '
  'was let in.';

create trigger settings__end_undo
  after insert or update of email_newsletters, email_notifications, email_reminders on public.settings
  for each row execute function private.end_undo_by_settings();
