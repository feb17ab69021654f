-- Emails: one row for each that a person is to get, written in the transaction that causes it. Who gets a newsletter is
-- settled when it is published, and who does not get it is a row as well, with the reason.
--
-- Workers take mails in batches, each under a lease, and commit what they are about to do before they do it:
--
--   QUEUED -> SENDING -> SENT        the provider said yes
--                     -> FAILED      it said no for good, or no attempt helped
--                     -> QUEUED      it said not now
--                     -> UNCERTAIN   it said nothing, or the worker died: whoever takes the batch over finds out first,
--                                    by asking the provider or by repeating the same request under the same key
--
-- For that, the members of a batch, their order, addresses and content stay as they were at the first attempt until the
-- provider has answered. SUPPRESSED, UNSUBSCRIBED, OFF, LEFT and NO_ADDRESS say why somebody gets no mail.
--
-- What a mail server says when it refuses is kept without any address in it, and with it whose fault it is: only a mailbox
-- that is not there ends mail to an address; what is the sender's fault fails no mail, it stops the provider, unless one
-- domain alone says so: its mails wait behind all others, and fail after a day.
--
-- People take turns with emails as they do with jobs (see the outbox), and an email is theirs whose command made it:
-- whoever published the letter or its questions, or gave the gift. A reminder is theirs who wrote the questions.
-- What else the clock or the service does in a space is its leader's of that moment, and a digest its reader's. That
-- stays so, whoever leads the space later, or a backlog could be handed to others with it. A letter to many is the
-- work of one person, and so is all that somebody does in any space. A mail gets its turn when it is due and a
-- worker comes for mails: a letter's when it is rendered, a digest in the morning, one that failed each time that it
-- is due again, behind its owner's others. It has it until it is taken, whatever becomes of it then; if the line
-- passes it meanwhile (it could not be taken), it gets another one. No two mails of a person have the same turn in a
-- line, for workers claim mails one after the other.
--
-- So while somebody has a mail due, each other person is served twice at most before it, and once where its owner was not served at
-- the present turn; what a worker has taken already, a batch for each, goes before. What is served after somebody's mail with turn s and
-- before their next one with turn t has turns from s to t, each once a person; and t is s + 1, or higher by as many as there were mails of their
-- own between. Of more than 10,000 mails that come due between two claims the later ones get their turns at the claims after that. Mails that
-- were held for the sender's sake have a line of their own, behind the other. What goes to a domain that refuses us takes no turns: it
-- goes when there is nothing else, what was never held first.

-- Tables ------------------------------------------------------------------------------------------------------------

create table private.email_suppressions (
  address text primary key,
  reason text not null,
  detail text,
  created_at timestamptz not null default now(),
  constraint email_suppressions_address_lower check (address = lower(address)),
  constraint email_suppressions_reason_known check (reason in ('BOUNCED', 'COMPLAINED', 'MANUAL'))
);
comment on table private.email_suppressions is
  'Addresses that get no mail: they do not exist, their owners complained, or an operator said so.';

create table private.email_subscriptions (
  token text primary key default replace(gen_random_uuid()::text || gen_random_uuid()::text, '-', ''),
  user_id uuid not null references public.users (id) on delete cascade,
  space_id uuid,
  is_on boolean not null default true,
  created_at timestamptz not null default now(),
  undo text[],
  undo_until timestamptz,
  constraint email_subscriptions_undo_whole check ((undo is null) = (undo_until is null)),
  constraint email_subscriptions_undo_known check (undo <@ '{space,newsletters,notifications,reminders}'),
  constraint email_subscriptions_user_id_space_id_key unique nulls not distinct (user_id, space_id)
);
comment on table private.email_subscriptions is
  'Whether a person wants a space''s emails, and the token in the links of their mails that lets whoever holds such a '
  'mail switch them off. Made with the first mail or the first change; nobody but the service reads it.';
comment on column private.email_subscriptions.undo is
  'What the last use of the token switched off, and can switch on again until undo_until: an hour, or until the person '
  'decides otherwise.';
comment on column private.email_subscriptions.space_id is
  'Null for mails about no space. No foreign key: the links in old mails work when the space is gone.';

create table private.newsletter_mails (
  newsletter_id uuid primary key references public.newsletters (id) on delete cascade,
  content jsonb not null,
  created_at timestamptz not null default now(),
  constraint newsletter_mails_content_is_object check (jsonb_typeof(content) = 'object')
);
comment on table private.newsletter_mails is
  'A newsletter as an email, rendered once, so that every recipient and every attempt gets the same bytes.';

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
  'Providers that asked all of us to wait, or that refuse mail for the sender''s sake (a wrong key, no right to relay, a '
  'blocklist), and until when nobody tries.';
comment on column private.mail_providers.fault is 'SENDER: the operator has to mend something; RATE: there was too much at once.';
comment on column private.mail_providers.reason is 'What the provider said, without addresses.';
comment on column private.mail_providers.since is 'When it began; null while mail goes out.';
comment on column private.mail_providers.refusals is 'Different domains that refused for the sender''s sake since a mail was last taken.';
comment on column private.mail_providers.stops is 'How often in a row it was paused for that: each pause is longer, up to an hour.';

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
  'Recipients'' domains that refuse us for the sender''s sake, until they take a mail, or for a month. A provider stops for '
  'different domains only: what one of them says may be its owner''s doing.';
comment on column private.mail_refusals.domain is 'The last two labels: subdomains cost nothing; see private.mail_domain().';
comment on column private.mail_refusals.is_counted is 'Whether it refused since a mail was last taken or the provider last stopped.';
comment on column private.mail_refusals.is_known is 'Whether the provider was stopped with it, since a mail was last taken.';
comment on column private.mail_refusals.others_since is
  'Since when other domains take mail and this one does not; null before, and when the provider stops.';

create table private.mail_batches (
  id uuid primary key default gen_random_uuid(),
  provider text not null,
  attempts integer not null default 0,
  run_at timestamptz not null,
  tried_at timestamptz,
  leased_by text,
  leased_until timestamptz,
  constraint mail_batches_lease_whole check ((leased_by is null) = (leased_until is null))
);
comment on table private.mail_batches is
  'Mails that a worker has taken together. A batch lives until the fate of each of its mails is known. Its id is the key '
  'under which the provider knows the request.';
comment on column private.mail_batches.tried_at is 'When its first request may have gone out; null before.';

create index idx_mail_batches_due on private.mail_batches (run_at);

create table private.mails (
  id uuid primary key,
  user_id uuid references public.users (id) on delete set null,
  space_id uuid references public.spaces (id) on delete cascade,
  newsletter_id uuid references public.newsletters (id) on delete cascade,
  kind public.notification_kind not null,
  dedupe_key text not null,
  payload jsonb not null default '{}',
  state text not null,
  attempts integer not null default 0,
  run_at timestamptz not null default now(),
  batch_id uuid references private.mail_batches (id) on delete set null,
  position integer,
  owner_id uuid,
  turn bigint,
  email text,
  content jsonb,
  provider_id text,
  fault text,
  last_error text,
  held integer not null default 0,
  gave_up boolean not null default false,
  sent_at timestamptz,
  created_at timestamptz not null default clock_timestamp(),
  constraint mails_user_id_dedupe_key_key unique (user_id, dedupe_key),
  constraint mails_newsletter_id_user_id_key unique (newsletter_id, user_id),
  constraint mails_state_known check (
    state in (
      'QUEUED', 'SENDING', 'UNCERTAIN', 'SENT', 'FAILED', 'SUPPRESSED', 'UNSUBSCRIBED', 'OFF', 'LEFT', 'NO_ADDRESS',
      'UNCONFIRMED', 'CLOSED'
    )
  ),
  constraint mails_fault_known check (
    fault in ('NO_MAILBOX', 'MAILBOX_FULL', 'SENDER', 'RATE', 'CONTENT', 'AWAY', 'OTHER')
  ),
  constraint mails_in_a_batch_while_open check (state not in ('SENDING', 'UNCERTAIN') or batch_id is not null),
  constraint mails_newsletter_kind check ((newsletter_id is not null) = (kind = 'NEWSLETTER_PUBLISHED')),
  constraint mails_sent_after_created check (sent_at >= created_at),
  constraint mails_sent_at_set check ((state = 'SENT') = (sent_at is not null)),
  constraint mails_turn_while_waiting check (turn is null or (state = 'QUEUED' and batch_id is null))
);
comment on table private.mails is
  'Every email that a person was, is or was not to get. Triggers: mails__forget (people who are gone), mails__wake.';
comment on column private.mails.id is
  'Derived from what the mail is about and for whom (see private.mail_id), so that the same mail always has the same id '
  'and the same Message-ID.';
comment on column private.mails.owner_id is
  'Whose turn it takes, if not its reader''s: the account whose command made it, there or gone, so no foreign key. Forgotten when '
  'its fate is known.';
comment on column private.mails.turn is 'Mails are taken in the order of their turns; null while it is not due, or taken. See line_up_mails().';
comment on column private.mails.email is 'The address of the present attempt; forgotten when its fate is known.';
comment on column private.mails.content is 'What a notification''s present attempt says; newsletters: see newsletter_mails.';
comment on column private.mails.fault is 'Why the last attempt was none, where that is known; see private.fault_words().';
comment on column private.mails.last_error is 'What was said at the last attempt, for operators, without addresses.';
comment on column private.mails.held is 'How often it came back for the sender''s sake, which is none of its attempts.';
comment on column private.mails.gave_up is 'Whether FAILED means that no attempt helped, and not that the provider refused it.';

create index idx_mails_waiting on private.mails ((held > 0), run_at, id) where state = 'QUEUED' and batch_id is null and turn is null;
create index idx_mails_turn on private.mails ((held > 0), turn, run_at, id) where turn is not null;
create index idx_mails_batch_id on private.mails (batch_id);
create index idx_mails_space_id on private.mails (space_id);
create index idx_mails_provider_id on private.mails (provider_id) where provider_id is not null;
create index idx_mails_failed on private.mails (created_at) where state = 'FAILED';

create function private.gifts_in(payload jsonb)
returns text[]
language sql
immutable
set search_path = ''
as $$
  select coalesce(array_agg(entry.value ->> 'gift_id'), '{}')
  from jsonb_array_elements(coalesce(gifts_in.payload -> 'entries', jsonb_build_array(gifts_in.payload))) as entry
  where entry.value ? 'gift_id';
$$;
comment on function private.gifts_in(jsonb) is
  'The ids of the gifts that a piece of news tells of. Read by the index by which the words of who is gone are found.';

create index idx_mails_gifts on private.mails using gin (private.gifts_in(payload))
  where kind in ('GIFT_RECEIVED', 'DIGEST');

alter table private.email_suppressions enable row level security;
alter table private.email_subscriptions enable row level security;
alter table private.newsletter_mails enable row level security;
alter table private.mail_providers enable row level security;
alter table private.mail_refusals enable row level security;
alter table private.mail_batches enable row level security;
alter table private.mails enable row level security;

-- What is said of refusals ------------------------------------------------------------------------------------------

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
  -- More is never kept. A piece of an address that the cut leaves would not be known as one.
  if char_length(v_words) > 4000 then
    v_words := regexp_replace(left(v_words, 4000), '\S*$', '');
  end if;
  -- The address itself, in each way of writing it that is known: as it is, for URLs, for SMTP (RFC 3461), for mail bodies,
  -- for HTML, in a return path ("ada=example.org"), in Base64.
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
  'What a mail server said, without the address it spoke of and without any other, so that it can be kept and shown.';

create function private.quote_pattern(words text)
returns text
language sql
immutable
set search_path = ''
as $$
  select regexp_replace(quote_pattern.words, '([^[:alnum:][:space:]])', '\\\1', 'g');
$$;
comment on function private.quote_pattern(text) is 'A regular expression that finds these words as they stand.';

create function private.mail_domain(address text)
returns text
language sql
immutable
set search_path = ''
as $$
  select coalesce(substring(lower(mail_domain.address) from '([^.@]+\.[^.@]+)\.?[[:space:]]*$'), '');
$$;
comment on function private.mail_domain(text) is
  'Whose mail server an address stands for: the last two labels of its domain. More of them would let one owner of a domain '
  'count as many.';

create function private.fault_words(fault text)
returns text
language sql
immutable
set search_path = ''
as $$
  select case fault_words.fault
    when 'NO_MAILBOX' then 'There is no such mailbox.'
    when 'MAILBOX_FULL' then 'The mailbox is full.'
    when 'SENDER' then 'Sending has stopped until the operator has mended something. Nothing is lost.'
    when 'RATE' then 'The mail server wants us to wait.'
    when 'CONTENT' then 'The mail server did not want what the email says.'
    when 'AWAY' then 'The mail server could not be reached.'
    else 'The mail server did not take it.'
  end;
$$;
comment on function private.fault_words(text) is
  'What people other than the operator are told of an email that did not go out: our words, never the mail server''s.';

-- Who gets mail -----------------------------------------------------------------------------------------------------

create function private.mail_id(user_id uuid, dedupe_key text)
returns uuid
language sql
immutable
set search_path = ''
as $$
  select left(encode(sha256(convert_to(mail_id.user_id::text || ':' || mail_id.dedupe_key, 'UTF8')), 'hex'), 32)::uuid;
$$;
comment on function private.mail_id(uuid, text) is 'The id of the mail to a person about something; the same for ever.';

create function private.mail_exclusion(user_id uuid, space_id uuid, kind public.notification_kind)
returns text
language sql
stable
security definer
set search_path = ''
as $$
  select case
    when mail_exclusion.space_id is not null and not exists (
      select from public.memberships
      where memberships.user_id = mail_exclusion.user_id and memberships.space_id = mail_exclusion.space_id
    ) then 'LEFT'
    when exists (
      select from private.email_subscriptions
      where email_subscriptions.user_id = mail_exclusion.user_id
        and email_subscriptions.space_id = mail_exclusion.space_id
        and not email_subscriptions.is_on
    ) then 'UNSUBSCRIBED'
    when not coalesce(
      case mail_exclusion.kind
        when 'NEWSLETTER_PUBLISHED' then settings.email_newsletters
        when 'RESPONSE_REMINDER' then settings.email_notifications and settings.email_reminders
        else settings.email_notifications
      end,
      true
    ) then 'OFF'
    when accounts.banned_until > now() then 'OFF'
    when coalesce(accounts.email, '') = '' then 'NO_ADDRESS'
    -- Whoever signed up may have named somebody else's address.
    when accounts.email_confirmed_at is null then 'UNCONFIRMED'
    when exists (
      select from private.email_suppressions where email_suppressions.address = lower(accounts.email)
    ) then 'SUPPRESSED'
  end
  from (select mail_exclusion.user_id) as person (id)
  left join auth.users as accounts on accounts.id = person.id and accounts.deleted_at is null
  left join public.settings on settings.user_id = person.id;
$$;
comment on function private.mail_exclusion(uuid, uuid, public.notification_kind) is
  'Why a person gets no mail of this kind from this space, or null. Definer; not granted, only other definer functions '
  'call it.';

create function private.queue_mails(
  recipients uuid[], kind public.notification_kind, space_id uuid, newsletter_id uuid, payload jsonb, dedupe_key text
)
returns void
language sql
security definer
set search_path = ''
as $$
  insert into private.mails (id, user_id, space_id, newsletter_id, kind, dedupe_key, payload, state, owner_id)
  select
    private.mail_id(users.id, queue_mails.dedupe_key), users.id, queue_mails.space_id, queue_mails.newsletter_id,
    queue_mails.kind, queue_mails.dedupe_key, queue_mails.payload, coalesce(excluded.reason, 'QUEUED'),
    case
      when excluded.reason is not null then null
      when queue_mails.space_id is null then private.try_uuid(queue_mails.payload ->> 'sender_id')
      else coalesce(
        auth.uid(),
        case when queue_mails.kind = 'RESPONSE_REMINDER' then (
          select prompts.curator_id from public.prompts
          where prompts.space_id = queue_mails.space_id and prompts.is_published
          order by prompts.week_number desc, prompts."order"
          limit 1
        ) end,
        (select spaces.leader_id from public.spaces where spaces.id = queue_mails.space_id)
      )
    end
  from public.users
  cross join lateral private.mail_exclusion(users.id, queue_mails.space_id, queue_mails.kind) as excluded (reason)
  where users.id = any (queue_mails.recipients)
  order by users.id
  on conflict do nothing;
$$;
comment on function private.queue_mails(uuid[], public.notification_kind, uuid, uuid, jsonb, text) is
  'A mail for each of these people, once, or the reason why there is none. Definer; not granted, only other definer '
  'functions call it.';

create function private.share_space(one_id uuid, other_id uuid)
returns boolean
language sql
stable
security definer
set search_path = ''
as $$
  select exists (
    select from public.memberships as ones
    join public.memberships as others on others.space_id = ones.space_id
    where ones.user_id = share_space.one_id and others.user_id = share_space.other_id
  );
$$;
comment on function private.share_space(uuid, uuid) is
  'Whether two people are members of the same space. Definer; not granted, only other definer functions call it.';

create function private.person_zone(user_id uuid)
returns text
language plpgsql
stable
security definer
set search_path = ''
as $$
declare
  v_zone text := (select settings.timezone from public.settings where settings.user_id = person_zone.user_id);
begin
  perform now() at time zone v_zone;
  return coalesce(v_zone, 'UTC');
exception
  when invalid_parameter_value then
    return 'UTC';
end;
$$;
comment on function private.person_zone(uuid) is
  'A person''s time zone; UTC where they have none, or one that this server does not know. Definer; not granted, only '
  'other definer functions call it.';

create function private.person_day(user_id uuid, at timestamptz)
returns date
language sql
stable
security definer
set search_path = ''
as $$
  select (person_day.at at time zone private.person_zone(person_day.user_id))::date;
$$;
comment on function private.person_day(uuid, timestamptz) is
  'What day it is for a person. Definer; not granted, only other definer functions call it.';

create function private.queue_digests(
  recipients uuid[], kind public.notification_kind, payload jsonb, dedupe_key text, at timestamptz
)
returns void
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_entry constant jsonb := queue_digests.payload
    || jsonb_build_object('kind', queue_digests.kind, 'key', queue_digests.dedupe_key);
  v_user_id uuid;
  v_today date;
  v_day date;
  v_found boolean;
begin
  for v_user_id in
    select users.id from public.users where users.id = any (queue_digests.recipients) order by users.id
  loop
    continue when private.mail_exclusion(v_user_id, null, 'DIGEST') is not null;
    v_today := private.person_day(v_user_id, queue_digests.at);
    -- That of today is still open, unless the person's clock was set back since it went out.
    for v_day in select v_today + later.days from generate_series(0, 2) as later (days) loop
      insert into private.mails (id, user_id, kind, dedupe_key, payload, state, run_at)
      values (
        private.mail_id(v_user_id, 'digest:' || v_day::text), v_user_id, 'DIGEST', 'digest:' || v_day::text,
        jsonb_build_object('entries', jsonb_build_array(v_entry), 'more', 0), 'QUEUED',
        ((v_day + 1)::timestamp + interval '8 hours') at time zone private.person_zone(v_user_id)
      )
      on conflict on constraint mails_user_id_dedupe_key_key do update
      set payload = case
        when mails.payload @> jsonb_build_object(
          'entries', jsonb_build_array(jsonb_build_object('key', queue_digests.dedupe_key))
        ) then mails.payload
        when jsonb_array_length(mails.payload -> 'entries') < 50
          then jsonb_set(mails.payload, '{entries}', (mails.payload -> 'entries') || v_entry)
        else jsonb_set(mails.payload, '{more}', to_jsonb((mails.payload ->> 'more')::integer + 1))
      end
      where mails.state = 'QUEUED' and mails.batch_id is null
      returning true into v_found;
      exit when v_found;
    end loop;
  end loop;
end;
$$;
comment on function private.queue_digests(uuid[], public.notification_kind, jsonb, text, timestamptz) is
  'Put a piece of news into each person''s email of the day, which goes out the next morning at eight, by their own '
  'clock; fifty pieces are named, the others counted. Definer; not granted, only other definer functions call it.';

create function private.queue_news(
  recipients uuid[], kind public.notification_kind, space_id uuid, payload jsonb, dedupe_key text,
  at timestamptz default now()
)
returns void
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_sender_id uuid;
  v_recipient_id uuid;
  v_day text;
  v_gift_key text;
begin
  case queue_news.kind
    -- The newsletter has an email of its own, so its notification needs none.
    when 'NEWSLETTER_PUBLISHED' then null;
    when 'BADGE_EARNED' then
      perform private.queue_digests(
        queue_news.recipients, queue_news.kind, queue_news.payload, queue_news.dedupe_key, queue_news.at
      );
    when 'GIFT_RECEIVED' then
      v_sender_id := (queue_news.payload ->> 'sender_id')::uuid;
      foreach v_recipient_id in array queue_news.recipients loop
        continue when not private.share_space(v_sender_id, v_recipient_id);
        v_day := ':' || private.person_day(v_recipient_id, queue_news.at)::text;
        -- The first from any account of the sender's, those that are gone included. Whoever gifts holds the recipient.
        v_gift_key := coalesce(
          (
            select mails.dedupe_key
            from private.mails
            where mails.user_id = v_recipient_id
              and mails.dedupe_key in (
                select 'gifts:' || account.id::text || v_day from private.all_accounts_of(v_sender_id) as account (id)
              )
            limit 1
          ),
          'gifts:' || v_sender_id::text || v_day
        );
        perform private.queue_mails(
          array[v_recipient_id], queue_news.kind, null, null, queue_news.payload, v_gift_key
        );
        -- Another one was first.
        if not exists (
          select from private.mails
          where mails.user_id = v_recipient_id
            and mails.dedupe_key = v_gift_key
            and mails.payload = queue_news.payload
        ) then
          perform private.queue_digests(
            array[v_recipient_id], queue_news.kind, queue_news.payload, queue_news.dedupe_key, queue_news.at
          );
        end if;
      end loop;
    else
      perform private.queue_mails(
        queue_news.recipients, queue_news.kind, queue_news.space_id, null, queue_news.payload, queue_news.dedupe_key
      );
  end case;
end;
$$;
comment on function private.queue_news(uuid[], public.notification_kind, uuid, jsonb, text, timestamptz) is
  'Which emails a piece of news makes: at once, in the digest of the day (badges, and all gifts of a day from the same '
  'person but the first), or none (a gift from somebody with whom one shares no space: their words are mailed to nobody). '
  'Definer; not granted, only other definer functions call it.';

create function private.mailed_payload(user_id uuid, payload jsonb)
returns jsonb
language sql
stable
security definer
set search_path = ''
as $$
  select case
    when mailed_payload.payload ? 'entries' then jsonb_set(
      mailed_payload.payload, '{entries}',
      coalesce(
        (
          select jsonb_agg(private.mailed_payload(mailed_payload.user_id, entries.entry) order by entries.place)
          from jsonb_array_elements(mailed_payload.payload -> 'entries') with ordinality as entries (entry, place)
        ),
        '[]'
      )
    )
    when mailed_payload.payload ? 'sender_id'
      and not private.share_space((mailed_payload.payload ->> 'sender_id')::uuid, mailed_payload.user_id)
      then mailed_payload.payload - '{sender_id,sender_name,message}'::text[]
    else mailed_payload.payload
  end;
$$;
comment on function private.mailed_payload(uuid, jsonb) is
  'What is said of a piece of news now: nothing of somebody who is gone, or shares no space with the reader any more. '
  'Definer; not granted, only other definer functions call it.';

create function private.forget_mail()
returns trigger
language plpgsql
security definer
set search_path = ''
as $$
begin
  delete from private.mails where id = new.id and state not in ('SENDING', 'UNCERTAIN');
  return null;
end;
$$;
comment on function private.forget_mail() is
  'Trigger: the mails of an account go with it, but those that may be on their way only when their fate is known: a '
  'request is repeated as it was or not at all. Definer because no role reaches the table; safe because it only fires '
  'when an account is deleted.';

create trigger mails__forget
  after update of user_id on private.mails
  for each row when (new.user_id is null)
  execute function private.forget_mail();

create trigger mails__wake
  after insert on private.mails
  for each statement execute function private.wake_workers();

-- What workers do ---------------------------------------------------------------------------------------------------

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
  'Whether a person''s address is at one of these domains. Definer; not granted, only claim_mails() calls it.';

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
  'Whether there is nothing to wait for before an email goes out: it is about no newsletter, or about one that is rendered as an email.';

create function private.mail_line(held integer)
returns text
language sql
immutable
set search_path = ''
as $$
  select case when mail_line.held > 0 then 'held' else 'mails' end;
$$;
comment on function private.mail_line(integer) is 'The line that an email takes its turn in, by how often it was held.';

create function private.line_up_mails(at timestamptz, refusing text[])
returns void
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_line private.lines;
  v_late uuid[];
begin
  -- What a line has passed gets into it again.
  for v_line in select * from private.lines where lines.name in ('held', 'mails') order by lines.name loop
    v_late := array(
      select mails.id from private.mails
      join public.users on users.id = mails.user_id
      where (mails.held > 0) = (v_line.name = 'held') and mails.turn < v_line.turn
      for update of mails skip locked
      for key share of users skip locked
    );
    update private.mails set turn = null where mails.id = any (v_late);
  end loop;

  with due as materialized (
    select
      mails.id, mails.run_at, private.mail_line(mails.held) as line,
      coalesce(
        mails.owner_id,
        -- One whose fate was known already, and that is sent again.
        spaces.leader_id, private.try_uuid(mails.payload ->> 'sender_id'),
        mails.user_id, '00000000-0000-0000-0000-000000000000'
      ) as account_id
    from private.mails
    left join public.spaces on spaces.id = mails.space_id
    where mails.state = 'QUEUED'
      and mails.batch_id is null
      and mails.turn is null
      -- Both, for the sake of the index.
      and (mails.held > 0) in (false, true)
      and mails.run_at <= line_up_mails.at
      and private.is_rendered(mails.newsletter_id)
      and (line_up_mails.refusing = '{}' or not private.is_refused(mails.user_id, line_up_mails.refusing))
    order by mails.run_at, mails.id
    limit 10000
    for update of mails skip locked
  ), owners as materialized (
    select accounts.account_id, private.person_of(accounts.account_id) as owner_id
    from (select distinct due.account_id from due) as accounts
  ), places as materialized (
    select
      due.id, due.line, owners.owner_id,
      row_number() over (partition by due.line, owners.owner_id order by due.run_at, due.id) - 1 as place
    from due
    join owners using (account_id)
  ), starts as materialized (
    select places.line, places.owner_id, private.next_turn(places.line, places.owner_id) as turn, max(places.place) as last_place
    from places
    group by places.line, places.owner_id
  ), kept as (
    insert into private.turns (line, owner_id, turn)
    select starts.line, starts.owner_id, starts.turn + starts.last_place from starts
    on conflict on constraint turns_pkey do update set turn = excluded.turn
  )
  update private.mails
  set turn = starts.turn + places.place
  from places
  join starts using (line, owner_id)
  where mails.id = places.id;
end;
$$;
comment on function private.line_up_mails(timestamptz, text[]) is
  'Give mails that have come due their turns, but for those to domains that refuse us. Definer; not granted, only claim_mails() calls it, '
  'holding the lines. It holds the people of mails that it changes twice, see claim_mails().';

create function private.claim_mails(worker text, provider text, mail_limit integer, lease interval, at timestamptz)
returns uuid
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_batch_id uuid;
  v_mail_ids uuid[];
  v_refusing text[];
begin
  if exists (
    select from private.mail_providers
    where mail_providers.name = claim_mails.provider and mail_providers.paused_until > claim_mails.at
  ) then
    return null;
  end if;

  -- What somebody began and did not end comes first.
  select mail_batches.id into v_batch_id
  from private.mail_batches
  where mail_batches.run_at <= claim_mails.at
    and (mail_batches.leased_until is null or mail_batches.leased_until <= claim_mails.at)
  order by mail_batches.run_at, mail_batches.id
  limit 1
  for update skip locked;
  if found then
    update private.mail_batches
    set leased_by = claim_mails.worker, leased_until = claim_mails.at + claim_mails.lease
    where id = v_batch_id;
    perform from private.mails where batch_id = v_batch_id order by mails.id for update;
    update private.mails set state = 'UNCERTAIN' where batch_id = v_batch_id and state = 'SENDING';
    return v_batch_id;
  end if;

  v_refusing := array(
    select mail_refusals.domain from private.mail_refusals where mail_refusals.provider = claim_mails.provider
  );
  -- One after the other: each knows who was served before it.
  perform from private.lines where lines.name in ('held', 'mails') order by lines.name for no key update;
  perform private.line_up_mails(claim_mails.at, v_refusing);
  -- A row that a transaction changes for the second time has its foreign keys checked again, changed or not, and that
  -- holds a little of the person. Who is leaving holds the person and wants the mail: it waits for nobody, so their mails are
  -- left to them.
  loop
    v_mail_ids := array(
      select mails.id
      from private.mails
      join public.users on users.id = mails.user_id
      where mails.turn is not null
        and mails.run_at <= claim_mails.at
        and private.is_rendered(mails.newsletter_id)
      order by (mails.held > 0), mails.turn, mails.run_at, mails.id
      limit claim_mails.mail_limit
      for update of mails skip locked
      for key share of users skip locked
    );
    exit when v_refusing = '{}';
    -- Its domain refuses us since it got its turn.
    update private.mails
    set turn = null
    where mails.id = any (v_mail_ids) and private.is_refused(mails.user_id, v_refusing);
    exit when not found;
  end loop;
  -- What goes to a domain that refuses us for the sender's sake goes when there is nothing else, tried or not, and never in
  -- one batch with others: it may be its owner's doing, and keeps no other waiting.
  if v_mail_ids = '{}' and v_refusing <> '{}' then
    v_mail_ids := array(
      select mails.id
      from private.mails
      join public.users on users.id = mails.user_id
      where mails.state = 'QUEUED'
        and mails.batch_id is null
        and mails.turn is null
        and mails.run_at <= claim_mails.at
        and private.is_rendered(mails.newsletter_id)
        and private.is_refused(mails.user_id, v_refusing)
      order by (mails.held > 0), mails.run_at, mails.id
      limit claim_mails.mail_limit
      for update of mails skip locked
      for key share of users skip locked
    );
  end if;
  if v_mail_ids = '{}' then
    return null;
  end if;
  perform private.raise_line(claimed.line, claimed.turn)
  from (
    select private.mail_line(mails.held) as line, max(mails.turn) as turn
    from private.mails
    where mails.id = any (v_mail_ids) and mails.turn is not null
    group by 1
  ) as claimed;
  delete from private.turns
  using private.lines
  where lines.name = turns.line and turns.turn < lines.turn;
  insert into private.mail_batches (provider, run_at, leased_by, leased_until)
  values (claim_mails.provider, claim_mails.at, claim_mails.worker, claim_mails.at + claim_mails.lease)
  returning id into v_batch_id;
  update private.mails
  set batch_id = v_batch_id, position = member.ordinality, turn = null
  from unnest(v_mail_ids) with ordinality as member (id, ordinality)
  where mails.id = member.id;
  return v_batch_id;
end;
$$;
comment on function private.claim_mails(text, text, integer, interval, timestamptz) is
  'Definer because no role reaches the mails; granted to the service role only.';
grant execute on function private.claim_mails(text, text, integer, interval, timestamptz) to service_role;

create function private.mailed_questions(space_id uuid, week_number integer)
returns jsonb
language sql
stable
security definer
set search_path = ''
as $$
  select coalesce(
    jsonb_agg(
      jsonb_build_object('id', prompts.id, 'question', prompts.question, 'curator_name', users.display_name)
      order by prompts."order"
    ),
    '[]'
  )
  from public.prompts
  join public.spaces on spaces.id = prompts.space_id and spaces.current_week = prompts.week_number
  left join public.users on users.id = prompts.curator_id
  where prompts.space_id = mailed_questions.space_id
    and prompts.week_number = mailed_questions.week_number
    and prompts.is_published;
$$;
comment on function private.mailed_questions(uuid, integer) is
  'The published questions of the open week, as they are now, and who asks each: what an email to a member says of them. '
  'None once the week is closed. Definer; not granted, only other definer functions call it.';

create function private.retake_question_mails()
returns trigger
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_space_id constant uuid := coalesce(new.space_id, old.space_id);
begin
  perform from private.mails
  where mails.space_id = v_space_id
    and mails.kind in ('PROMPTS_PUBLISHED', 'RESPONSE_REMINDER')
    and mails.state = 'QUEUED'
    and mails.batch_id is not null
  order by mails.id
  for update;
  update private.mails
  set batch_id = null, position = null
  where mails.space_id = v_space_id
    and mails.kind in ('PROMPTS_PUBLISHED', 'RESPONSE_REMINDER')
    and mails.state = 'QUEUED'
    and mails.batch_id is not null
    -- Several accounts may go in one statement: what refers to those gone already is still there, and is about to go.
    and (mails.user_id is null or exists (select from public.users where users.id = mails.user_id));
  return null;
end;
$$;
comment on function private.retake_question_mails() is
  'Trigger: a worker that has taken an email of questions and not begun it knows them as they were; another one takes it '
  'anew. Also where their curator''s account goes, who is named in it. Definer because no role reaches the mails; safe '
  'because it only gives back what was not begun.';

create trigger prompts__retake_mails
  after insert or update or delete on public.prompts
  for each row execute function private.retake_question_mails();

create function private.batch_mails(batch_id uuid)
returns table (
  id uuid, "position" integer, state text, kind public.notification_kind, newsletter_id uuid, space_id uuid,
  space_name text, display_name text, payload jsonb, attempts integer, email text, content jsonb, token text,
  link text, languages text[]
)
language sql
stable
security definer
set search_path = ''
as $$
  select
    mails.id, mails.position, mails.state, mails.kind, mails.newsletter_id, mails.space_id,
    spaces.name, users.display_name,
    private.mailed_payload(mails.user_id, mails.payload) || case
      when mails.kind in ('PROMPTS_PUBLISHED', 'RESPONSE_REMINDER') then jsonb_build_object(
        'questions', private.mailed_questions(mails.space_id, (mails.payload ->> 'week_number')::integer),
        'language', spaces.language
      )
      else '{}'
    end,
    mails.attempts, mails.email, mails.content,
    email_subscriptions.token,
    case when mails.newsletter_id is not null then private.reading_token(mails.id) end,
    array_remove(array[settings.language, spaces.language], null)
  from private.mails
  left join public.spaces on spaces.id = mails.space_id
  left join public.users on users.id = mails.user_id
  left join public.settings on settings.user_id = mails.user_id
  left join private.email_subscriptions
    on email_subscriptions.user_id = mails.user_id
    and email_subscriptions.space_id is not distinct from mails.space_id
  where mails.batch_id = batch_mails.batch_id
  order by mails.position;
$$;
comment on function private.batch_mails(uuid) is
  'Definer because no role reaches the mails; granted to the service role only.';
grant execute on function private.batch_mails(uuid) to service_role;

create function public.claim_mails(
  worker text, provider text, mail_limit integer default 100, lease_seconds integer default 120,
  at timestamptz default now()
)
returns jsonb
language plpgsql
set search_path = ''
as $$
declare
  v_batch_id uuid := private.claim_mails(
    private.require_value('worker', claim_mails.worker), private.require_value('provider', claim_mails.provider),
    private.require_limit('mail_limit', claim_mails.mail_limit), private.require_seconds('lease_seconds', claim_mails.lease_seconds),
    private.require_instant(claim_mails.at)
  );
begin
  return private.describe_batch(v_batch_id);
end;
$$;
comment on function public.claim_mails(text, text, integer, integer, timestamptz) is
  'Take up to mail_limit mails that are due, or a batch whose worker did not end it, for lease_seconds: {"id", '
  '"provider", "attempts", "tried_at", "mails": [...]}, or null where there is nothing to do or the provider wants us to '
  'wait. The payload of PROMPTS_PUBLISHED and RESPONSE_REMINDER has "questions", as they are now: [{"id", "question", '
  '"curator_name"}], and "language", that of their space. languages are what its reader wants to be written to in, best first; none is English. Secret key only.';
grant execute on function public.claim_mails(text, text, integer, integer, timestamptz) to service_role;

create function private.describe_batch(batch_id uuid)
returns jsonb
language sql
stable
security definer
set search_path = ''
as $$
  select jsonb_build_object(
    'id', mail_batches.id,
    'provider', mail_batches.provider,
    'attempts', mail_batches.attempts,
    'tried_at', mail_batches.tried_at,
    'mails', coalesce(
      (select jsonb_agg(to_jsonb(member) order by member.position) from private.batch_mails(mail_batches.id) as member),
      '[]'
    )
  )
  from private.mail_batches
  where mail_batches.id = describe_batch.batch_id;
$$;
comment on function private.describe_batch(uuid) is
  'Definer because no role reaches the mails; granted to the service role only.';
grant execute on function private.describe_batch(uuid) to service_role;

create function private.begin_mails(
  worker text, batch_id uuid, contents jsonb, lease interval, at timestamptz
)
returns setof uuid
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_ids uuid[] := array(select key::uuid from jsonb_object_keys(begin_mails.contents) as given (key));
begin
  update private.mail_batches
  set
    leased_until = begin_mails.at + begin_mails.lease,
    tried_at = coalesce(mail_batches.tried_at, begin_mails.at)
  where mail_batches.id = begin_mails.batch_id
    and mail_batches.leased_by = begin_mails.worker
    and mail_batches.leased_until > begin_mails.at;
  if not found then
    return;
  end if;
  -- The provider may have been stopped since the batch was claimed.
  if exists (
    select from private.mail_batches
    join private.mail_providers on mail_providers.name = mail_batches.provider
    where mail_batches.id = begin_mails.batch_id and mail_providers.paused_until > begin_mails.at
  ) then
    return;
  end if;

  -- People before their mails, as everywhere: their subscriptions are about to refer to them.
  perform from public.users
  where users.id in (select mails.user_id from private.mails where mails.batch_id = begin_mails.batch_id)
  order by users.id
  for key share;
  -- The newsletters that their links are about to refer to go after their mails, and stay while those are held.
  perform from private.mails where mails.batch_id = begin_mails.batch_id order by mails.id for update;
  -- Minds change between publishing and sending, and people leave.
  update private.mails
  set state = excluded.reason, batch_id = null, position = null, owner_id = null
  from (
    select
      mails.id,
      coalesce(
        private.mail_exclusion(mails.user_id, mails.space_id, mails.kind),
        -- What asks for something in a week comes too late when the week is over.
        case when spaces.current_week > (mails.payload ->> 'week_number')::integer then 'CLOSED' end
      ) as reason
    from private.mails
    left join public.spaces
      on spaces.id = mails.space_id
      and mails.kind in ('CURATOR_ASSIGNED', 'PROMPTS_PUBLISHED', 'RESPONSE_REMINDER')
    where mails.batch_id = begin_mails.batch_id and mails.id = any (v_ids) and mails.state = 'QUEUED'
  ) as excluded
  where mails.id = excluded.id and excluded.reason is not null;

  insert into private.email_subscriptions (user_id, space_id)
  select mails.user_id, mails.space_id
  from private.mails
  where mails.batch_id = begin_mails.batch_id and mails.id = any (v_ids) and mails.state = 'QUEUED'
  order by mails.id
  on conflict on constraint email_subscriptions_user_id_space_id_key do nothing;

  return query
    update private.mails
    set
      state = 'SENDING',
      attempts = mails.attempts + 1,
      email = accounts.email,
      content = nullif(begin_mails.contents -> mails.id::text, 'null')
    from auth.users as accounts
    where mails.batch_id = begin_mails.batch_id
      and mails.id = any (v_ids)
      and mails.state = 'QUEUED'
      and accounts.id = mails.user_id
    returning mails.id;
  perform private.make_reading_links(begin_mails.batch_id);
end;
$$;
comment on function private.begin_mails(text, uuid, jsonb, interval, timestamptz) is
  'Definer because no role reaches the mails or the addresses of accounts; granted to the service role only.';
grant execute on function private.begin_mails(text, uuid, jsonb, interval, timestamptz) to service_role;

create function public.begin_mails(
  worker text, batch_id uuid, contents jsonb, lease_seconds integer default 120, at timestamptz default now()
)
returns table (id uuid, "position" integer, email text, token text, link text)
language plpgsql
set search_path = ''
as $$
declare
  v_begun uuid[] := array(
    select private.begin_mails(
      begin_mails.worker, begin_mails.batch_id, begin_mails.contents,
      private.require_seconds('lease_seconds', begin_mails.lease_seconds), private.require_instant(begin_mails.at)
    )
  );
begin
  return query
    select member.id, member.position, member.email, member.token, member.link
    from private.batch_mails(begin_mails.batch_id) as member
    where member.id = any (v_begun)
    order by member.position;
end;
$$;
comment on function public.begin_mails(text, uuid, jsonb, integer, timestamptz) is
  'Say that mails of a batch are about to be sent; contents has what each says, or null for newsletters, by mail id. '
  'Answers those to send, with their addresses: without those whose owners want none by now or have left the space, or whose week is closed, and '
  'none at all where the batch is no longer this worker''s or the provider is paused. Renews the lease. Secret key only.';
grant execute on function public.begin_mails(text, uuid, jsonb, integer, timestamptz) to service_role;

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
  -- What one domain refuses for our sake may be its owner's doing, again and again, with however many mails. Three
  -- different ones in a row are not, and once stopped another one says that nothing is mended.
  v_stops := note_provider.pause > interval '0' or v_counted >= 3 or (v_state.stops > 0 and v_is_new);
  if v_stops and v_state.stops = 0 then
    raise warning 'email by % has stopped: %', v_provider, v_reason
      using hint = 'Mend what it says; mail_state() shows it, and resume_mail() goes on at once.';
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
  'Stop a provider that refuses mail for the sender''s sake: at once where it names no recipient, and else after three '
  'different recipients'' domains; for longer each time. Take note when it takes mail again. '
  'Definer; not granted, only settle_mails() calls it.';

create function private.settle_mails(
  worker text, batch_id uuid, results jsonb, pause interval, is_end boolean, at timestamptz, max_attempts integer
)
returns boolean
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_batch private.mail_batches;
begin
  perform private.note_provider(settle_mails.batch_id, settle_mails.results, settle_mails.pause, settle_mails.at);

  select * into v_batch
  from private.mail_batches
  where mail_batches.id = settle_mails.batch_id and mail_batches.leased_by = settle_mails.worker
  for update;
  if not found then
    return false;
  end if;
  perform from private.mails where mails.batch_id = v_batch.id order by mails.id for update;
  perform from public.curator_rotations
  where curator_rotations.id in (
    select rotation.id
    from private.mails
    join public.curator_rotations as rotation
      on rotation.space_id = mails.space_id
      and rotation.curator_id = mails.user_id
      and rotation.week_number = (mails.payload ->> 'week_number')::integer
    where mails.batch_id = v_batch.id and mails.kind = 'CURATOR_ASSIGNED'
  )
  order by curator_rotations.id
  for no key update;

  insert into private.email_suppressions (address, reason, detail)
  select lower(mails.email), 'BOUNCED', left(private.scrub_addresses(result.error, mails.email), 500)
  from jsonb_to_recordset(settle_mails.results) as result (id uuid, outcome text, error text, suppress boolean)
  join private.mails on mails.id = result.id and mails.batch_id = settle_mails.batch_id
  where result.outcome = 'REJECTED' and result.suppress and mails.state in ('SENDING', 'UNCERTAIN')
  on conflict (address) do nothing;

  update private.mails
  set
    state = next.state,
    attempts = mails.attempts - case when result.outcome = 'RETRY' and result.uncounted then 1 else 0 end,
    held = mails.held + case when result.outcome = 'RETRY' and result.fault = 'SENDER' then 1 else 0 end,
    gave_up = (next.state = 'FAILED' and result.outcome = 'RETRY'),
    batch_id = case when next.state = 'UNCERTAIN' then mails.batch_id end,
    position = case when next.state = 'UNCERTAIN' then mails.position end,
    owner_id = case when next.state in ('QUEUED', 'UNCERTAIN') then mails.owner_id end,
    email = case when next.state = 'UNCERTAIN' then mails.email end,
    content = case when next.state = 'UNCERTAIN' then mails.content end,
    run_at = case
      when next.state <> 'QUEUED' then mails.run_at
      when result.fault = 'SENDER'
        then settle_mails.at + private.backoff(interval '1 minute', mails.held + 1, mails.id::text)
      -- Whoever is to empty a mailbox needs a day or so.
      when result.fault = 'MAILBOX_FULL'
        then settle_mails.at + 2 * private.backoff(interval '1 hour', mails.attempts, mails.id::text)
      else settle_mails.at + private.backoff(interval '30 seconds', mails.attempts, mails.id::text)
    end,
    provider_id = coalesce(result.provider_id, mails.provider_id),
    fault = case
      when next.state = 'FAILED' and result.fault = 'SENDER' then 'OTHER'
      when next.state not in ('SENT', 'UNCERTAIN') then result.fault
    end,
    last_error = case
      when next.state <> 'SENT' then left(private.scrub_addresses(result.error, mails.email), 2000)
    end,
    -- Whatever clock the worker goes by.
    sent_at = case when next.state = 'SENT' then greatest(settle_mails.at, mails.created_at) end
  from jsonb_to_recordset(settle_mails.results) as result (
    id uuid, outcome text, provider_id text, error text, uncounted boolean, fault text
  )
  join private.mails as tried on tried.id = result.id
  cross join lateral (
    select case
      when result.outcome = 'SENT' then 'SENT'
      when result.outcome = 'REJECTED' then 'FAILED'
      when result.outcome = 'UNCERTAIN' then 'UNCERTAIN'
      when tried.attempts >= settle_mails.max_attempts and not coalesce(result.uncounted, false) then 'FAILED'
      -- Others take our mail, and this domain has not for a day: that is between us and its owner, and nobody mends it.
      when result.fault = 'SENDER' and tried.held >= 4 and exists (
        select from private.mail_refusals
        where mail_refusals.provider = v_batch.provider
          and mail_refusals.domain = private.mail_domain(tried.email)
          and mail_refusals.others_since <= settle_mails.at - interval '1 day'
      ) then 'FAILED'
      else 'QUEUED'
    end as state
  ) as next
  where mails.id = result.id
    and mails.batch_id = settle_mails.batch_id
    and mails.state in ('SENDING', 'UNCERTAIN');

  update public.curator_rotations
  set
    notification_status = case when mails.state = 'SENT' then 'SENT' else 'FAILED' end::public.delivery_status,
    notified_at = mails.sent_at
  from jsonb_to_recordset(settle_mails.results) as result (id uuid)
  join private.mails on mails.id = result.id
  where mails.kind = 'CURATOR_ASSIGNED'
    and mails.state in ('SENT', 'FAILED')
    and curator_rotations.space_id = mails.space_id
    and curator_rotations.curator_id = mails.user_id
    and curator_rotations.week_number = (mails.payload ->> 'week_number')::integer;

  delete from private.mails
  using jsonb_to_recordset(settle_mails.results) as result (id uuid)
  where mails.id = result.id and mails.user_id is null and mails.state not in ('SENDING', 'UNCERTAIN');

  if settle_mails.is_end then
    update private.mails
    set batch_id = null, position = null
    where mails.batch_id = settle_mails.batch_id and mails.state = 'QUEUED';
    if exists (select from private.mails where mails.batch_id = settle_mails.batch_id) then
      update private.mail_batches
      set
        attempts = v_batch.attempts + 1,
        run_at = settle_mails.at
          + interval '60 seconds' + private.backoff(interval '30 seconds', v_batch.attempts + 1, v_batch.id::text),
        leased_by = null,
        leased_until = null
      where id = v_batch.id;
    else
      delete from private.mail_batches where id = v_batch.id;
    end if;
  end if;
  return true;
end;
$$;
comment on function private.settle_mails(text, uuid, jsonb, interval, boolean, timestamptz, integer) is
  'Definer because no role reaches the mails; granted to the service role only. A mail that may have gone out is looked '
  'into after a minute and a half at the earliest: by then no request of ours is on its way any more.';
grant execute on function private.settle_mails(text, uuid, jsonb, interval, boolean, timestamptz, integer)
  to service_role;

create function public.settle_mails(
  worker text, batch_id uuid, results jsonb, pause_seconds double precision default 0, is_end boolean default true,
  at timestamptz default now(), max_attempts integer default 12
)
returns boolean
language sql
set search_path = ''
as $$
  select private.settle_mails(
    settle_mails.worker, settle_mails.batch_id, settle_mails.results, private.require_seconds('pause_seconds', settle_mails.pause_seconds),
    settle_mails.is_end, private.require_instant(settle_mails.at),
    private.require_limit('max_attempts', settle_mails.max_attempts)
  );
$$;
comment on function public.settle_mails(text, uuid, jsonb, double precision, boolean, timestamptz, integer) is
  'Say what became of mails: [{"id", "outcome": SENT | REJECTED | RETRY | UNCERTAIN, "provider_id", "error", "fault": '
  'NO_MAILBOX | MAILBOX_FULL | SENDER | RATE | CONTENT | AWAY | OTHER, "suppress", "uncounted"}]. Addresses in an error are '
  'not kept. Refusals of three domains in a row for the SENDER''s sake stop the provider. pause_seconds keeps every worker from it, a day at most. is_end gives the rest of the batch back: what was '
  'not begun to anybody, what is uncertain for a later look. Answers false where the batch is no longer this worker''s. '
  'Secret key only.';
grant execute on function public.settle_mails(text, uuid, jsonb, double precision, boolean, timestamptz, integer)
  to service_role;

create function private.newsletter_mail(newsletter_id uuid)
returns jsonb
language sql
stable
security definer
set search_path = ''
as $$
  select newsletter_mails.content
  from private.newsletter_mails
  where newsletter_mails.newsletter_id = newsletter_mail.newsletter_id;
$$;
comment on function private.newsletter_mail(uuid) is
  'Definer because no role reaches the table; granted to the service role only.';
grant execute on function private.newsletter_mail(uuid) to service_role;

create function public.newsletter_mail(newsletter_id uuid)
returns jsonb
language sql
stable
set search_path = ''
as $$
  select private.newsletter_mail(newsletter_mail.newsletter_id);
$$;
comment on function public.newsletter_mail(uuid) is
  'A newsletter as an email, as it was rendered; null before. Secret key only.';
grant execute on function public.newsletter_mail(uuid) to service_role;

create function private.newsletter_languages(newsletter_id uuid)
returns setof text
language sql
stable
security definer
set search_path = ''
as $$
  select distinct settings.language
  from private.mails
  join public.settings on settings.user_id = mails.user_id
  where mails.newsletter_id = newsletter_languages.newsletter_id and settings.language is not null
  order by settings.language;
$$;
comment on function private.newsletter_languages(uuid) is
  'Definer because no role reaches the mails; granted to the service role only.';
grant execute on function private.newsletter_languages(uuid) to service_role;

create function public.newsletter_languages(newsletter_id uuid)
returns setof text
language sql
stable
set search_path = ''
as $$
  select private.newsletter_languages(newsletter_languages.newsletter_id);
$$;
comment on function public.newsletter_languages(uuid) is
  'The languages that readers of a newsletter''s emails have chosen, each once. Secret key only.';
grant execute on function public.newsletter_languages(uuid) to service_role;

create function private.save_newsletter_mail(newsletter_id uuid, content jsonb)
returns void
language sql
security definer
set search_path = ''
as $$
  insert into private.newsletter_mails (newsletter_id, content)
  select newsletters.id, save_newsletter_mail.content
  from public.newsletters
  where newsletters.id = save_newsletter_mail.newsletter_id
    and newsletters.is_published
    -- What was rendered before somebody was taken out is not kept; it is being rendered anew.
    and (
      not save_newsletter_mail.content ? 'redacted_at'
      or newsletters.redacted_at is not distinct from (save_newsletter_mail.content ->> 'redacted_at')::timestamptz
    )
  for share
  on conflict on constraint newsletter_mails_pkey do nothing;
$$;
comment on function private.save_newsletter_mail(uuid, jsonb) is
  'Definer because no role reaches the table; granted to the service role only.';
grant execute on function private.save_newsletter_mail(uuid, jsonb) to service_role;

create function public.save_newsletter_mail(newsletter_id uuid, content jsonb)
returns void
language sql
set search_path = ''
as $$
  select private.save_newsletter_mail(
    save_newsletter_mail.newsletter_id, private.require_value('content', save_newsletter_mail.content)
  );
$$;
comment on function public.save_newsletter_mail(uuid, jsonb) is
  'Keep a published newsletter as an email; from then on its mails are due. The first one stays. Where content says '
  '"redacted_at" it is kept only if nobody was taken out of the newsletter since. Secret key only.';
grant execute on function public.save_newsletter_mail(uuid, jsonb) to service_role;

-- What providers tell later -----------------------------------------------------------------------------------------

create function private.record_mail_event(provider_id text, event text, address text, detail text)
returns void
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_detail text := private.scrub_addresses(record_mail_event.detail, record_mail_event.address);
begin
  if record_mail_event.event is null
    or record_mail_event.event not in ('BOUNCED', 'COMPLAINED', 'SUPPRESSED', 'FAILED', 'UNSENT') then
    perform private.fail('MG001', 'event', 'event is BOUNCED, COMPLAINED, SUPPRESSED, FAILED or UNSENT.');
  end if;
  if record_mail_event.event in ('BOUNCED', 'COMPLAINED', 'SUPPRESSED') then
    insert into private.email_suppressions (address, reason, detail)
    values (
      lower(regexp_replace(private.require_value('address', record_mail_event.address), '^\s+|\s+$', '', 'g')),
      case when record_mail_event.event = 'COMPLAINED' then 'COMPLAINED' else 'BOUNCED' end,
      left(v_detail, 500)
    )
    on conflict on constraint email_suppressions_pkey do nothing;
  end if;
  update private.mails
  set
    state = case
      when record_mail_event.event = 'SUPPRESSED' then 'SUPPRESSED'
      -- Not without end: a provider that takes mails and never sends them would be given them for ever.
      when record_mail_event.event = 'UNSENT' and mails.held < 30 then 'QUEUED'
      else 'FAILED'
    end,
    gave_up = (record_mail_event.event = 'UNSENT' and mails.held >= 30),
    sent_at = null,
    fault = case record_mail_event.event when 'BOUNCED' then 'NO_MAILBOX' when 'UNSENT' then 'SENDER' else 'OTHER' end,
    held = mails.held + (record_mail_event.event = 'UNSENT')::integer,
    run_at = case
      when record_mail_event.event = 'UNSENT'
        then now() + private.backoff(interval '15 minutes', mails.held + 1, mails.id::text)
      else mails.run_at
    end,
    last_error = left(lower(record_mail_event.event) || ': ' || coalesce(v_detail, ''), 2000)
  where mails.provider_id = record_mail_event.provider_id
    and mails.state = 'SENT'
    and record_mail_event.event <> 'COMPLAINED';
end;
$$;
comment on function private.record_mail_event(text, text, text, text) is
  'Definer because no role reaches the mails; granted to the service role only.';
grant execute on function private.record_mail_event(text, text, text, text) to service_role;

create function public.record_mail_event(provider_id text, event text, address text, detail text default null)
returns void
language sql
set search_path = ''
as $$
  select private.record_mail_event(
    record_mail_event.provider_id, record_mail_event.event, record_mail_event.address, record_mail_event.detail
  );
$$;
comment on function public.record_mail_event(text, text, text, text) is
  'What a provider tells of a mail that it had taken. The address gets no more mail: BOUNCED (there is no mailbox), '
  'COMPLAINED (its reader did), SUPPRESSED (the provider sends it none). It gets the next one: FAILED (this one did not '
  'arrive), UNSENT (it never left, for the sender''s sake: it goes out again). Again changes nothing. Secret key only.';
grant execute on function public.record_mail_event(text, text, text, text) to service_role;

-- What people see and switch ----------------------------------------------------------------------------------------

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
        when private.is_client() then private.fault_words(mails.fault)
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
  'Definer because no role reaches the mails; safe because it refuses all but the leader, and shows no address.';
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
  'How far the emails of a newsletter are, a row for everybody who was in the space when it was published: QUEUED, '
  'SENDING, UNCERTAIN (the provider is being asked), SENT, FAILED; or why there is none: SUPPRESSED (the address does not '
  'work), UNSUBSCRIBED (from this space), OFF (newsletters switched off, or the account is banned), LEFT (no member any more), NO_ADDRESS, '
  'UNCONFIRMED (never confirmed). Why an '
  'email did not go out is said in our words; the secret key sees the mail server''s, without addresses. Leader only. '
  'MG401 for others.';
grant execute on function public.newsletter_delivery(uuid) to authenticated, service_role;

create function private.email_subscription(token text)
returns table (
  space_id uuid, space_name text, space_emails boolean, email_newsletters boolean, email_notifications boolean,
  email_reminders boolean, can_undo boolean, languages text[]
)
language sql
stable
security definer
set search_path = ''
as $$
  select
    email_subscriptions.space_id, spaces.name, email_subscriptions.is_on,
    coalesce(settings.email_newsletters, true), coalesce(settings.email_notifications, true),
    coalesce(settings.email_reminders, true), coalesce(email_subscriptions.undo_until > now(), false),
    array_remove(array[settings.language, spaces.language], null)
  from private.email_subscriptions
  left join public.spaces on spaces.id = email_subscriptions.space_id
  left join public.settings on settings.user_id = email_subscriptions.user_id
  where email_subscriptions.token = email_subscription.token;
$$;
comment on function private.email_subscription(text) is
  'Definer because no role reaches the tokens; granted to the service role only.';
grant execute on function private.email_subscription(text) to service_role;

create function public.email_subscription(token text)
returns table (
  space_id uuid, space_name text, space_emails boolean, email_newsletters boolean, email_notifications boolean,
  email_reminders boolean, can_undo boolean, languages text[]
)
language sql
stable
set search_path = ''
as $$
  select * from private.email_subscription(email_subscription.token);
$$;
comment on function public.email_subscription(text) is
  'What the token of an unsubscribe link stands for: the space (nulls for mails about none, no name once it is gone) and '
  'what is on, whether resubscribe() has something to undo, and the languages of its reader, best first. No row for a token that nobody has. Secret key only.';
grant execute on function public.email_subscription(text) to service_role;

create function private.unsubscribe(token text, scope text)
returns boolean
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_subscription private.email_subscriptions;
  v_settings public.settings;
  v_wanted text[];
  v_stopped text[];
begin
  if unsubscribe.scope is null or unsubscribe.scope not in ('space', 'reminders', 'everything') then
    perform private.fail('MG001', 'scope', 'scope is space, reminders or everything.');
  end if;
  select * into v_subscription
  from private.email_subscriptions
  where email_subscriptions.token = unsubscribe.token;
  if not found then
    return false;
  end if;
  -- People before what is theirs, as everywhere.
  perform from public.users where users.id = v_subscription.user_id for key share;
  insert into public.settings (user_id)
  values (v_subscription.user_id)
  on conflict on constraint settings_pkey do nothing;
  select * into v_settings from public.settings where settings.user_id = v_subscription.user_id for no key update;
  select * into v_subscription
  from private.email_subscriptions
  where email_subscriptions.token = unsubscribe.token
  for no key update;
  if not found then
    return false;
  end if;
  v_wanted := case
    when unsubscribe.scope = 'reminders' then array['reminders']
    when unsubscribe.scope = 'space' and v_subscription.space_id is not null then array['space']
    else array['newsletters', 'notifications']
  end;
  -- Whoever decides again, by another link, takes the older one's undo away.
  if v_wanted <> '{space}' then
    perform private.end_undo(v_subscription.user_id, v_subscription.token);
  end if;
  v_stopped := array(
    select wanted.switch
    from unnest(v_wanted) as wanted (switch)
    where case wanted.switch
      when 'space' then v_subscription.is_on
      when 'newsletters' then v_settings.email_newsletters
      when 'notifications' then v_settings.email_notifications
      else v_settings.email_reminders
    end
  );
  if v_stopped = '{}' then
    return true;
  end if;
  perform private.switch_emails(v_subscription, v_stopped, false);
  update private.email_subscriptions
  set undo = v_stopped, undo_until = now() + interval '1 hour'
  where email_subscriptions.token = unsubscribe.token;
  return true;
end;
$$;
comment on function private.unsubscribe(text, text) is
  'Definer to write the settings of whoever the mail went to; granted to the service role only. Safe with a mail that '
  'was passed on: all its token can do is stop that person''s mail, and undo what it stopped within the hour.';
grant execute on function private.unsubscribe(text, text) to service_role;

create function private.end_undo(user_id uuid, but_of text default null)
returns void
language sql
security definer
set search_path = ''
as $$
  update private.email_subscriptions
  set undo = null, undo_until = null
  where email_subscriptions.user_id = end_undo.user_id
    and email_subscriptions.undo <> '{space}'
    and email_subscriptions.token is distinct from end_undo.but_of;
$$;
comment on function private.end_undo(uuid, text) is
  'Let no link of a person switch on again what is about all their emails, but for that of one token. What is about one '
  'space stays. Definer; not granted, only other definer functions call it, holding the settings.';

create function private.end_undo_by_settings()
returns trigger
language plpgsql
security definer
set search_path = ''
as $$
begin
  perform private.end_undo(new.user_id);
  return null;
end;
$$;
comment on function private.end_undo_by_settings() is
  'Trigger: what people set themselves is not undone by a link that they used before, also where they set what was set '
  'already. Definer because no role reaches the subscriptions; safe because it only fires for a change that was let in.';

create trigger settings__end_undo
  after insert or update of email_newsletters, email_notifications, email_reminders on public.settings
  for each row execute function private.end_undo_by_settings();

create function private.switch_emails(subscription private.email_subscriptions, switches text[], is_on boolean)
returns void
language sql
security definer
set search_path = ''
as $$
  update private.email_subscriptions
  set is_on = switch_emails.is_on
  where email_subscriptions.token = (switch_emails.subscription).token and 'space' = any (switch_emails.switches);
  update public.settings
  set
    email_newsletters = case
      when 'newsletters' = any (switch_emails.switches) then switch_emails.is_on else settings.email_newsletters
    end,
    email_notifications = case
      when 'notifications' = any (switch_emails.switches) then switch_emails.is_on else settings.email_notifications
    end,
    email_reminders = case
      when 'reminders' = any (switch_emails.switches) then switch_emails.is_on else settings.email_reminders
    end
  where settings.user_id = (switch_emails.subscription).user_id and switch_emails.switches <> '{space}';
$$;
comment on function private.switch_emails(private.email_subscriptions, text[], boolean) is
  'Switch some of a person''s emails off or on. Definer; not granted, only other definer functions call it.';

create function public.unsubscribe(token text, scope text)
returns boolean
language sql
set search_path = ''
as $$
  select private.unsubscribe(unsubscribe.token, unsubscribe.scope);
$$;
comment on function public.unsubscribe(text, text) is
  'Stop a person''s mail, by the token of a link in one: that of the space, reminders alone, or everything (which is also '
  'what "space" means in a mail about none). Again changes nothing. False for a token that nobody has. Secret key only.';
grant execute on function public.unsubscribe(text, text) to service_role;

create function private.resubscribe(token text, at timestamptz)
returns boolean
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_subscription private.email_subscriptions;
begin
  select * into v_subscription
  from private.email_subscriptions
  where email_subscriptions.token = resubscribe.token;
  if not found then
    return false;
  end if;
  perform from public.users where users.id = v_subscription.user_id for key share;
  perform from public.settings where settings.user_id = v_subscription.user_id for no key update;
  select * into v_subscription
  from private.email_subscriptions
  where email_subscriptions.token = resubscribe.token
  for no key update;
  if not found or not coalesce(v_subscription.undo_until > resubscribe.at, false) then
    return false;
  end if;
  perform private.switch_emails(v_subscription, v_subscription.undo, true);
  update private.email_subscriptions
  set undo = null, undo_until = null
  where email_subscriptions.token = resubscribe.token;
  return true;
end;
$$;
comment on function private.resubscribe(text, timestamptz) is
  'Definer to write the settings of whoever the mail went to; granted to the service role only. Safe with a mail that was '
  'passed on: it switches nothing on but what the same token switched off within the hour.';
grant execute on function private.resubscribe(text, timestamptz) to service_role;

create function public.resubscribe(token text, at timestamptz default now())
returns boolean
language sql
set search_path = ''
as $$
  select private.resubscribe(resubscribe.token, private.require_instant(resubscribe.at));
$$;
comment on function public.resubscribe(text, timestamptz) is
  'Undo what unsubscribe() last did by this token, for an hour, unless the person has decided since: in their settings, by '
  'another link, or by set_space_emails(). Answers whether there was something to undo. Secret key only.';
grant execute on function public.resubscribe(text, timestamptz) to service_role;

create function private.set_space_emails(space_id uuid, is_on boolean)
returns boolean
language plpgsql
security definer
set search_path = ''
as $$
begin
  perform private.lock_space_as(set_space_emails.space_id, 'member');
  if set_space_emails.is_on is null then
    perform private.fail('MG001', 'is_on', 'is_on is true or false.');
  end if;
  insert into private.email_subscriptions (user_id, space_id, is_on)
  values (private.require_user(), set_space_emails.space_id, set_space_emails.is_on)
  on conflict on constraint email_subscriptions_user_id_space_id_key do update
  set
    is_on = excluded.is_on,
    undo = nullif(email_subscriptions.undo, '{space}'),
    undo_until = case when email_subscriptions.undo <> '{space}' then email_subscriptions.undo_until end;
  return set_space_emails.is_on;
end;
$$;
comment on function private.set_space_emails(uuid, boolean) is
  'Definer because no role reaches the table; safe because it only writes the caller''s own row, in a space of theirs.';
grant execute on function private.set_space_emails(uuid, boolean) to authenticated, service_role;

create function public.set_space_emails(space_id uuid, is_on boolean)
returns boolean
language sql
set search_path = ''
as $$
  select private.set_space_emails(set_space_emails.space_id, set_space_emails.is_on);
$$;
comment on function public.set_space_emails(uuid, boolean) is
  'Whether the caller gets emails from a space of theirs: newsletters and news alike. Answers what is set. MG101 where '
  'they are no member.';
grant execute on function public.set_space_emails(uuid, boolean) to authenticated, service_role;

create function private.space_emails(space_id uuid)
returns boolean
language plpgsql
stable
security definer
set search_path = ''
as $$
begin
  perform private.require_member(space_emails.space_id);
  return coalesce(
    (
      select email_subscriptions.is_on
      from private.email_subscriptions
      where email_subscriptions.user_id = private.require_user()
        and email_subscriptions.space_id = space_emails.space_id
    ),
    true
  );
end;
$$;
comment on function private.space_emails(uuid) is
  'Definer because no role reaches the table; safe because it only reads the caller''s own row, in a space of theirs.';
grant execute on function private.space_emails(uuid) to authenticated, service_role;

create function public.space_emails(space_id uuid)
returns boolean
language sql
stable
set search_path = ''
as $$
  select private.space_emails(space_emails.space_id);
$$;
comment on function public.space_emails(uuid) is
  'Whether the caller gets emails from a space of theirs. MG101 where they are no member.';
grant execute on function public.space_emails(uuid) to authenticated, service_role;
