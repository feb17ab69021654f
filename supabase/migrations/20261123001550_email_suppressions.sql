-- Addresses that get no email: they do not exist, their owners complained, or an operator said so.

-- Tables -------------------------------------------------------------------------------------------------------------

create table private.email_suppressions (
  address text primary key,
  reason text not null,
  detail text,
  created_at timestamptz not null default now(),
  constraint email_suppressions_address_lower check (address = lower(address)),
  constraint email_suppressions_reason_known check (reason in ('BOUNCED', 'COMPLAINED', 'MANUAL'))
);
comment on table private.email_suppressions is
  'Addresses that get no email: they do not exist, their owners complained, or an operator said so.';

alter table private.email_suppressions enable row level security;

-- Rights of the secret key's functions below; the schema is not exposed, so that nothing else uses them.
grant select, insert, delete on private.email_suppressions to service_role;

-- Functions ----------------------------------------------------------------------------------------------------------

create function public.email_suppressions(after text default null, suppression_limit integer default 1000)
returns table (address text, reason text, detail text, created_at timestamptz)
language sql
stable
set search_path = ''
as $$
  select
    email_suppressions.address, email_suppressions.reason, email_suppressions.detail, email_suppressions.created_at
  from private.email_suppressions
  where email_suppressions.address > coalesce(lower(email_suppressions.after), '')
  order by email_suppressions.address
  limit private.require_limit('suppression_limit', email_suppressions.suppression_limit);
$$;
comment on function public.email_suppressions(text, integer) is
  'Up to suppression_limit (at most 1000) addresses that get no email, by address, those after a given one. Secret '
  'key only.';
grant execute on function public.email_suppressions(text, integer) to service_role;

create function public.suppress_email(address text, detail text default null)
returns boolean
language plpgsql
set search_path = ''
as $$
begin
  perform private.check_text('address', coalesce(suppress_email.address, ''), 3, 320);
  insert into private.email_suppressions (address, reason, detail)
  values (lower(regexp_replace(suppress_email.address, '^\s+|\s+$', '', 'g')), 'MANUAL', left(suppress_email.detail, 500))
  on conflict do nothing;
  return found;
end;
$$;
comment on function public.suppress_email(text, text) is
  'Send no more email to an address; returns true if that is new. Secret key only.';
grant execute on function public.suppress_email(text, text) to service_role;

create function public.allow_email(address text)
returns boolean
language sql
set search_path = ''
as $$
  with gone as (
    delete from private.email_suppressions
    where email_suppressions.address = lower(regexp_replace(allow_email.address, '^\s+|\s+$', '', 'g'))
    returning address
  )
  select exists (select from gone);
$$;
comment on function public.allow_email(text) is
  'Take an address off the list of those that get no email; returns true if it was on it. Secret key only.';
grant execute on function public.allow_email(text) to service_role;
