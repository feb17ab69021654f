-- Invites to spaces. The code is shown once, when it is made; what is kept is its SHA-256, in a table that no role of
-- the API can read. A code has 122 random bits or more, so a fast hash is enough.
--
-- A command whose reply is lost is sent again, and must not leave an invite that nobody knows the code of. So the code
-- is the hash of the command's idempotency key and of a salt that is drawn for the invite and kept with it: whoever
-- has the key gets the same code again. The key itself is not kept, and neither salt nor key alone tells the code.

-- Tables -------------------------------------------------------------------------------------------------------------

create table public.space_invites (
  id uuid primary key default gen_random_uuid(),
  space_id uuid not null references public.spaces (id) on delete cascade,
  created_by uuid references public.users (id) on delete set null,
  max_uses integer,
  uses integer not null default 0,
  expires_at timestamptz,
  revoked_at timestamptz,
  created_at timestamptz not null default now(),
  constraint space_invites_max_uses_positive check (max_uses >= 1),
  constraint space_invites_expires_at_readable check (private.is_instant(expires_at)),
  constraint space_invites_uses_in_bounds check (uses >= 0 and (max_uses is null or uses <= max_uses))
);
comment on table public.space_invites is
  'Invites to a space: how often each may be used, until when, and how often it was. Triggers: '
  'space_invites__bound_rows, space_invites__take_id, space_invites__keep_withdrawn, space_invites__limit.';
comment on column public.space_invites.max_uses is 'Null: as often as people like.';
comment on column public.space_invites.revoked_at is
  'When an admin withdrew it, or its maker stopped being an admin. The database sets the time, and it never changes.';

create index idx_space_invites_space_id on public.space_invites (space_id);
create index idx_space_invites_created_by on public.space_invites (created_by);

alter table public.memberships
  add constraint memberships_invite_id_fkey foreign key (invite_id) references public.space_invites (id) on delete set null;

create table private.invite_secrets (
  invite_id uuid primary key references public.space_invites (id) on delete cascade,
  code_hash bytea not null unique,
  salt uuid not null,
  key_hash bytea not null unique
);
comment on table private.invite_secrets is
  'SHA-256 of each invite code, and of the command that made it. Nobody reads it but functions of this file.';
comment on column private.invite_secrets.salt is 'What the code is made of, together with the idempotency key.';
comment on column private.invite_secrets.key_hash is 'SHA-256 of the idempotency key and of who sent it.';

alter table public.space_invites enable row level security;
alter table private.invite_secrets enable row level security;

-- Predicates ---------------------------------------------------------------------------------------------------------

create function private.my_administered_space_ids()
returns setof uuid
language plpgsql
stable
security definer
set search_path = ''
as $$
begin
  return query
    select memberships.space_id from public.memberships
    where memberships.user_id = (select auth.uid()) and memberships.role = 'ADMIN';
end;
$$;
comment on function private.my_administered_space_ids() is
  'Return the spaces in which the caller is ADMIN. Definer so that policies do not run policies; safe because it '
  'looks at the caller only.';
grant execute on function private.my_administered_space_ids() to anon, authenticated, service_role;

-- Policies and grants ------------------------------------------------------------------------------------------------

create policy "Admins see the invites of their spaces" on public.space_invites
  for select to authenticated using (space_id = any (array(select private.my_administered_space_ids())));

create policy "Admins revoke the invites of their spaces" on public.space_invites
  for update to authenticated
  using (
    space_id = any (array(select private.my_administered_space_ids())) and private.hold_space_as(space_id, 'admin')
  )
  with check (space_id = any (array(select private.my_administered_space_ids())));

grant select on public.space_invites to authenticated, service_role;
grant update (revoked_at) on public.space_invites to authenticated, service_role;

-- Functions ----------------------------------------------------------------------------------------------------------

create function private.hash_invite_code(code text)
returns bytea
language sql
immutable
set search_path = ''
as $$
  select sha256(convert_to(upper(regexp_replace(hash_invite_code.code, '[^A-Za-z0-9]', '', 'g')), 'UTF8'));
$$;
comment on function private.hash_invite_code(text) is
  'Hash of a code, whatever case, blanks and dashes it was typed with.';

create function private.invited_space(code text)
returns uuid
language sql
stable
security definer
set search_path = ''
as $$
  select space_invites.space_id
  from private.invite_secrets
  join public.space_invites on space_invites.id = invite_secrets.invite_id
  where invite_secrets.code_hash = private.hash_invite_code(invited_space.code);
$$;
comment on function private.invited_space(text) is
  'Return the space of a code, valid or not; null for no code. Definer; not granted, only the membership trigger '
  'calls it.';

create function private.valid_invite(code text)
returns public.space_invites
language plpgsql
stable
security definer
set search_path = ''
as $$
declare
  v_invite public.space_invites;
begin
  select space_invites.* into v_invite
  from private.invite_secrets
  join public.space_invites on space_invites.id = invite_secrets.invite_id
  where invite_secrets.code_hash = private.hash_invite_code(valid_invite.code);
  if v_invite.id is null or v_invite.revoked_at is not null then
    perform private.fail('MG103');
  elsif v_invite.expires_at <= now() then
    perform private.fail('MG104');
  elsif v_invite.uses >= v_invite.max_uses then
    perform private.fail('MG105');
  end if;
  return v_invite;
end;
$$;
comment on function private.valid_invite(text) is
  'Return the invite of a code, or refuse. Definer; not granted, only the membership trigger calls it.';

create function private.opens_own_space(code text, user_id uuid)
returns boolean
language sql
stable
security definer
set search_path = ''
as $$
  select exists (
    select from private.invite_secrets
    join public.space_invites on space_invites.id = invite_secrets.invite_id
    join public.memberships on memberships.space_id = space_invites.space_id
    where invite_secrets.code_hash = private.hash_invite_code(opens_own_space.code)
      and memberships.user_id = opens_own_space.user_id
  );
$$;
comment on function private.opens_own_space(text, uuid) is
  'Return true if a code, valid or not any more, is of a space that a person is in. Definer; not granted, only the '
  'membership trigger calls it.';

create function private.create_invite(space_id uuid, max_uses integer, expires_at timestamptz, idempotency_key text)
returns jsonb
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_key text := coalesce(create_invite.idempotency_key, gen_random_uuid()::text);
  v_key_hash bytea := sha256(convert_to(coalesce((select auth.uid())::text, '') || ':' || v_key, 'UTF8'));
  v_salt uuid;
  v_code text;
  v_invite public.space_invites;
begin
  perform private.lock_space_as(create_invite.space_id, 'admin');
  if create_invite.max_uses < 1 then
    perform private.fail('MG001', 'max_uses', 'max_uses is 1 or more, or null for no limit.');
  end if;
  if not private.is_instant(create_invite.expires_at) then
    perform private.fail('MG001', 'expires_at', 'expires_at lies before the year 9999, or is null for no end.');
  end if;
  perform private.check_text('idempotency_key', create_invite.idempotency_key, 1, 200);
  -- One command at a time per person and key.
  perform pg_advisory_xact_lock(hashtextextended('create_invite:' || encode(v_key_hash, 'hex'), 0));
  select invite_secrets.salt into v_salt from private.invite_secrets where invite_secrets.key_hash = v_key_hash;
  if found then
    select space_invites.* into v_invite
    from private.invite_secrets
    join public.space_invites on space_invites.id = invite_secrets.invite_id
    where invite_secrets.key_hash = v_key_hash;
    if (v_invite.space_id, v_invite.max_uses, v_invite.expires_at)
      is distinct from (create_invite.space_id, create_invite.max_uses, create_invite.expires_at)
    then
      perform private.fail('MG502');
    end if;
    -- A code that does not work any longer is refused with the reason.
    if v_invite.revoked_at is not null then
      perform private.fail('MG112', null, 'Make a new one with another idempotency_key.');
    elsif v_invite.expires_at <= now() then
      perform private.fail('MG104', null, 'Make a new one with another idempotency_key.');
    elsif v_invite.uses >= v_invite.max_uses then
      perform private.fail('MG105', null, 'Make a new one with another idempotency_key.');
    end if;
  elsif create_invite.expires_at <= now() then
    perform private.fail('MG001', 'expires_at', 'expires_at lies in the future, or is null for no end.');
  end if;
  v_salt := coalesce(v_salt, gen_random_uuid());
  v_code := upper(left(encode(sha256(convert_to(v_salt::text || ':' || v_key, 'UTF8')), 'hex'), 32));
  if v_invite.id is null then
    -- The time at which the space is held: a removal before it is before it.
    insert into public.space_invites (space_id, created_by, max_uses, expires_at, created_at)
    values (
      create_invite.space_id, (select auth.uid()), create_invite.max_uses, create_invite.expires_at, clock_timestamp()
    )
    returning * into v_invite;
    insert into private.invite_secrets (invite_id, code_hash, salt, key_hash)
    values (v_invite.id, private.hash_invite_code(v_code), v_salt, v_key_hash);
  end if;
  return jsonb_build_object(
    'id', v_invite.id,
    'space_id', v_invite.space_id,
    'code', regexp_replace(v_code, '(.{8})(?=.)', '\1-', 'g'),
    'max_uses', v_invite.max_uses,
    'uses', v_invite.uses,
    'expires_at', v_invite.expires_at,
    'created_at', v_invite.created_at
  );
end;
$$;
comment on function private.create_invite(uuid, integer, timestamptz, text) is
  'Definer because clients insert no invite and never reach the hashes; safe because it refuses all but admins of '
  'the space, and returns a code again only to the person who made it and has the key.';
grant execute on function private.create_invite(uuid, integer, timestamptz, text) to authenticated, service_role;

create function public.create_invite(
  space_id uuid, max_uses integer default null, expires_at timestamptz default null, idempotency_key text default null
)
returns jsonb
language sql
set search_path = ''
as $$
  select private.create_invite(
    create_invite.space_id, create_invite.max_uses, create_invite.expires_at, create_invite.idempotency_key
  );
$$;
comment on function public.create_invite(uuid, integer, timestamptz, text) is
  'Make an invite and return {id, space_id, code, max_uses, uses, expires_at, created_at}: the only time that its '
  'code is shown, except to the same command again: the same idempotency_key with the same content returns the same '
  'invite, with other content it is MG502. If that invite has ended by then it is MG112 (withdrawn), MG104 (expired) '
  'or MG105 (used up). Admins of the space only. MG001 for a limit below 1 or an end in the past.';
grant execute on function public.create_invite(uuid, integer, timestamptz, text) to authenticated, service_role;

-- Triggers -----------------------------------------------------------------------------------------------------------

create trigger space_invites__take_id
  before insert on public.space_invites
  for each row execute function private.take_id();

create function private.keep_withdrawn()
returns trigger
language plpgsql
set search_path = ''
as $$
begin
  if old.revoked_at is null then
    new.revoked_at := case when new.revoked_at is not null then now() end;
  elsif new.revoked_at is null then
    perform private.fail('MG112');
  else
    new.revoked_at := old.revoked_at;
  end if;
  return new;
end;
$$;
comment on function private.keep_withdrawn() is
  'Trigger: an invite is withdrawn now, whatever time was sent, and stays so, whoever asks.';

create trigger space_invites__keep_withdrawn
  before update of revoked_at on public.space_invites
  for each row execute function private.keep_withdrawn();

create function private.end_invites()
returns trigger
language plpgsql
security definer
set search_path = ''
as $$
begin
  update public.space_invites
  set revoked_at = now()
  where space_id = old.space_id and created_by = old.user_id and revoked_at is null;
  return null;
end;
$$;
comment on function private.end_invites() is
  'Trigger: the invites of somebody who stops being an admin are withdrawn. Definer because other people''s invites '
  'are not the caller''s to change; safe because it only fires for a rank that is lost.';

create trigger memberships__end_invites
  after update of role on public.memberships
  for each row when (old.role = 'ADMIN' and new.role <> 'ADMIN')
  execute function private.end_invites();

create trigger memberships__end_invites_of_who_left
  after delete on public.memberships
  for each row when (old.role = 'ADMIN')
  execute function private.end_invites();

create function private.end_invites_of_account()
returns trigger
language plpgsql
security definer
set search_path = ''
as $$
begin
  update public.space_invites set revoked_at = now() where created_by = old.id and revoked_at is null;
  return old;
end;
$$;
comment on function private.end_invites_of_account() is
  'Trigger: the invites of an account are withdrawn before the account goes; afterwards nothing says whose they '
  'were. Definer because other people''s invites are not the caller''s to change; safe because it only fires for an '
  'account that is being deleted.';

create trigger users__end_invites
  before delete on public.users
  for each row execute function private.end_invites_of_account();
