-- Locks of accounts, and when each got a new password.
--
-- See the order of locks in the migration of space_events. An account is held while something is written that refers
-- to it; a deletion holds everything that it will touch before it touches anything.

-- Tables -------------------------------------------------------------------------------------------------------------

create table private.new_passwords (
  user_id uuid primary key references public.users (id) on delete cascade,
  set_at timestamptz not null
);
comment on table private.new_passwords is
  'When an account that was there already was last given a password: for a day, signing in with it does not prove '
  'who it belongs to. Forgotten by the sweep after that.';

alter table private.new_passwords enable row level security;

-- Locks --------------------------------------------------------------------------------------------------------------

create function private.hold_account(user_id uuid)
returns void
language plpgsql
security definer
set search_path = ''
as $$
begin
  perform private.is_plain_change();
  -- The strongest lock that will be needed: to upgrade a weaker one later may deadlock with a deletion that waits for
  -- it.
  perform from public.users where users.id = hold_account.user_id for no key update;
  if not found then
    perform private.fail('MG902');
  end if;
  perform private.wait_briefly(is_holding => false);
end;
$$;
comment on function private.hold_account(uuid) is
  'Keep an account from being deleted until the transaction ends, or refuse if it is gone: a token outlives its '
  'account by up to an hour. Definer; not granted, only triggers call it, with the caller''s own id.';

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
  'Hold the caller''s own row until the transaction ends; false where the account is gone. For policies on what '
  'belongs to one person, so that two devices, or a deletion, take the rows of that person in one order. Definer '
  'because clients may not lock rows of users; safe because it holds the caller''s own and returns nothing else.';
grant execute on function private.hold_me() to authenticated;

create function private.hold_entry(user_id uuid)
returns void
language sql
set search_path = ''
as $$
  select pg_advisory_xact_lock_shared(hashtextextended('account:' || hold_entry.user_id::text, 0));
$$;
comment on function private.hold_entry(uuid) is
  'Hold, before the space, that somebody is about to enter one: a deletion of the account waits, and so knows every '
  'space that it has to hold. Not granted, only triggers call it.';

create function private.lock_people(user_ids uuid[])
returns void
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_user_id uuid;
begin
  if not private.is_client() then
    perform from public.users where id = any (lock_people.user_ids) order by id for no key update;
    return;
  end if;
  perform private.is_plain_change();
  for v_user_id in select id from public.users where id = any (lock_people.user_ids) order by id loop
    perform from public.users where id = v_user_id for no key update;
    -- Who holds but themselves keeps nobody else.
    perform private.wait_briefly(is_holding => v_user_id is distinct from (select auth.uid()));
  end loop;
end;
$$;
comment on function private.lock_people(uuid[]) is
  'Hold several people''s rows, always in the same order, so that no two transactions wait for each other. A client '
  'who holds somebody else waits briefly for the next. Definer; not granted, only other definer functions call it.';

create function private.lock_readers(user_ids uuid[])
returns void
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_lock_timeout text := current_setting('lock_timeout');
begin
  perform set_config(
    'lock_timeout', coalesce(nullif(current_setting('monogram.lock_timeout', true), ''), v_lock_timeout), true
  );
  perform from public.users where id = any (lock_readers.user_ids) order by id for no key update;
  perform set_config('lock_timeout', v_lock_timeout, true);
end;
$$;
comment on function private.lock_readers(uuid[]) is
  'Return the same for whom a newsletter is about: wait as long as it takes, so that no member keeps a space from '
  'its newsletter by keeping their own row busy. A day''s few newsletters bound how often. Definer; not granted, '
  'only send_newsletter() calls it.';

-- Triggers -----------------------------------------------------------------------------------------------------------

create function private.note_new_password()
returns trigger
language plpgsql
security definer
set search_path = ''
as $$
begin
  insert into private.new_passwords (user_id, set_at) values (new.id, now())
  on conflict (user_id) do update set set_at = excluded.set_at;
  return null;
end;
$$;
comment on function private.note_new_password() is
  'Trigger on auth.users: note when an account got another password, or its first one after the sign-up. Definer '
  'because no role reaches the table; safe because it notes nothing but the time.';

create trigger monogram__note_new_password
  after update of encrypted_password on auth.users
  for each row when (
    new.encrypted_password is distinct from old.encrypted_password and coalesce(new.encrypted_password, '') <> ''
  )
  execute function private.note_new_password();
