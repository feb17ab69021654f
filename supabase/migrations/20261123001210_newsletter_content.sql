-- The content of a newsletter is a snapshot of the prompts, the selected responses and the authors' names at
-- generation, so it stays what it was whatever people delete or change later.

-- Functions ----------------------------------------------------------------------------------------------------------

create function private.newsletter_content(space_id uuid, week_number integer, every_prompt boolean default false)
returns jsonb
language sql
stable
security definer
set search_path = ''
as $$
  select jsonb_build_object(
    'space', jsonb_build_object(
      'id', spaces.id, 'name', spaces.name, 'description', spaces.description, 'cover_path', spaces.cover_path,
      'language', spaces.language
    ),
    'week_number', newsletter_content.week_number,
    'curator', (
      select jsonb_build_object('id', users.id, 'display_name', users.display_name)
      from public.curator_rotations
      join public.users on users.id = curator_rotations.curator_id
      where curator_rotations.space_id = spaces.id and curator_rotations.week_number = newsletter_content.week_number
    ),
    'prompts', coalesce(
      (
        select jsonb_agg(
          jsonb_build_object(
            'id', prompts.id,
            'order', prompts."order",
            'question', prompts.question,
            'responses', coalesce(
              (
                select jsonb_agg(
                  jsonb_build_object(
                    'id', responses.id,
                    'author', jsonb_build_object(
                      'id', users.id, 'display_name', users.display_name, 'username', users.username,
                      'avatar_path', users.avatar_path
                    ),
                    'content', responses.content,
                    'image_path', responses.image_path,
                    'image_caption', responses.image_caption,
                    'music', responses.music,
                    'published_at', responses.published_at
                  )
                  order by responses.published_at, responses.id
                )
                from public.responses
                join public.users on users.id = responses.user_id
                where responses.prompt_id = prompts.id and responses.is_selected and responses.is_published
              ),
              '[]'
            )
          )
          order by prompts."order"
        )
        from public.prompts
        where prompts.space_id = spaces.id
          and prompts.week_number = newsletter_content.week_number
          and prompts.is_published
          -- Its responses were read and none was selected: a response alone does not put a question into the
          -- newsletter.
          and (
            newsletter_content.every_prompt
            or not private.is_answered(prompts.id)
            or exists (select from public.responses where responses.prompt_id = prompts.id and responses.is_selected)
          )
      ),
      '[]'
    )
  )
  from public.spaces
  where spaces.id = newsletter_content.space_id;
$$;
comment on function private.newsletter_content(uuid, integer, boolean) is
  'Return the snapshot of a week as it is now: the selected responses, and the prompts that have one, or have no '
  'responses. Definer; not granted, only other definer functions call it.';

create function private.settled_content(newsletter public.newsletters)
returns jsonb
language plpgsql
stable
security definer
set search_path = ''
as $$
declare
  v_now jsonb := private.newsletter_content(newsletter.space_id, newsletter.week_number, every_prompt => true);
  v_prompt_ids text[];
  v_response_ids text[];
begin
  -- Reworded, or in another place.
  select array_agg(seen.value ->> 'id' order by seen.ordinality) into v_prompt_ids
  from jsonb_array_elements(newsletter.content -> 'prompts') with ordinality as seen
  join jsonb_array_elements(v_now -> 'prompts') as present on present.value -> 'id' = seen.value -> 'id'
  where (present.value -> 'question', present.value -> 'order')
    is distinct from (seen.value -> 'question', seen.value -> 'order');

  -- Edited, or selected since: the leader has not seen these in the draft.
  select array_agg(present.value ->> 'id' order by present.value ->> 'id') into v_response_ids
  from jsonb_array_elements(v_now -> 'prompts') as present_prompt
  cross join lateral jsonb_array_elements(present_prompt.value -> 'responses') as present
  left join (
    select response.value
    from jsonb_array_elements(newsletter.content -> 'prompts') as prompt
    cross join lateral jsonb_array_elements(prompt.value -> 'responses') as response
  ) as seen on seen.value -> 'id' = present.value -> 'id'
  where seen.value is null
    -- A new name or face of its author does not count as an edit.
    or present.value - 'author' - 'published_at' is distinct from seen.value - 'author' - 'published_at';

  if v_prompt_ids is not null
    or v_response_ids is not null
    or (v_now -> 'space' -> 'cover_path') is distinct from (newsletter.content -> 'space' -> 'cover_path')
  then
    perform private.fail(
      'MG404',
      concat_ws(
        '; ',
        'responses: ' || array_to_string(v_response_ids, ', '),
        'prompts: ' || array_to_string(v_prompt_ids, ', '),
        case when (v_now -> 'space' -> 'cover_path') is distinct from (newsletter.content -> 'space' -> 'cover_path')
          then 'cover'
        end
      )
    );
  end if;

  -- What is gone, or not selected any more, is left out; a picture that its owner has replaced is gone.
  return newsletter.content || jsonb_build_object(
    'curator', case
      when exists (select from public.users where id::text = newsletter.content -> 'curator' ->> 'id')
        then newsletter.content -> 'curator'
    end,
    'prompts', coalesce(
      (
        select jsonb_agg(
          seen_prompt.value || jsonb_build_object(
            'responses', coalesce(
              (
                select jsonb_agg(
                  case
                    when present.value -> 'author' -> 'avatar_path' is distinct from seen.value -> 'author' -> 'avatar_path'
                      then jsonb_set(seen.value, '{author,avatar_path}', 'null')
                    else seen.value
                  end
                  order by seen.ordinality
                )
                from jsonb_array_elements(seen_prompt.value -> 'responses') with ordinality as seen
                join jsonb_array_elements(present_prompt.value -> 'responses') as present
                  on present.value -> 'id' = seen.value -> 'id'
              ),
              '[]'
            )
          )
          order by seen_prompt.ordinality
        )
        from jsonb_array_elements(newsletter.content -> 'prompts') with ordinality as seen_prompt
        join jsonb_array_elements(v_now -> 'prompts') as present_prompt
          on present_prompt.value -> 'id' = seen_prompt.value -> 'id'
      ),
      '[]'
    )
  );
end;
$$;
comment on function private.settled_content(public.newsletters) is
  'Return the snapshot of a draft as it may go out now: what the leader saw and what is still there. What was '
  'edited, reworded, moved or selected since is refused as MG404 with its ids. Names stay as they were when it was '
  'generated. Definer; not granted, only other definer functions call it, holding the space.';

create function private.newsletter_theme(space_id uuid)
returns jsonb
language plpgsql
stable
security definer
set search_path = ''
as $$
begin
  return (
    select store_items.metadata
    from public.spaces
    join public.settings on settings.user_id = spaces.leader_id
    join public.store_items on store_items.id = settings.active_theme_id
    where spaces.id = newsletter_theme.space_id
  );
end;
$$;
comment on function private.newsletter_theme(uuid) is
  'Return what the leader''s active theme is made of, or null. Definer; not granted, only other definer functions '
  'call it.';

create function private.without_responses(content jsonb, response_ids uuid[])
returns jsonb
language sql
immutable
set search_path = ''
as $$
  select jsonb_set(
    without_responses.content,
    '{prompts}',
    coalesce(
      (
        select jsonb_agg(
          jsonb_set(
            prompt.value,
            '{responses}',
            coalesce(
              (
                select jsonb_agg(response.value order by response.ordinality)
                from jsonb_array_elements(prompt.value -> 'responses') with ordinality as response
                where private.try_uuid(response.value ->> 'id') <> all (without_responses.response_ids)
              ),
              '[]'
            )
          )
          order by prompt.ordinality
        )
        from jsonb_array_elements(without_responses.content -> 'prompts') with ordinality as prompt
      ),
      '[]'
    )
  );
$$;
comment on function private.without_responses(jsonb, uuid[]) is
  'Return the snapshot of a newsletter without some of its responses.';

-- Triggers -----------------------------------------------------------------------------------------------------------

create function private.leave_drafts()
returns trigger
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_begin timestamptz := clock_timestamp();
  v_response_ids uuid[] := array(select gone.id from gone where gone.is_published);
  v_draft record;
begin
  -- One that somebody is generating or publishing at this moment is passed over: they look again behind the space's
  -- lock.
  for v_draft in
    select newsletters.id from public.newsletters
    where not newsletters.is_published
      and (newsletters.space_id, newsletters.week_number) in (
        select gone.space_id, gone.week_number from gone where gone.is_published
      )
    order by newsletters.id
    for no key update skip locked
  loop
    -- A draft may be large, and the spaces of all of them are held. Beyond this, one is emptied: publishing it asks for
    -- another, with MG404.
    if clock_timestamp() - v_begin > interval '250 milliseconds' then
      update public.newsletters
      set content = newsletters.content || '{"prompts": []}'
      where newsletters.id = v_draft.id;
    else
      update public.newsletters
      set content = private.without_responses(newsletters.content, v_response_ids)
      where newsletters.id = v_draft.id and private.responses_in(newsletters.content) && v_response_ids;
    end if;
  end loop;
  return null;
end;
$$;
comment on function private.leave_drafts() is
  'Trigger: responses that are deleted leave the drafts of their newsletters. Definer because clients do not write the '
  'snapshot; safe because it only fires for responses that are gone.';

create trigger responses__leave_drafts
  after delete on public.responses
  referencing old table as gone
  for each statement execute function private.leave_drafts();

create function private.forget_curator()
returns trigger
language plpgsql
set search_path = ''
as $$
begin
  new.content := new.content || '{"curator": null}';
  return new;
end;
$$;
comment on function private.forget_curator() is
  'Trigger: the account of a curator is gone, so the draft of their newsletter does not name them. What is published '
  'does.';

create trigger newsletters__forget_curator
  before update of curator_id on public.newsletters
  for each row when (old.curator_id is not null and new.curator_id is null and not new.is_published)
  execute function private.forget_curator();
