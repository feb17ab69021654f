-- Taking a person's name, picture and words out of newsletters, on purpose and on record.

-- Tables -------------------------------------------------------------------------------------------------------------

create table private.redactions (
  id bigint generated always as identity primary key,
  newsletter_id uuid not null,
  old_code text not null,
  new_code text not null,
  redacted_at timestamptz not null default now(),
  constraint redactions_code_changes check (old_code <> new_code)
);
comment on table private.redactions is
  'Published newsletters whose words were taken out: the code that was printed before, and the one since. Without a '
  'foreign key: what was redacted stays known when the newsletter is gone.';

create index idx_redactions_old_code on private.redactions (old_code);

alter table private.redactions enable row level security;

-- Functions ----------------------------------------------------------------------------------------------------------

create function private.redacted_content(content jsonb, user_id uuid)
returns jsonb
language sql
immutable
set search_path = ''
as $$
  select redacted_content.content || jsonb_build_object(
    'curator', case
      when redacted_content.content -> 'curator' ->> 'id' = redacted_content.user_id::text
        then '{"id": null, "display_name": "Somebody who left"}'::jsonb
      else redacted_content.content -> 'curator'
    end,
    'prompts', coalesce(
      (
        select jsonb_agg(
          prompt.value || jsonb_build_object(
            'responses', coalesce(
              (
                select jsonb_agg(
                  case
                    when response.value -> 'author' ->> 'id' = redacted_content.user_id::text
                      -- Whatever a response has: what is added to it one day goes with its author, too.
                      then (
                        select jsonb_object_agg(
                          part.key,
                          case when part.key in ('id', 'published_at') then part.value else 'null'::jsonb end
                        )
                        from jsonb_each(response.value) as part
                      ) || '{
                        "author": {
                          "id": null, "display_name": "Somebody who left", "username": null, "avatar_path": null
                        }
                      }'::jsonb
                    else response.value
                  end
                  order by response.ordinality
                )
                from jsonb_array_elements(prompt.value -> 'responses') with ordinality as response
              ),
              '[]'
            )
          )
          order by prompt.ordinality
        )
        from jsonb_array_elements(redacted_content.content -> 'prompts') with ordinality as prompt
      ),
      '[]'
    )
  );
$$;
comment on function private.redacted_content(jsonb, uuid) is
  'Return the snapshot of a newsletter without a person: neither name, picture nor words.';

create function private.record_redaction(newsletter_id uuid, old_code text, new_code text)
returns void
language plpgsql
security definer
set search_path = ''
as $$
begin
  insert into private.redactions (newsletter_id, old_code, new_code)
  values (record_redaction.newsletter_id, record_redaction.old_code, record_redaction.new_code);
end;
$$;
comment on function private.record_redaction(uuid, text, text) is
  'Note that a published newsletter was changed on purpose, so that verifying an older copy says "redacted". '
  'Definer; not granted, only the definer functions that redact call it.';

create function private.redact_newsletter(newsletter_id uuid, user_id uuid)
returns boolean
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_old public.newsletters;
  v_new public.newsletters;
begin
  select * into v_old from public.newsletters where id = redact_newsletter.newsletter_id;
  perform private.lock_space(v_old.space_id);
  select * into v_old from public.newsletters where id = redact_newsletter.newsletter_id for no key update;
  if not found or not private.people_in(v_old.content) @> array[redact_newsletter.user_id] then
    return false;
  end if;
  v_new := v_old;
  v_new.content := private.redacted_content(v_old.content, redact_newsletter.user_id);
  update public.newsletters
  set
    content = v_new.content,
    redacted_at = clock_timestamp(),
    html_path = null,
    pdf_path = null
  where id = v_old.id
  returning * into v_new;
  if v_new.is_published then
    perform private.record_redaction(v_new.id, v_old.code, v_new.code);
    delete from private.newsletter_mails where newsletter_mails.newsletter_id = v_new.id;
    perform private.enqueue(
      'newsletter.render',
      'newsletter.render:' || v_new.id::text || ':'
        || to_char(v_new.redacted_at at time zone 'UTC', 'YYYYMMDDHH24MISSUS'),
      jsonb_build_object('newsletter_id', v_new.id),
      account_id => coalesce(auth.uid(), redact_newsletter.user_id)
    );
  end if;
  return true;
end;
$$;
comment on function private.redact_newsletter(uuid, uuid) is
  'Take a person out of a newsletter: its snapshot at once; its page, PDF and email, which are out of reach until '
  'then, by a job that makes them again. Records the change. Definer; not granted, only other definer functions call '
  'it.';

create function private.redact_user(user_id uuid)
returns integer
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_newsletter_id uuid;
  v_redacted_ids uuid[] := array[]::uuid[];
  v_gift_ids uuid[];
begin
  for v_newsletter_id in
    select newsletters.id
    from public.newsletters
    where private.people_in(newsletters.content) @> array[redact_user.user_id]
    order by newsletters.space_id, newsletters.id
  loop
    if private.redact_newsletter(v_newsletter_id, redact_user.user_id) then
      v_redacted_ids := v_redacted_ids || v_newsletter_id;
    end if;
  end loop;

  v_gift_ids := array(
    select token_gifts.id from public.token_gifts where token_gifts.sender_id = redact_user.user_id
    union
    -- What an account that is gone has given.
    select closed_entries.reference_id
    from private.closed_entries
    where closed_entries.user_id = redact_user.user_id and closed_entries.type = 'SPEND_GIFT'
  );
  perform private.lock_people(
    array(select token_gifts.recipient_id from public.token_gifts where token_gifts.id = any (v_gift_ids))
  );
  perform from private.mails
  where (mails.newsletter_id = any (v_redacted_ids) and mails.state = 'QUEUED' and mails.batch_id is not null)
    or (
      mails.kind in ('GIFT_RECEIVED', 'DIGEST') and private.gifts_in(mails.payload) && v_gift_ids::text[]
    )
  order by mails.id
  for update;
  -- A worker that has taken the email of a newsletter and not begun it has read it as it was: another one takes it
  -- again.
  update private.mails
  set batch_id = null, position = null
  where mails.newsletter_id = any (v_redacted_ids) and mails.state = 'QUEUED' and mails.batch_id is not null;
  if private.forget_giver(v_gift_ids, true) or v_redacted_ids <> '{}' then
    return cardinality(v_redacted_ids);
  end if;
  return null;
end;
$$;
comment on function private.redact_user(uuid) is
  'Definer because nobody writes snapshots, or what others were told; granted to the service role only.';
grant execute on function private.redact_user(uuid) to service_role;

create function public.redact_user(user_id uuid)
returns integer
language sql
set search_path = ''
as $$
  select private.redact_user(redact_user.user_id);
$$;
comment on function public.redact_user(uuid) is
  'Take a person''s name, picture and words out of every newsletter, whether their account is there or gone, and '
  'return how many newsletters changed: null where neither a newsletter nor a gift had anything of them. Pages, PDFs '
  'and emails are made again by jobs. What they wrote with gifts goes as well, and their name from what the '
  'recipients were told. Again changes nothing. Secret key only.';
grant execute on function public.redact_user(uuid) to service_role;
