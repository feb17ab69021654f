-- Providers of email that stop, and what they say.
--
-- What a mail server says when it refuses is kept without any address in it, and with it whose fault it is: only a
-- mailbox that is not there ends email to an address; what is the sender's fault fails no email, it stops the
-- provider, unless one domain alone says so: its emails wait behind all others, and fail after a day.

-- Tables -------------------------------------------------------------------------------------------------------------

create table private.mail_providers (
  name text primary key,
  paused_until timestamptz not null,
  fault text,
  reason text,
  since timestamptz,
  refusals integer not null default 0,
  stops integer not null default 0,
  constraint mail_providers_fault_known check (fault in ('SENDER', 'RATE')),
  constraint mail_providers_fault_whole check ((fault is null) = (since is null))
);
comment on table private.mail_providers is
  'Providers that asked all of us to wait, or that refuse email for the sender''s sake (a wrong key, no right to '
  'relay, a blocklist), and until when nobody tries.';
comment on column private.mail_providers.fault is
  'SENDER: the operator has to fix something; RATE: there was too much at once.';
comment on column private.mail_providers.reason is 'What the provider said, without addresses.';
comment on column private.mail_providers.since is 'When it began; null while email goes out.';
comment on column private.mail_providers.refusals is
  'Different domains that refused for the sender''s sake since an email was last taken.';
comment on column private.mail_providers.stops is
  'How often in a row it was paused for that: each pause is longer, up to an hour.';

create table private.mail_refusals (
  provider text references private.mail_providers (name) on delete cascade,
  domain text,
  is_counted boolean not null,
  is_known boolean not null default false,
  others_since timestamptz,
  refused_at timestamptz not null,
  constraint mail_refusals_pkey primary key (provider, domain)
);
comment on table private.mail_refusals is
  'Recipients'' domains that refuse us for the sender''s sake, until they take an email, or for a month. A provider '
  'stops for different domains only: what one of them says may be its owner''s doing.';
comment on column private.mail_refusals.domain is
  'The last two labels: subdomains cost nothing; see private.mail_domain().';
comment on column private.mail_refusals.is_counted is
  'Whether it refused since an email was last taken or the provider last stopped.';
comment on column private.mail_refusals.is_known is
  'Whether the provider was stopped with it, since an email was last taken.';
comment on column private.mail_refusals.others_since is
  'Since when other domains take email and this one does not; null before, and when the provider stops.';

alter table private.mail_providers enable row level security;
alter table private.mail_refusals enable row level security;

-- Rights of the secret key's functions below; the schema is not exposed, so that nothing else uses them.
grant select on private.mail_providers to service_role;
grant update (paused_until, fault, reason, since, refusals, stops) on private.mail_providers to service_role;
grant select, delete on private.mail_refusals to service_role;

-- Predicates ---------------------------------------------------------------------------------------------------------

create function private.mail_domain(address text)
returns text
language sql
immutable
set search_path = ''
as $$
  select coalesce(substring(lower(mail_domain.address) from '([^.@]+\.[^.@]+)\.?[[:space:]]*$'), '');
$$;
comment on function private.mail_domain(text) is
  'Return whose mail server an address stands for: the last two labels of its domain. More of them would let one '
  'owner of a domain count as many.';

create function private.is_refused(user_id uuid, domains text[])
returns boolean
language sql
stable
security definer
set search_path = ''
as $$
  select exists (
    select from auth.users as accounts
    where accounts.id = is_refused.user_id and private.mail_domain(accounts.email) = any (is_refused.domains)
  );
$$;
comment on function private.is_refused(uuid, text[]) is
  'Return true if a person''s address is at one of these domains. Definer; not granted, only claim_mails() calls it.';

-- Functions ----------------------------------------------------------------------------------------------------------

create function private.quote_pattern(words text)
returns text
language sql
immutable
set search_path = ''
as $$
  select regexp_replace(quote_pattern.words, '([^[:alnum:][:space:]])', '\\\1', 'g');
$$;
comment on function private.quote_pattern(text) is 'A regular expression that finds these words as they stand.';
grant execute on function private.quote_pattern(text) to service_role;

create function private.scrub_addresses(words text, address text)
returns text
language plpgsql
immutable
set search_path = ''
as $$
declare
  v_words text := scrub_addresses.words;
  v_local text := regexp_replace(coalesce(scrub_addresses.address, ''), '@[^@]*$', '');
  v_form text;
begin
  if v_words is null then
    return null;
  end if;
  -- More is never kept. The end of the cut could be a part of an address, which would not be recognized.
  if char_length(v_words) > 4000 then
    v_words := regexp_replace(left(v_words, 4000), '\S*$', '');
  end if;
  -- The address itself, in each way of writing it that is known: as it is, for URLs, for SMTP (RFC 3461), for email
  -- bodies, for HTML, in a return path ("ada=example.org"), in Base64.
  if v_local <> '' then
    foreach v_form in array array[
      scrub_addresses.address,
      replace(scrub_addresses.address, '@', '%40'), replace(scrub_addresses.address, '@', '+40'),
      replace(scrub_addresses.address, '@', '=40'), replace(scrub_addresses.address, '@', '&#64;'),
      replace(scrub_addresses.address, '@', '='), replace(scrub_addresses.address, '@', ' at '),
      replace(scrub_addresses.address, '@', '(at)'), replace(scrub_addresses.address, '@', '[at]'),
      rtrim(replace(encode(convert_to(scrub_addresses.address, 'UTF8'), 'base64'), E'\n', ''), '=')
    ] loop
      v_words := regexp_replace(v_words, private.quote_pattern(v_form), '<address>', 'gi');
    end loop;
  end if;
  -- Anybody's address: what stands on both sides of an "at", however it is written.
  v_words := regexp_replace(
    v_words,
    '("[^"]*"|[^][[:space:]<>()",;:]+)(@|%40|\+40|=40|&#0*64;|&#x0*40;|&commat;|＠)(\[[^]]*\]|[^][[:space:]<>()",;:]+)',
    '<address>', 'gi'
  );
  -- The name before the "at" alone, as a word: "user ada unknown".
  if v_local <> '' then
    foreach v_form in array array[
      v_local, split_part(v_local, '+', 1), trim(both '"' from v_local), replace(v_local, '+', '%2B'),
      replace(v_local, '+', '+2B'), replace(v_local, '.', '')
    ] loop
      if v_form <> '' then
        v_words := regexp_replace(
          v_words, '(^|[^[:alnum:]])' || private.quote_pattern(v_form) || '(?=$|[^[:alnum:]])', '\1<address>', 'gi'
        );
      end if;
    end loop;
  end if;
  return replace(v_words, '<<address>>', '<address>');
end;
$$;
comment on function private.scrub_addresses(text, text) is
  'Return what a mail server said, without the address it spoke of and without any other, so that it can be kept and '
  'shown.';
grant execute on function private.scrub_addresses(text, text) to service_role;

create function private.note_provider(batch_id uuid, results jsonb, pause interval, at timestamptz)
returns void
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_provider text := (select mail_batches.provider from private.mail_batches where mail_batches.id = note_provider.batch_id);
  v_is_taken boolean := note_provider.results @> '[{"outcome": "SENT"}]';
  v_domains text[];
  v_taking text[];
  v_is_new boolean;
  v_counted integer;
  v_reason text;
  v_stops boolean;
  v_state private.mail_providers;
begin
  if v_provider is null then
    return;
  end if;
  select
    coalesce(array_agg(distinct private.mail_domain(mails.email)) filter (where result.outcome = 'SENT'), '{}'),
    coalesce(
      array_agg(distinct private.mail_domain(mails.email)) filter (where result.outcome <> 'SENT' and result.fault = 'SENDER'),
      '{}'
    ),
    min(private.scrub_addresses(result.error, mails.email)) filter (where result.fault = 'SENDER')
  into v_taking, v_domains, v_reason
  from jsonb_to_recordset(note_provider.results) as result (id uuid, outcome text, fault text, error text)
  join private.mails on mails.id = result.id and mails.batch_id = note_provider.batch_id
  where mails.state in ('SENDING', 'UNCERTAIN');

  if v_is_taken then
    update private.mail_providers
    set fault = null, reason = null, since = null, refusals = 0, stops = 0
    where name = v_provider and (fault is not null or refusals > 0 or stops > 0);
  end if;
  if v_domains = '{}' then
    if v_is_taken and exists (select from private.mail_refusals where mail_refusals.provider = v_provider) then
      perform from private.mail_providers where name = v_provider for update;
      delete from private.mail_refusals
      where mail_refusals.provider = v_provider
        and (mail_refusals.domain = any (v_taking) or mail_refusals.refused_at < note_provider.at - interval '30 days');
      update private.mail_refusals
      set is_counted = false, is_known = false, others_since = coalesce(mail_refusals.others_since, note_provider.at)
      where mail_refusals.provider = v_provider
        and (mail_refusals.is_counted or mail_refusals.is_known or mail_refusals.others_since is null);
    end if;
    if note_provider.pause > interval '0' then
      insert into private.mail_providers (name, paused_until, fault, since)
      values (v_provider, note_provider.at + note_provider.pause, 'RATE', note_provider.at)
      on conflict (name) do update set
        paused_until = greatest(mail_providers.paused_until, excluded.paused_until),
        fault = coalesce(mail_providers.fault, excluded.fault),
        since = coalesce(mail_providers.since, excluded.since);
    end if;
    return;
  end if;

  insert into private.mail_providers (name, paused_until)
  values (v_provider, note_provider.at)
  on conflict (name) do nothing;
  select * into v_state from private.mail_providers where name = v_provider for update;
  v_is_new := exists (
    select from unnest(v_domains) as refusing (domain)
    where refusing.domain not in (
      select mail_refusals.domain
      from private.mail_refusals
      where mail_refusals.provider = v_provider and mail_refusals.is_known
    )
  );
  insert into private.mail_refusals (provider, domain, is_counted, others_since, refused_at)
  select
    v_provider, refusing.domain, not v_is_taken, case when v_is_taken then note_provider.at end, note_provider.at
  from unnest(v_domains) as refusing (domain)
  order by refusing.domain
  on conflict on constraint mail_refusals_pkey do update
  set
    is_counted = excluded.is_counted,
    is_known = mail_refusals.is_known and not v_is_taken,
    others_since = coalesce(mail_refusals.others_since, excluded.others_since),
    refused_at = excluded.refused_at;
  if v_is_taken then
    update private.mail_refusals
    set is_counted = false, is_known = false, others_since = coalesce(mail_refusals.others_since, note_provider.at)
    where mail_refusals.provider = v_provider;
    return;
  end if;
  select count(*) into v_counted
  from private.mail_refusals
  where mail_refusals.provider = v_provider and mail_refusals.is_counted;
  -- What one domain refuses for our sake may be its owner's doing, again and again, with however many emails. Three
  -- different ones in a row are not, and once stopped another one shows that nothing is fixed.
  v_stops := note_provider.pause > interval '0' or v_counted >= 3 or (v_state.stops > 0 and v_is_new);
  if v_stops and v_state.stops = 0 then
    raise warning 'email by % has stopped: %', v_provider, v_reason
      using hint = 'Fix what it says; mail_state() shows it, and resume_mail() goes on at once.';
  end if;
  if v_stops then
    update private.mail_refusals
    set is_known = mail_refusals.is_known or mail_refusals.is_counted, is_counted = false, others_since = null
    where mail_refusals.provider = v_provider;
  end if;
  update private.mail_providers
  set
    fault = 'SENDER',
    reason = left(v_reason, 500),
    since = case when v_state.fault = 'SENDER' then v_state.since else note_provider.at end,
    refusals = (
      select count(*)
      from private.mail_refusals
      where mail_refusals.provider = v_provider and (mail_refusals.is_counted or mail_refusals.is_known)
    ),
    stops = v_state.stops + v_stops::integer,
    paused_until = case
      when v_stops then greatest(
        v_state.paused_until,
        note_provider.at + greatest(
          note_provider.pause, least(interval '1 hour', interval '1 minute' * 2 ^ least(v_state.stops, 6))
        )
      )
      else v_state.paused_until
    end
  where name = v_provider;
end;
$$;
comment on function private.note_provider(uuid, jsonb, interval, timestamptz) is
  'Stop a provider that refuses email for the sender''s sake: at once where it names no recipient, and else after '
  'three different recipients'' domains; for longer each time. Take note when it takes email again. Definer; not '
  'granted, only settle_mails() calls it.';

create function public.mail_state()
returns table (
  provider text, fault text, reason text, since timestamptz, paused_until timestamptz, refusals integer
)
language sql
stable
set search_path = ''
as $$
  select
    mail_providers.name, mail_providers.fault, mail_providers.reason, mail_providers.since,
    mail_providers.paused_until, mail_providers.refusals
  from private.mail_providers
  order by mail_providers.name;
$$;
comment on function public.mail_state() is
  'Providers of email that ever paused, and how they are: fault SENDER (what reason says has to be fixed; until then '
  'all email waits), RATE (too much at once), or null (email goes out). Secret key only.';
grant execute on function public.mail_state() to service_role;

create function public.resume_mail(provider text, at timestamptz default now())
returns boolean
language plpgsql
set search_path = ''
as $$
begin
  perform private.require_instant(resume_mail.at);
  update private.mails
  set run_at = resume_mail.at
  where mails.id = any (
    array(
      select waiting.id from private.mails as waiting
      where waiting.due_at > resume_mail.at and waiting.turn is null and waiting.fault = 'SENDER'
      order by waiting.id
      for update
    )
  );
  delete from private.mail_refusals where mail_refusals.provider = resume_mail.provider;
  update private.mail_providers
  set paused_until = resume_mail.at, fault = null, reason = null, since = null, refusals = 0, stops = 0
  where mail_providers.name = resume_mail.provider
    and (mail_providers.paused_until > resume_mail.at or mail_providers.fault is not null);
  return found;
end;
$$;
comment on function public.resume_mail(text, timestamptz) is
  'Send by a provider again, at once, and with it what it had refused for the sender''s sake; returns true if it was '
  'stopped. Secret key only.';
grant execute on function public.resume_mail(text, timestamptz) to service_role;
