-- People take turns with emails as they do with jobs (see the migration of turns). An email belongs to the person
-- whose command made it: who published the newsletter or its questions, or gave the gift. A reminder belongs to the
-- writer of the questions. Other emails of a space belong to its leader at that moment, and a digest to its reader.
-- The owner does not change when the space gets another leader, or a backlog could be handed to others with it. A
-- newsletter to many is the work of one person, and so is all that somebody does in any space. An email gets its turn
-- when it is due and a worker comes for emails: a newsletter's when it is rendered, a digest in the morning, one that
-- failed each time that it is due again, behind its owner's others. It keeps the turn until it is taken; if the line
-- passes it meanwhile (it could not be taken), it gets another one. No two emails of a person have the same turn in a
-- line, for workers claim emails one after the other.
--
-- So while somebody has an email due, each other person is served twice at most before it, and once where its owner
-- was not served at the present turn; what a worker has taken already, a batch for each, goes before. What is served
-- after somebody's email with turn s and before their next one with turn t has turns from s to t, each once a person;
-- and t is s + 1, or higher by as many as there were emails of their own between. Of more than 10,000 emails that come
-- due between two claims the later ones get their turns at the claims after that. Emails that were held for the
-- sender's sake have a line of their own, behind the other. What goes to a domain that refuses us takes no turns: it
-- goes when there is nothing else, what was never held first.

create function private.mail_line(held integer)
returns text
language sql
immutable
set search_path = ''
as $$
  select case when mail_line.held > 0 then 'held' else 'mails' end;
$$;
comment on function private.mail_line(integer) is
  'Return the line that an email takes its turn in, by how often it was held.';

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
      mails.id, mails.due_at, private.mail_line(mails.held) as line,
      coalesce(
        mails.owner_id,
        -- One whose fate was known already, and that is sent again.
        spaces.leader_id, private.try_uuid(mails.payload ->> 'sender_id'),
        mails.user_id, '00000000-0000-0000-0000-000000000000'
      ) as account_id
    from private.mails
    left join public.spaces on spaces.id = mails.space_id
    where mails.due_at <= line_up_mails.at
      and mails.turn is null
      -- Both, for the sake of the index.
      and (mails.held > 0) in (false, true)
      and private.is_rendered(mails.newsletter_id)
      and (line_up_mails.refusing = '{}' or not private.is_refused(mails.user_id, line_up_mails.refusing))
    order by mails.due_at, mails.id
    limit 10000
    for update of mails skip locked
  ), owners as materialized (
    select accounts.account_id, private.person_of(accounts.account_id) as owner_id
    from (select distinct due.account_id from due) as accounts
  ), places as materialized (
    select
      due.id, due.line, owners.owner_id,
      row_number() over (partition by due.line, owners.owner_id order by due.due_at, due.id) - 1 as place
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
  'Give emails that have come due their turns, but for those to domains that refuse us. Definer; not granted, only '
  'claim_mails() calls it, holding the lines. It holds the people of emails that it changes twice, see '
  'claim_mails().';

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

  -- A batch that a worker began and did not end comes first.
  select mail_batches.id into v_batch_id
  from private.mail_batches
  where mail_batches.due_at <= claim_mails.at
  order by mail_batches.due_at, mail_batches.id
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
  -- holds a little of the person. Who is leaving holds the person and wants the email: it waits for nobody, so their
  -- emails are left to them.
  loop
    v_mail_ids := array(
      select mails.id
      from private.mails
      join public.users on users.id = mails.user_id
      where mails.due_at <= claim_mails.at
        and mails.turn is not null
        and private.is_rendered(mails.newsletter_id)
      order by (mails.held > 0), mails.turn, mails.due_at, mails.id
      limit claim_mails.mail_limit
      for update of mails skip locked
      for key share of users skip locked
    );
    exit when v_refusing = '{}';
    -- Its domain began to refuse us after it got its turn.
    update private.mails
    set turn = null
    where mails.id = any (v_mail_ids) and private.is_refused(mails.user_id, v_refusing);
    exit when not found;
  end loop;
  -- What goes to a domain that refuses us for the sender's sake goes when there is nothing else, tried or not, and
  -- never in one batch with others: it may be its owner's doing, and keeps no other waiting.
  if v_mail_ids = '{}' and v_refusing <> '{}' then
    v_mail_ids := array(
      select mails.id
      from private.mails
      join public.users on users.id = mails.user_id
      where mails.due_at <= claim_mails.at
        and mails.turn is null
        and private.is_rendered(mails.newsletter_id)
        and private.is_refused(mails.user_id, v_refusing)
      order by (mails.held > 0), mails.due_at, mails.id
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
  'Definer because it calls functions that are granted to nobody; granted to the service role only.';
grant execute on function private.claim_mails(text, text, integer, interval, timestamptz) to service_role;

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
    private.email_payload(mails.user_id, mails.payload) || case
      when mails.kind in ('PROMPTS_PUBLISHED', 'RESPONSE_REMINDER') then jsonb_build_object(
        'questions', private.email_questions(mails.space_id, (mails.payload ->> 'week_number')::integer),
        'language', spaces.language
      )
      when mails.kind = 'DIGEST' then jsonb_build_object('more', mails.more)
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
  'Definer because it calls functions that are granted to nobody; granted to the service role only.';
grant execute on function private.batch_mails(uuid) to service_role;

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
  'Definer because the service role does not reach the batches; granted to the service role only.';
grant execute on function private.describe_batch(uuid) to service_role;

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
  'Lease up to mail_limit emails that are due, or a batch whose worker did not end it, for lease_seconds: {"id", '
  '"provider", "attempts", "tried_at", `"mails"`: [...]}, or null if there is nothing to do or the provider is '
  'paused. The payload of PROMPTS_PUBLISHED and RESPONSE_REMINDER has "questions", as they are now: [{"id", '
  '"question", "curator_name"}], and "language", that of their space. languages are what its reader wants to be '
  'written to in, best first; none is English. Secret key only.';
grant execute on function public.claim_mails(text, text, integer, integer, timestamptz) to service_role;
