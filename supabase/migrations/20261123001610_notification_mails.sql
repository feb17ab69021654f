-- Which emails a piece of news makes, and what each of them says: at once, in the digest of the day, or none.

-- Predicates ---------------------------------------------------------------------------------------------------------

create function private.share_space(one_id uuid, other_id uuid)
returns boolean
language plpgsql
stable
security definer
set search_path = ''
as $$
begin
  return exists (
    select from public.memberships as ones
    join public.memberships as others on others.space_id = ones.space_id
    where ones.user_id = share_space.one_id and others.user_id = share_space.other_id
  );
end;
$$;
comment on function private.share_space(uuid, uuid) is
  'Return true if two people are members of the same space. Definer; not granted, only other definer functions call '
  'it.';

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
  'A person''s time zone; UTC where they have none, or one that this server does not know. Definer; not granted, '
  'only other definer functions call it.';

create function private.person_day(user_id uuid, at timestamptz)
returns date
language plpgsql
stable
security definer
set search_path = ''
as $$
begin
  return (person_day.at at time zone private.person_zone(person_day.user_id))::date;
end;
$$;
comment on function private.person_day(uuid, timestamptz) is
  'Return what day it is for a person. Definer; not granted, only other definer functions call it.';

-- Functions ----------------------------------------------------------------------------------------------------------

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
        jsonb_build_object('entries', jsonb_build_array(v_entry)), 'QUEUED',
        ((v_day + 1)::timestamp + interval '8 hours') at time zone private.person_zone(v_user_id)
      )
      on conflict on constraint mails_user_id_dedupe_key_key do update
      set
        -- Once it is full the payload stays as it is, and so do its index entries: somebody may get thousands of gifts.
        payload = case
          when mails.more > 0
            or jsonb_array_length(mails.payload -> 'entries') >= 50
            or mails.payload @> jsonb_build_object(
              'entries', jsonb_build_array(jsonb_build_object('key', queue_digests.dedupe_key))
            )
            then mails.payload
          else jsonb_set(mails.payload, '{entries}', (mails.payload -> 'entries') || v_entry)
        end,
        more = mails.more + case
          when mails.more > 0 then 1
          when jsonb_array_length(mails.payload -> 'entries') < 50 then 0
          when mails.payload @> jsonb_build_object(
            'entries', jsonb_build_array(jsonb_build_object('key', queue_digests.dedupe_key))
          ) then 0
          else 1
        end
      where mails.due_at is not null
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
  v_count integer;
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
        v_count := private.queue_mails(
          array[v_recipient_id], queue_news.kind, null, null, queue_news.payload, v_gift_key
        );
        -- Another one was first.
        if v_count = 0 then
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
  'Return which emails a piece of news makes: at once, in the digest of the day (badges, and all gifts of a day from '
  'the same person but the first), or none (a gift from somebody with whom one shares no space: their words are '
  'never sent by email). Definer; not granted, only other definer functions call it.';

create function private.email_payload(user_id uuid, payload jsonb)
returns jsonb
language sql
stable
security definer
set search_path = ''
as $$
  select case
    when email_payload.payload ? 'entries' then jsonb_set(
      email_payload.payload, '{entries}',
      coalesce(
        (
          select jsonb_agg(private.email_payload(email_payload.user_id, entries.entry) order by entries.place)
          from jsonb_array_elements(email_payload.payload -> 'entries') with ordinality as entries (entry, place)
        ),
        '[]'
      )
    )
    when email_payload.payload ? 'sender_id'
      and not private.share_space((email_payload.payload ->> 'sender_id')::uuid, email_payload.user_id)
      then email_payload.payload - '{sender_id,sender_name,message}'::text[]
    else email_payload.payload
  end;
$$;
comment on function private.email_payload(uuid, jsonb) is
  'Return what is said of a piece of news now: nothing of somebody who is gone, or shares no space with the reader '
  'any more. Definer; not granted, only other definer functions call it.';

create function private.email_questions(space_id uuid, week_number integer)
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
  where prompts.space_id = email_questions.space_id
    and prompts.week_number = email_questions.week_number
    and prompts.is_published;
$$;
comment on function private.email_questions(uuid, integer) is
  'Return the published questions of the open week, as they are now, and who asks each: what an email to a member '
  'says of them. None once the week is closed. Definer; not granted, only other definer functions call it.';

-- Triggers -----------------------------------------------------------------------------------------------------------

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
    -- Several accounts may be deleted in one statement: rows that refer to deleted accounts are still there, and are
    -- about to go.
    and (mails.user_id is null or exists (select from public.users where users.id = mails.user_id));
  return null;
end;
$$;
comment on function private.retake_question_mails() is
  'Trigger: a worker that has taken an email of questions and not begun it knows them as they were; another one '
  'takes it again. Also where their curator''s account goes, who is named in it. Definer because no client reaches '
  'the emails; safe because it only gives back what was not begun.';

create trigger prompts__retake_mails
  after insert or update or delete on public.prompts
  for each row execute function private.retake_question_mails();
