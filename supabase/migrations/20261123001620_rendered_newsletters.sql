-- A newsletter as an email, and how far its emails are.

-- Tables -------------------------------------------------------------------------------------------------------------

create table private.newsletter_mails (
  newsletter_id uuid primary key references public.newsletters (id) on delete cascade,
  content jsonb not null,
  created_at timestamptz not null default now(),
  constraint newsletter_mails_content_is_object check (jsonb_typeof(content) = 'object')
);
comment on table private.newsletter_mails is
  'A newsletter as an email, rendered once, so that every recipient and every attempt gets the same bytes.';

alter table private.newsletter_mails enable row level security;

-- Rights of the secret key's functions below; the schema is not exposed, so that nothing else uses them.
grant select, insert on private.newsletter_mails to service_role;

-- Predicates ---------------------------------------------------------------------------------------------------------

create function private.is_rendered(newsletter_id uuid)
returns boolean
language plpgsql
stable
set search_path = ''
as $$
begin
  return is_rendered.newsletter_id is null
    or exists (select from private.newsletter_mails where newsletter_mails.newsletter_id = is_rendered.newsletter_id);
end;
$$;
comment on function private.is_rendered(uuid) is
  'Return true if there is nothing to wait for before an email goes out: it is about no newsletter, or about one '
  'that is rendered as an email.';

create function private.describe_fault(fault text)
returns text
language sql
immutable
set search_path = ''
as $$
  select case describe_fault.fault
    when 'NO_MAILBOX' then 'There is no such mailbox.'
    when 'MAILBOX_FULL' then 'The mailbox is full.'
    when 'SENDER' then 'Sending has stopped until the operator has fixed something. Nothing is lost.'
    when 'RATE' then 'The mail server wants us to wait.'
    when 'CONTENT' then 'The mail server did not want what the email says.'
    when 'AWAY' then 'The mail server could not be reached.'
    else 'The mail server did not take it.'
  end;
$$;
comment on function private.describe_fault(text) is
  'Return why an email did not go out, for people other than the operator: our words, never those of the server.';

-- Functions ----------------------------------------------------------------------------------------------------------

create function public.newsletter_mail(newsletter_id uuid)
returns jsonb
language sql
stable
set search_path = ''
as $$
  select newsletter_mails.content
  from private.newsletter_mails
  where newsletter_mails.newsletter_id = newsletter_mail.newsletter_id;
$$;
comment on function public.newsletter_mail(uuid) is
  'A newsletter as an email, as it was rendered; null before. Secret key only.';
grant execute on function public.newsletter_mail(uuid) to service_role;

create function public.newsletter_languages(newsletter_id uuid)
returns setof text
language sql
stable
set search_path = ''
as $$
  select distinct settings.language
  from private.mails
  join public.settings on settings.user_id = mails.user_id
  where mails.newsletter_id = newsletter_languages.newsletter_id and settings.language is not null
  order by settings.language;
$$;
comment on function public.newsletter_languages(uuid) is
  'Return the languages that readers of a newsletter''s emails have chosen, each once. Secret key only.';
grant execute on function public.newsletter_languages(uuid) to service_role;

create function public.save_newsletter_mail(newsletter_id uuid, content jsonb)
returns void
language plpgsql
set search_path = ''
as $$
begin
  perform private.require_value('content', save_newsletter_mail.content);
  insert into private.newsletter_mails (newsletter_id, content)
  select newsletters.id, save_newsletter_mail.content
  from public.newsletters
  where newsletters.id = save_newsletter_mail.newsletter_id
    and newsletters.is_published
    -- What was rendered before somebody was taken out is not kept; it is being rendered again.
    and (
      not save_newsletter_mail.content ? 'redacted_at'
      or newsletters.redacted_at is not distinct from (save_newsletter_mail.content ->> 'redacted_at')::timestamptz
    )
  for share
  on conflict on constraint newsletter_mails_pkey do nothing;
end;
$$;
comment on function public.save_newsletter_mail(uuid, jsonb) is
  'Keep a published newsletter as an email; from then on its emails are due. The first one stays. Where content says '
  '"redacted_at" it is kept only if nobody was taken out of the newsletter since. Secret key only.';
grant execute on function public.save_newsletter_mail(uuid, jsonb) to service_role;

create function private.newsletter_delivery(newsletter_id uuid)
returns table (
  user_id uuid, display_name text, state text, attempts integer, last_error text, queued_at timestamptz,
  sent_at timestamptz
)
language plpgsql
stable
security definer
set search_path = ''
as $$
begin
  if private.is_client() and not exists (
    select from public.newsletters
    join public.spaces on spaces.id = newsletters.space_id
    where newsletters.id = newsletter_delivery.newsletter_id and spaces.leader_id = (select auth.uid())
  ) then
    perform private.fail('MG401');
  end if;
  return query
    select
      mails.user_id, users.display_name, mails.state, mails.attempts,
      case
        when mails.state not in ('QUEUED', 'UNCERTAIN', 'FAILED') or mails.last_error is null then null
        when private.is_client() then private.describe_fault(mails.fault)
        else mails.last_error
      end,
      mails.created_at, mails.sent_at
    from private.mails
    join public.users on users.id = mails.user_id
    where mails.newsletter_id = newsletter_delivery.newsletter_id
    order by users.display_name, mails.user_id;
end;
$$;
comment on function private.newsletter_delivery(uuid) is
  'Definer because no client reaches the emails; safe because it refuses all but the leader, and shows no address.';
grant execute on function private.newsletter_delivery(uuid) to authenticated, service_role;

create function public.newsletter_delivery(newsletter_id uuid)
returns table (
  user_id uuid, display_name text, state text, attempts integer, last_error text, queued_at timestamptz,
  sent_at timestamptz
)
language sql
stable
set search_path = ''
as $$
  select * from private.newsletter_delivery(newsletter_delivery.newsletter_id);
$$;
comment on function public.newsletter_delivery(uuid) is
  'Return how far the emails of a newsletter are, a row for everybody who was in the space when it was published: '
  'QUEUED, SENDING, UNCERTAIN (the provider is being asked), SENT, FAILED; or why it is not sent: SUPPRESSED (the '
  'address does not work), UNSUBSCRIBED (from this space), OFF (newsletters switched off, or the account is banned), '
  'LEFT (not a member any longer), NO_ADDRESS, UNCONFIRMED (never confirmed). Why an email did not go out is said in '
  'our words; the secret key sees the mail server''s, without addresses. Leader only. MG401 for others.';
grant execute on function public.newsletter_delivery(uuid) to authenticated, service_role;
