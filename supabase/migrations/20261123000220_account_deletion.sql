-- How an account is deleted: by its owner, or by the auth service. A deletion holds everything that it will touch before
-- it touches anything.

-- Functions ----------------------------------------------------------------------------------------------------------

create function private.signed_in_at()
returns timestamptz
language sql
stable
security definer
set search_path = ''
as $$
  select created_at
  from auth.sessions
  where id = private.try_uuid((select auth.jwt()) ->> 'session_id') and user_id = (select auth.uid());
$$;
comment on function private.signed_in_at() is
  'Return when the caller''s session began: refreshing it does not make it younger. Null without a session. Definer '
  'to read the auth service''s table; not granted, only other definer functions call it.';

create function private.signed_in_by_email(since timestamptz)
returns boolean
language sql
stable
set search_path = ''
as $$
  -- The auth service's names. Not email_change: its mailbox is a new one.
  select jsonb_path_exists(
    coalesce((select auth.jwt()) -> 'amr', '[]'),
    '$[*] ? (
      @.timestamp >= $since && (
        @.method == "otp" || @.method == "magiclink" || @.method == "recovery" || @.method == "email/signup"
        || @.method == "invite"
      )
    )',
    jsonb_build_object('since', floor(extract(epoch from signed_in_by_email.since)))
  );
$$;
comment on function private.signed_in_by_email(timestamptz) is
  'Return true if the caller has signed in since then by a link or a code that was sent to the account''s mailbox, '
  'or telephone: the claim amr of the token says how, and keeps it when the token is refreshed. Not granted, only '
  'definer functions call it.';

create function private.delete_account(confirm text)
returns void
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_me uuid := private.require_user();
  v_email text;
begin
  select coalesce(nullif(email, ''), id::text) into v_email from auth.users where id = v_me;
  if not found then
    -- The same command again.
    return;
  end if;
  if lower(btrim(coalesce(delete_account.confirm, ''))) <> lower(v_email) then
    perform private.fail('MG310');
  end if;
  if coalesce(private.signed_in_at() < now() - interval '1 hour', true) then
    perform private.fail('MG311');
  end if;
  -- Whoever holds a session of the last day can set a password, and sign in with it.
  if not private.signed_in_by_email(now() - interval '1 hour') and exists (
    select from private.new_passwords where user_id = v_me and set_at > now() - interval '1 day'
  ) then
    perform private.fail(
      'MG311', 'new_password',
      hint => 'Sign in with a link or a code that is sent to the account''s address, then delete the account.',
      addition => 'Within a day after a new password was set, that takes more than the password.'
    );
  end if;
  delete from auth.users where id = v_me;
end;
$$;
comment on function private.delete_account(text) is
  'Definer because clients do not reach accounts; safe because it deletes the caller''s own, and takes more than a '
  'token that somebody found: the address, and a sign-in of the last hour, and for a day after a new password, a '
  'sign-in by email.';
grant execute on function private.delete_account(text) to authenticated;

create function public.delete_account(confirm text)
returns void
language sql
set search_path = ''
as $$
  select private.delete_account(delete_account.confirm);
$$;
comment on function public.delete_account(text) is
  'Delete the caller''s own account, for good: confirm is its email address (its id, where it has none). What goes '
  'and what stays is in the guide "Leaving and deleting". Again changes nothing. MG310 for another address, MG311 '
  'where the sign-in is older than an hour, or by a password that was set within the last day (detail new_password): '
  'then it has to be by a link or a code from the mailbox.';
grant execute on function public.delete_account(text) to authenticated;

-- Triggers -----------------------------------------------------------------------------------------------------------

create function private.delete_one_at_a_time()
returns trigger
language plpgsql
security definer
set search_path = ''
as $$
begin
  -- Everybody who deletes an account needs it next, so the wait for it counts, too.
  perform private.wait_briefly();
  perform pg_advisory_xact_lock(hashtextextended('delete an account', 0));
  perform private.wait_briefly();
  return null;
end;
$$;
comment on function private.delete_one_at_a_time() is
  'Trigger: accounts are deleted one after another, before a row is held. The new leaders and curators of spaces '
  'must not be deleted at the same moment. From here on a client waits for the second that wait_briefly() gives, '
  'whatever for. Definer because the auth service has no rights in private; safe because it only holds that lock.';

create trigger monogram__one_deletion_at_a_time
  before delete on auth.users
  for each statement execute function private.delete_one_at_a_time();

create trigger users__one_deletion_at_a_time
  before delete on public.users
  for each statement execute function private.delete_one_at_a_time();

-- A soft deletion keeps a row without an address, with which nobody can sign in: the spaces that the account leads
-- would have no leader.
create trigger monogram__one_soft_deletion_at_a_time
  before update of deleted_at on auth.users
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
  v_id uuid;
begin
  perform private.wait_briefly();
  select array_agg(gone.id order by gone.id) into v_user_ids from gone;
  foreach v_id in array coalesce(v_user_ids, '{}') loop
    perform pg_advisory_xact_lock(hashtextextended('account:' || v_id::text, 0));
    perform private.wait_briefly();
  end loop;
  -- From here on they send no gifts, so their recipients are known.
  foreach v_id in array coalesce(v_user_ids, '{}') loop
    perform pg_advisory_xact_lock(hashtextextended('gifts:' || v_id::text, 0));
    perform private.wait_briefly();
  end loop;
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
  for v_id in select spaces.id from public.spaces where spaces.id = any (v_space_ids) order by spaces.id loop
    perform from public.spaces where spaces.id = v_id for no key update;
    perform private.wait_briefly();
  end loop;
  -- From here on nobody enters or leaves, so the spaces that go with them are known.
  v_empty_ids := array(
    select spaces.id from public.spaces
    where spaces.id = any (v_space_ids) and not exists (
      select from public.memberships
      where memberships.space_id = spaces.id and memberships.user_id <> all (v_user_ids)
    )
  );
  for v_id in
    select users.id from public.users
    where users.id = any (v_user_ids) or users.id in (
      select notifications.user_id from public.notifications where notifications.space_id = any (v_empty_ids)
      union
      select token_gifts.recipient_id from public.token_gifts where token_gifts.sender_id = any (v_user_ids)
    )
    order by users.id
  loop
    perform from public.users where users.id = v_id for update;
    perform private.wait_briefly();
  end loop;
  for v_id in
    select mails.id from private.mails
    where mails.user_id = any (v_user_ids) or mails.space_id = any (v_empty_ids)
      or (mails.kind in ('GIFT_RECEIVED', 'DIGEST') and private.gifts_in(mails.payload) && v_gift_ids)
      -- Those that are about to be taken again, see private.retake_question_mails().
      or (
        mails.space_id in (select prompts.space_id from public.prompts where prompts.curator_id = any (v_user_ids))
        and mails.kind in ('PROMPTS_PUBLISHED', 'RESPONSE_REMINDER') and mails.state = 'QUEUED' and mails.batch_id is not null
      )
    order by mails.id
  loop
    perform from private.mails where mails.id = v_id for update;
    perform private.wait_briefly();
  end loop;
  for v_id in
    select curator_rotations.id from public.curator_rotations
    where curator_rotations.curator_id = any (v_user_ids) or curator_rotations.space_id = any (v_empty_ids)
    order by curator_rotations.id
  loop
    perform from public.curator_rotations where curator_rotations.id = v_id for update;
    perform private.wait_briefly();
  end loop;
  return null;
end;
$$;
comment on function private.hold_departing() is
  'Trigger on auth.users: hold, in the order that everybody keeps to, what the deletion of these accounts will '
  'touch, before anything is; for a client within the second that wait_briefly() gives. Definer because the auth '
  'service has no rights in public; safe because it only holds rows.';

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
  'Trigger on auth.users, after hold_departing(): the rows of people go with their accounts. Definer because the '
  'auth service has no rights in public; safe because it only fires for accounts that are gone.';

create trigger monogram__remove_user
  after delete on auth.users
  referencing old table as gone
  for each statement execute function private.remove_users();

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
  'Trigger on auth.users, after know_address(): an account that the auth service deletes softly is deleted. Definer '
  'because triggers of accounts may run as anybody; safe because it only fires for an account that was just given '
  'up.';

create trigger monogram__soft_deletion
  after update of deleted_at on auth.users
  for each row when (old.deleted_at is null and new.deleted_at is not null)
  execute function private.end_soft_deletion();
