-- Publishing a newsletter is one transaction: it is out, the week closes, the next one opens with the next curator,
-- and the work to do (page, PDF, emails, notifications) stands in the outbox.

-- Functions ----------------------------------------------------------------------------------------------------------

create function public.publish_newsletter(newsletter_id uuid)
returns public.newsletters
language plpgsql
set search_path = ''
as $$
declare
  v_newsletter public.newsletters;
begin
  update public.newsletters
  set is_published = true
  where id = publish_newsletter.newsletter_id and not is_published;
  select * into v_newsletter from public.newsletters where id = publish_newsletter.newsletter_id;
  if v_newsletter.id is null or not v_newsletter.is_published then
    perform private.fail('MG401');
  end if;
  return v_newsletter;
end;
$$;
comment on function public.publish_newsletter(uuid) is
  'Publish the open week''s newsletter: the week closes, the next one opens, emails are queued. Publishing it again '
  'returns it and changes nothing. Responses deleted or deselected since it was generated are left out. Leader only. '
  'MG401 for a newsletter that is not there or not yours to publish, MG403 where none of the responses is selected '
  'any more, MG404 where something in it was changed, or selected, since it was generated.';
grant execute on function public.publish_newsletter(uuid) to authenticated, service_role;

-- Triggers -----------------------------------------------------------------------------------------------------------

create function private.send_newsletter()
returns trigger
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_space public.spaces;
begin
  -- Hold the people who may be paid for a badge before others are notified.
  perform private.lock_readers(
    array(
      select responses.user_id from public.responses
      where responses.space_id = new.space_id and responses.week_number = new.week_number and responses.is_selected
    )
  );
  perform private.emit(
    new.space_id, 'newsletter.published', new.id,
    jsonb_build_object('newsletter_id', new.id, 'week_number', new.week_number)
  );
  perform private.enqueue(
    'newsletter.render', 'newsletter.render:' || new.id::text, jsonb_build_object('newsletter_id', new.id),
    account_id => auth.uid()
  );
  -- The audience is settled here: everybody who is a member now gets the email, or a row that says why not.
  perform private.queue_mails(
    array(select user_id from public.memberships where space_id = new.space_id),
    'NEWSLETTER_PUBLISHED', new.space_id, new.id, '{}', 'newsletter:' || new.id::text
  );
  perform private.notify(
    array(select user_id from public.memberships where space_id = new.space_id),
    'NEWSLETTER_PUBLISHED', new.space_id,
    jsonb_build_object('newsletter_id', new.id, 'week_number', new.week_number, 'title', new.title),
    'newsletter:' || new.id::text
  );

  update public.spaces
  set current_week = current_week + 1
  where id = new.space_id
  returning * into v_space;
  perform private.emit(
    new.space_id, 'week.advanced', new.space_id, jsonb_build_object('week_number', v_space.current_week)
  );
  perform private.set_curator(
    new.space_id, v_space.current_week,
    private.next_curator(new.space_id, v_space.rotation_type, v_space.current_curator_id)
  );

  perform private.nudge();
  perform private.award_badges(
    array(
      select distinct user_id from public.responses
      where responses.space_id = new.space_id and responses.week_number = new.week_number and responses.is_selected
    )
  );
  return null;
end;
$$;
comment on function private.send_newsletter() is
  'Trigger: all that publishing sets off, in the same transaction. Definer because clients write none of these; safe '
  'because it only fires for a newsletter whose publication was let in.';

create trigger newsletters__send
  after update on public.newsletters
  for each row when (new.is_published and not old.is_published)
  execute function private.send_newsletter();
