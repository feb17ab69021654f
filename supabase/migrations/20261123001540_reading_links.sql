-- Reading links: each member's own address of a newsletter. It stands in their email, and opens page, PDF and pictures
-- of that one newsletter without a sign-in, whatever its visibility, for whoever has it. It lives as long as
-- newsletter and membership do, unless the member, or the leader for them, withdraws it, or the account is banned.
--
-- What the address holds is derived from a secret and the id of the email, so that an attempt that is repeated says
-- what the first one said, also when its reader has left meanwhile. A link works while there is a row with its digest.

-- Tables -------------------------------------------------------------------------------------------------------------

create table private.reading_key (
  is_only boolean primary key default true,
  secret bytea not null default decode(
    replace(gen_random_uuid()::text || gen_random_uuid()::text || gen_random_uuid()::text, '-', ''), 'hex'
  ),
  constraint reading_key_only_one check (is_only),
  constraint reading_key_secret_length check (octet_length(secret) = 48)
);
comment on table private.reading_key is
  'What tokens of reading links are derived from. Whoever can read it and the ids of emails can derive them; no role '
  'reaches it.';

create table private.reading_links (
  newsletter_id uuid not null references public.newsletters (id) on delete cascade,
  user_id uuid not null references public.users (id) on delete cascade,
  digest bytea not null,
  created_at timestamptz not null default now(),
  withdrawn_at timestamptz,
  constraint reading_links_pkey primary key (newsletter_id, user_id),
  constraint reading_links_digest_key unique (digest),
  constraint reading_links_digest_length check (octet_length(digest) = 32)
);
comment on table private.reading_links is
  'The addresses that open a newsletter for one member each. Written when the email is about to be sent, or the link '
  'is withdrawn before that; gone with newsletter and account, and with the membership unless it was withdrawn. '
  'Trigger on auth.users: monogram__end_links.';
comment on column private.reading_links.digest is 'SHA-256 of the token; the token itself is kept nowhere.';
comment on column private.reading_links.withdrawn_at is
  'Since when it opens nothing; null while it does. It never comes back.';

create index idx_reading_links_user_id on private.reading_links (user_id);

alter table private.reading_key enable row level security;
alter table private.reading_links enable row level security;

insert into private.reading_key default values;

-- Functions ----------------------------------------------------------------------------------------------------------

create function private.reading_token(mail_id uuid)
returns text
language sql
stable
security definer
set search_path = ''
as $$
  -- Secret and id have fixed lengths, so nobody can make one digest of another. 24 bytes are 32 characters.
  select translate(
    encode(substr(sha256(reading_key.secret || uuid_send(reading_token.mail_id)), 1, 24), 'base64'), '+/', '-_'
  )
  from private.reading_key;
$$;
comment on function private.reading_token(uuid) is
  'Return what the reading link of an email holds: 192 bits, always the same for the same email. Definer; not '
  'granted, only other definer functions call it.';

create function private.reading_digest(token text)
returns bytea
language sql
immutable
set search_path = ''
as $$
  select sha256(convert_to(reading_digest.token, 'UTF8'));
$$;
comment on function private.reading_digest(text) is 'Return what is kept of a token.';

create function private.make_reading_links(batch_id uuid)
returns void
language plpgsql
security definer
set search_path = ''
as $$
begin
  insert into private.reading_links (newsletter_id, user_id, digest)
  select mails.newsletter_id, mails.user_id, private.reading_digest(private.reading_token(mails.id))
  from private.mails
  where mails.batch_id = make_reading_links.batch_id
    and mails.state = 'SENDING'
    and mails.newsletter_id is not null
    and mails.user_id is not null
  on conflict on constraint reading_links_pkey do nothing;
end;
$$;
comment on function private.make_reading_links(uuid) is
  'Let the links of emails that are about to be sent open; one that was withdrawn stays so. Definer; not granted, '
  'only begin_mails() calls it, holding the people and the emails.';

create function private.opens_newsletter(newsletter_id uuid, token text)
returns boolean
language sql
stable
security definer
set search_path = ''
as $$
  select exists (
    select
    from private.reading_links
    join public.newsletters on newsletters.id = reading_links.newsletter_id
    join public.memberships
      on memberships.space_id = newsletters.space_id and memberships.user_id = reading_links.user_id
    join auth.users as accounts on accounts.id = reading_links.user_id
    where reading_links.digest = private.reading_digest(opens_newsletter.token)
      and reading_links.newsletter_id = opens_newsletter.newsletter_id
      and reading_links.withdrawn_at is null
      and newsletters.is_published
      and accounts.deleted_at is null
  );
$$;
comment on function private.opens_newsletter(uuid, text) is
  'Definer because no role reaches the links; granted to the service role only.';
grant execute on function private.opens_newsletter(uuid, text) to service_role;

create function public.opens_newsletter(newsletter_id uuid, token text)
returns boolean
language sql
stable
set search_path = ''
as $$
  select private.opens_newsletter(opens_newsletter.newsletter_id, opens_newsletter.token);
$$;
comment on function public.opens_newsletter(uuid, text) is
  'Return true if the token of a reading link opens a newsletter: it is published, and whose link it is is still a '
  'member, was not banned since, and has not withdrawn it. False alike for whatever is wrong with it. Secret key '
  'only.';
grant execute on function public.opens_newsletter(uuid, text) to service_role;

create function private.withdraw_reading_link(newsletter_id uuid, user_id uuid)
returns void
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_is_client boolean := private.is_client();
  v_me uuid := case when private.is_client() then private.require_user() end;
  v_user_id uuid := coalesce(withdraw_reading_link.user_id, v_me);
  v_space_id uuid;
begin
  if v_user_id is null then
    perform private.fail('MG001', 'user_id', 'user_id names whose link it is.');
  end if;
  -- Check the right before waiting and again behind the lock, with the same error.
  for attempt in 1..2 loop
    select newsletters.space_id into v_space_id
    from public.newsletters
    join public.spaces on spaces.id = newsletters.space_id
    where newsletters.id = withdraw_reading_link.newsletter_id
      and newsletters.is_published
      and (
        not v_is_client
        or spaces.leader_id = v_me
        or v_user_id = v_me and private.is_member(newsletters.space_id, v_me)
      );
    if not found then
      perform private.fail('MG401');
    end if;
    perform private.lock_space(v_space_id);
  end loop;
  if not private.is_member(v_space_id, v_user_id) then
    perform private.fail('MG102');
  end if;
  -- Also one whose email is still to be sent.
  insert into private.reading_links (newsletter_id, user_id, digest, withdrawn_at)
  values (
    withdraw_reading_link.newsletter_id, v_user_id,
    private.reading_digest(
      private.reading_token(private.mail_id(v_user_id, 'newsletter:' || withdraw_reading_link.newsletter_id::text))
    ),
    now()
  )
  on conflict on constraint reading_links_pkey do update
  set withdrawn_at = coalesce(reading_links.withdrawn_at, excluded.withdrawn_at);
end;
$$;
comment on function private.withdraw_reading_link(uuid, uuid) is
  'Definer because no role reaches the links; safe because it refuses all but the link''s own member and the leader, '
  'before and behind the lock, and a newsletter of somebody else gets the same error as one that does not exist.';
grant execute on function private.withdraw_reading_link(uuid, uuid) to authenticated, service_role;

create function public.withdraw_reading_link(newsletter_id uuid, user_id uuid default null)
returns void
language sql
set search_path = ''
as $$
  select private.withdraw_reading_link(withdraw_reading_link.newsletter_id, withdraw_reading_link.user_id);
$$;
comment on function public.withdraw_reading_link(uuid, uuid) is
  'Let the link in one member''s email of a newsletter open nothing any more, for good: the caller''s own, or by the '
  'leader anybody''s. Again changes nothing. MG401 for a newsletter that is not there, not published or not yours to '
  'see, MG102 for somebody who is not a member.';
grant execute on function public.withdraw_reading_link(uuid, uuid) to authenticated, service_role;

-- Triggers -----------------------------------------------------------------------------------------------------------

create function private.drop_reading_links()
returns trigger
language plpgsql
security definer
set search_path = ''
as $$
begin
  delete from private.reading_links
  using public.newsletters
  where newsletters.id = reading_links.newsletter_id
    and newsletters.space_id = old.space_id
    and reading_links.user_id = old.user_id
    -- Its email may not have been sent yet, and its reader may come back.
    and reading_links.withdrawn_at is null;
  return null;
end;
$$;
comment on function private.drop_reading_links() is
  'Trigger: somebody who leaves has no link to the space''s newsletters any longer. Definer because no role reaches '
  'the table; safe because it only fires for a membership that is gone.';

create trigger memberships__drop_links
  after delete on public.memberships
  for each row execute function private.drop_reading_links();

create function private.end_links_of_banned()
returns trigger
language plpgsql
security definer
set search_path = ''
as $$
begin
  -- Behind whoever is about to send an email to them.
  perform from public.users where users.id = new.id for update;
  update private.reading_links
  set withdrawn_at = now()
  where reading_links.user_id = new.id and reading_links.withdrawn_at is null;
  return null;
end;
$$;
comment on function private.end_links_of_banned() is
  'Trigger on auth.users: a ban ends the links that there are, and its end brings none back. Definer because the '
  'auth service has no rights here; safe because it only fires for an account that is being banned.';

create trigger monogram__end_links
  after update of banned_until on auth.users
  for each row when (new.banned_until is distinct from old.banned_until and new.banned_until > now())
  execute function private.end_links_of_banned();
