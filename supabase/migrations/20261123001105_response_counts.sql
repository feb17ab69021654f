-- What publishing a response sets off, and deleting one: the event of the space, the member's count, the reward, badges.

-- Triggers -----------------------------------------------------------------------------------------------------------

create function private.count_response()
returns trigger
language plpgsql
security definer
set search_path = ''
set plan_cache_mode = 'force_generic_plan'
as $$
begin
  if tg_op = 'UPDATE' then
    if old.image_path is not null and old.image_path is distinct from new.image_path then
      perform private.drop_file('responses', old.image_path);
    end if;
    if old.is_published then
      if (new.content, new.image_path, new.image_caption, new.music)
        is distinct from (old.content, old.image_path, old.image_caption, old.music)
      then
        perform private.emit(new.space_id, 'response.updated', new.id, private.response_event(new), new.user_id);
      end if;
      return null;
    end if;
  end if;
  if not new.is_published then
    return null;
  end if;

  perform private.emit(new.space_id, 'response.published', new.id, private.response_event(new), new.user_id);
  update public.memberships
  set total_submissions = total_submissions + 1
  where memberships.space_id = new.space_id and memberships.user_id = new.user_id;
  update public.users
  set last_active_date = (new.published_at at time zone 'UTC')::date
  where id = new.user_id and last_active_date < (new.published_at at time zone 'UTC')::date is not false;
  perform private.earn(
    new.user_id, 'response', new.calendar_week, 'prompt', new.prompt_id,
    'response:' || new.space_id::text || ':' || new.week_number::text || ':'
      || (select prompts.place from public.prompts where prompts.id = new.prompt_id)::text
  );
  perform private.award_badges(array[new.user_id], '{responses_published,tokens_earned}');
  return null;
end;
$$;
comment on function private.count_response() is
  'Trigger: what publishing a response sets off. The ledger''s key names the place in the space''s week, so a '
  'response that is deleted and written again earns nothing new, to a prompt that was written again neither. Definer '
  'because clients write none of these; safe because it only fires for rows that were let in.';

create trigger responses__count
  after insert or update on public.responses
  for each row execute function private.count_response();

create function private.uncount_response()
returns trigger
language plpgsql
security definer
set search_path = ''
as $$
begin
  -- With its space or its author the whole folder goes.
  if old.image_path is not null
    and exists (select from public.spaces where id = old.space_id)
    and exists (select from public.users where id = old.user_id)
  then
    perform private.drop_file('responses', old.image_path);
  end if;
  if old.is_published and exists (select from public.spaces where id = old.space_id) then
    perform private.emit(old.space_id, 'response.deleted', old.id, private.response_event(old), old.user_id);
    update public.memberships
    set total_submissions = greatest(total_submissions - 1, 0)
    where memberships.space_id = old.space_id and memberships.user_id = old.user_id;
  end if;
  return null;
end;
$$;
comment on function private.uncount_response() is
  'Trigger: what deleting a response sets off. What it earned stays earned. Definer because clients write none of '
  'these; safe because it only fires for rows that are gone.';

create trigger responses__uncount
  after delete on public.responses
  for each row execute function private.uncount_response();
