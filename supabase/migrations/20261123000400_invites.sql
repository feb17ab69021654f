-- Invites to spaces. The code is shown once, when it is made; what is kept is its SHA-256, in a table that no role of
-- the API can read. A code has 122 random bits or more, so a fast hash is enough.
--
-- A command whose answer is lost is sent again, and must not leave an invite that nobody knows the code of. So the code
-- is the hash of the command's idempotency key and of a salt that is drawn for the invite and kept with it: who has the
-- key gets the same code again. The key itself is not kept, and neither salt nor key alone tells the code.

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
  constraint space_invites_uses_in_bounds check (uses >= 0 and (max_uses is null or uses <= max_uses))
);
comment on table public.space_invites is 'Invites to a space: how often each may be used, until when, and how often it was.';
comment on column public.space_invites.max_uses is 'Null: as often as people like.';
comment on column public.space_invites.revoked_at is 'When an admin took it back.';

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

create function private.my_administered_space_ids()
returns setof uuid
language sql
stable
security definer
set search_path = ''
as $$
  select space_id from public.memberships where user_id = (select auth.uid()) and role = 'ADMIN';
$$;
comment on function private.my_administered_space_ids() is
  'The spaces in which the caller is ADMIN. Definer so that policies do not run policies; safe because it answers for '
  'the caller only.';
grant execute on function private.my_administered_space_ids() to anon, authenticated, service_role;

create policy "Admins see the invites of their spaces" on public.space_invites
  for select to authenticated using (space_id = any (array(select private.my_administered_space_ids())));

create policy "Admins revoke the invites of their spaces" on public.space_invites
  for update to authenticated
  using (space_id = any (array(select private.my_administered_space_ids())))
  with check (space_id = any (array(select private.my_administered_space_ids())));

grant select on public.space_invites to authenticated, service_role;
grant update (revoked_at) on public.space_invites to authenticated, service_role;

create function private.hash_invite_code(code text)
returns bytea
language sql
immutable
set search_path = ''
as $$
  select sha256(convert_to(upper(regexp_replace(hash_invite_code.code, '[^A-Za-z0-9]', '', 'g')), 'UTF8'));
$$;
comment on function private.hash_invite_code(text) is 'Hash of a code, whatever case, blanks and dashes it was typed with.';

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
  'The invite that a code opens, or a refusal. Definer; not granted, only the membership trigger calls it.';

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
  'Whether a code, valid or not any more, is of a space that a person is in. Definer; not granted, only the membership '
  'trigger calls it.';

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
  perform private.require_member(create_invite.space_id);
  if private.is_client() and not exists (
    select from public.memberships
    where memberships.space_id = create_invite.space_id
      and memberships.user_id = (select auth.uid())
      and memberships.role = 'ADMIN'
  ) then
    perform private.deny('Only admins of the space may invite.', 'Ask the leader of the space.');
  end if;
  if create_invite.max_uses < 1 then
    perform private.fail('MG001', 'max_uses', 'max_uses is 1 or more, or null for no limit.');
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
  elsif create_invite.expires_at <= now() then
    perform private.fail('MG001', 'expires_at', 'expires_at lies in the future, or is null for no end.');
  end if;
  v_salt := coalesce(v_salt, gen_random_uuid());
  v_code := upper(left(encode(sha256(convert_to(v_salt::text || ':' || v_key, 'UTF8')), 'hex'), 32));
  if v_invite.id is null then
    insert into public.space_invites (space_id, created_by, max_uses, expires_at)
    values (create_invite.space_id, (select auth.uid()), create_invite.max_uses, create_invite.expires_at)
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
  'Definer because clients insert no invite and never reach the hashes; safe because it refuses all but admins of the '
  'space, and answers a code again only to who made it and has the key.';
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
  'Make an invite and answer {id, space_id, code, max_uses, uses, expires_at, created_at}: the only time that its code '
  'is shown, except to the same command again: the same idempotency_key with the same content answers the same invite, '
  'with other content it is MG502. Admins of the space only. MG001 for a limit below 1 or an end in the past.';
grant execute on function public.create_invite(uuid, integer, timestamptz, text) to authenticated, service_role;
