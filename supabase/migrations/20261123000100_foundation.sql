-- The ground that every other migration stands on: who may reach what by default, and the few small functions that all
-- topics share: who is calling, ids, versions, how long a client waits.
--
-- `public` is the API. `private` is never exposed by the Data API: it holds the predicates that policies call, the
-- functions that need more rights than their caller, and the tables that nobody but them may touch.

create schema private;

comment on schema private is
  'Not exposed. Predicates for policies, definer functions, and tables that only they touch.';

grant usage on schema private to anon, authenticated, service_role;

-- Nothing is reachable without a grant. The execute default must be revoked globally: the per-schema form cannot take
-- back what the global default gives.
alter default privileges revoke execute on functions from public;

alter default privileges in schema public revoke execute on functions from anon, authenticated, service_role;

alter default privileges in schema public revoke all on tables from anon, authenticated, service_role;

alter default privileges in schema public revoke all on sequences from anon, authenticated, service_role;

-- Tables -------------------------------------------------------------------------------------------------------------

create table private.used_ids (
  id uuid primary key
);
comment on table private.used_ids is
  'Every id that was ever given to an account, a space, a prompt, a response, a newsletter, an invite, a gift, a '
  'purchase or an item. It stays when the thing goes, so that no id is given twice. Files, links and ledger rows '
  'outlive what they name.';

alter table private.used_ids enable row level security;

-- Functions ----------------------------------------------------------------------------------------------------------

create function private.is_client()
returns boolean
language plpgsql
stable
set search_path = ''
as $$
declare
  v_role text := current_setting('role', true);
begin
  return
    -- The roles of nearly every call, so that they look no further.
    v_role in ('authenticated', 'anon')
    or case v_role when 'none' then session_user::text else v_role end <> all (
      array[
        'service_role', 'supabase_admin', 'supabase_auth_admin', 'supabase_storage_admin', 'supabase_realtime_admin',
        (select pg_catalog.pg_get_userbyid(nspowner)::text from pg_catalog.pg_namespace where nspname = 'private')
      ]
    );
end;
$$;
comment on function private.is_client() is
  'Return true if the statement was sent by a client. Trusted are the secret key''s role, the owner of the '
  'migrations and the platform''s own roles; any other role that somebody creates one day is a client. Unlike '
  'current_user, the setting "role" keeps its value inside a definer function, and a client cannot set it; "none" '
  'means the role that logged in.';
grant execute on function private.is_client() to anon, authenticated, service_role;

create function private.require_user()
returns uuid
language plpgsql
stable
set search_path = ''
as $$
begin
  if (select auth.uid()) is null then
    perform private.deny('You are not signed in.', 'Sign in first.');
  end if;
  return (select auth.uid());
end;
$$;
comment on function private.require_user() is 'Return the id of the signed-in person, or refuse.';
grant execute on function private.require_user() to anon, authenticated, service_role;

create function private.longest_wait()
returns interval
language sql
immutable
set search_path = ''
as $$
  select interval '1 second';
$$;
comment on function private.longest_wait() is
  'Return how long a client''s statement waits, in all, while it holds what others need.';

create function private.wait_briefly(is_holding boolean default true)
returns void
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_since timestamptz := nullif(current_setting('monogram.holding_since', true), '')::timestamptz;
begin
  -- What was set a moment ago still holds.
  if v_since > clock_timestamp() - interval '20 milliseconds' then
    return;
  end if;
  if v_since is null and not wait_briefly.is_holding or not private.is_client() then
    return;
  end if;
  if v_since is null then
    v_since := clock_timestamp();
    perform set_config('monogram.holding_since', v_since::text, true);
    perform set_config('monogram.lock_timeout', current_setting('lock_timeout'), true);
  end if;
  -- The project's own lock_timeout stays where it is shorter; 0 means no limit.
  perform set_config(
    'lock_timeout',
    least(
      nullif(extract(epoch from current_setting('lock_timeout')::interval) * 1000, 0),
      greatest(extract(epoch from v_since + private.longest_wait() - clock_timestamp()) * 1000, 1)
    )::integer::text,
    true
  );
end;
$$;
comment on function private.wait_briefly(boolean) is
  'From here on a client''s transaction holds what others need: it waits for more for longest_wait() in all, then '
  'Postgres ends it (55P03) with nothing done. Called again behind each lock, for lock_timeout is for each wait; '
  'behind one that keeps nobody else with is_holding false, which only counts what was waited since. Definer; not '
  'granted, only other definer functions call it.';

create function private.try_uuid(value text)
returns uuid
language plpgsql
immutable
set search_path = ''
as $$
begin
  return case
    when try_uuid.value ~ '^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$' then try_uuid.value::uuid
  end;
end;
$$;
comment on function private.try_uuid(text) is
  'Return the text as a uuid, or null unless it is one in its canonical spelling: lower case, with dashes. For names '
  'of files and channels, which are compared as texts.';
grant execute on function private.try_uuid(text) to anon, authenticated, service_role;

-- Triggers -----------------------------------------------------------------------------------------------------------

create function private.take_id()
returns trigger
language plpgsql
security definer
set search_path = ''
as $$
begin
  if new.id is null then
    perform private.fail('MG001', 'id', 'id is a UUID; leave it out for a new one.');
  end if;
  -- Waits for whoever is about to use the same id, and sees also what is gone or hidden.
  insert into private.used_ids (id) values (new.id) on conflict do nothing;
  if not found then
    perform private.fail('MG901');
  end if;
  return new;
end;
$$;
comment on function private.take_id() is
  'Trigger, after all other checks of a new row: reserve its id for good, or refuse one that was used before, with '
  'the same error whether it is still there and whoever has it. Definer because no role reaches the table; safe '
  'because it refuses or notes an id of a row that is being inserted, and nothing else.';

create function private.require_columns()
returns trigger
language plpgsql
set search_path = ''
as $$
declare
  v_name text;
begin
  foreach v_name in array tg_argv loop
    if to_jsonb(new) ->> v_name is null then
      perform private.fail('MG001', v_name, format('%s takes a value, and not null.', v_name));
    end if;
  end loop;
  return new;
end;
$$;
comment on function private.require_columns() is
  'Trigger, with columns that take no null as its arguments, for a row where one is: refuse it with an error that '
  'names the column, before the NOT NULL of the table does.';

create function private.touch_updated_at()
returns trigger
language plpgsql
set search_path = ''
as $$
begin
  new.updated_at := now();
  return new;
end;
$$;
comment on function private.touch_updated_at() is 'Trigger: stamp updated_at.';

create function private.count_version()
returns trigger
language plpgsql
set search_path = ''
as $$
declare
  v_changed boolean := exists (
    select from unnest(tg_argv) as edited (name)
    where to_jsonb(new) -> edited.name is distinct from to_jsonb(old) -> edited.name
  );
begin
  if v_changed and new.version is distinct from old.version then
    perform private.fail(
      'MG308', format('Its version is %s now; the change was made to version %s.', old.version, new.version)
    );
  end if;
  new.version := old.version + v_changed::integer;
  return new;
end;
$$;
comment on function private.count_version() is
  'Trigger, with the columns that people edit as its arguments: count their changes. An update that writes the '
  'column version names the version that it changed, and is refused if that is not the current one. It runs on the '
  'newest row, behind the lock, so the second of two concurrent changes is refused. A change that is there already '
  'does not conflict: a command whose reply was lost can be sent again.';
