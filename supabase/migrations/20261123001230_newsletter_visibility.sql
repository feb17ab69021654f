-- Who reads published newsletters, and which ones are known to be gone.

-- Tables -------------------------------------------------------------------------------------------------------------

create table private.gone_newsletters (
  newsletter_id uuid primary key,
  deleted_at timestamptz not null default now()
);
comment on table private.gone_newsletters is
  'Published newsletters that everybody could read and that were deleted: their links say that they are gone.';

alter table private.gone_newsletters enable row level security;

-- Functions ----------------------------------------------------------------------------------------------------------

create function private.set_newsletter_visibility(newsletter_id uuid, visibility public.newsletter_visibility)
returns public.newsletters
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_is_client boolean := private.is_client();
  v_me uuid := case when private.is_client() then private.require_user() end;
  v_newsletter public.newsletters;
begin
  -- Check the right before waiting and again behind the lock, with the same error.
  for attempt in 1..2 loop
    select newsletters.* into v_newsletter
    from public.newsletters
    join public.spaces on spaces.id = newsletters.space_id
    where newsletters.id = set_newsletter_visibility.newsletter_id and (not v_is_client or spaces.leader_id = v_me);
    if not found then
      perform private.fail('MG401');
    end if;
    perform private.lock_space(v_newsletter.space_id);
  end loop;
  if set_newsletter_visibility.visibility is null then
    perform private.fail('MG001', 'visibility', 'visibility is PUBLIC or MEMBERS.');
  end if;
  if not v_newsletter.is_published then
    perform private.fail('MG309');
  end if;
  update public.newsletters
  set visibility = set_newsletter_visibility.visibility
  where newsletters.id = v_newsletter.id and newsletters.is_published
  returning * into v_newsletter;
  if not found then
    perform private.fail('MG401');
  end if;
  return v_newsletter;
end;
$$;
comment on function private.set_newsletter_visibility(uuid, public.newsletter_visibility) is
  'Definer because clients do not write the copy; safe because it refuses all but the leader, before and behind the '
  'lock, and a newsletter of somebody else gets the same error as one that does not exist.';
grant execute on function private.set_newsletter_visibility(uuid, public.newsletter_visibility)
  to authenticated, service_role;

create function public.set_newsletter_visibility(newsletter_id uuid, visibility public.newsletter_visibility)
returns public.newsletters
language sql
set search_path = ''
as $$
  select private.set_newsletter_visibility(
    set_newsletter_visibility.newsletter_id, set_newsletter_visibility.visibility
  );
$$;
comment on function public.set_newsletter_visibility(uuid, public.newsletter_visibility) is
  'Open one published newsletter to everybody, or close it to all but members, whatever its space says. Leader only. '
  'MG309 for a draft, MG401 for a newsletter that is not there or not yours to change.';
grant execute on function public.set_newsletter_visibility(uuid, public.newsletter_visibility)
  to authenticated, service_role;

create function private.is_newsletter_gone(newsletter_id uuid)
returns boolean
language sql
stable
security definer
set search_path = ''
as $$
  select exists (
    select from private.gone_newsletters where gone_newsletters.newsletter_id = is_newsletter_gone.newsletter_id
  );
$$;
comment on function private.is_newsletter_gone(uuid) is
  'Definer because no role reaches the table; safe because it speaks of newsletters that everybody could read.';
grant execute on function private.is_newsletter_gone(uuid) to authenticated, service_role;

create function public.is_newsletter_gone(newsletter_id uuid)
returns boolean
language sql
stable
set search_path = ''
as $$
  select private.is_newsletter_gone(is_newsletter_gone.newsletter_id);
$$;
comment on function public.is_newsletter_gone(uuid) is
  'Return true if there was a published newsletter of this id that everybody could read, and it was deleted.';
grant execute on function public.is_newsletter_gone(uuid) to authenticated, service_role;

-- Triggers -----------------------------------------------------------------------------------------------------------

create function private.spread_newsletter_visibility()
returns trigger
language plpgsql
security definer
set search_path = ''
as $$
begin
  -- Narrowing closes all; what was written for members is not made public by a switch.
  update public.newsletters
  set visibility = new.newsletter_visibility
  where space_id = new.id
    and visibility <> new.newsletter_visibility
    and (new.newsletter_visibility = 'MEMBERS' or not is_published);
  return null;
end;
$$;
comment on function private.spread_newsletter_visibility() is
  'Trigger: narrowing a space narrows all its newsletters, widening it opens later ones only. Definer because '
  'clients do not write the copy; safe because it only fires for a space whose change was let in.';

create trigger spaces__spread_visibility
  after update of newsletter_visibility on public.spaces
  for each row when (new.newsletter_visibility <> old.newsletter_visibility)
  execute function private.spread_newsletter_visibility();

create function private.note_gone_newsletter()
returns trigger
language plpgsql
security definer
set search_path = ''
as $$
begin
  insert into private.gone_newsletters (newsletter_id) values (old.id) on conflict do nothing;
  return null;
end;
$$;
comment on function private.note_gone_newsletter() is
  'Trigger: the link to a newsletter that everybody could read outlives it. Definer because no role reaches the '
  'table; safe because it only fires for a newsletter that is gone.';

create trigger newsletters__note_gone
  after delete on public.newsletters
  for each row when (old.is_published and old.visibility = 'PUBLIC')
  execute function private.note_gone_newsletter();
