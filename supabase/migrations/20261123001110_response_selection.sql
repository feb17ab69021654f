-- Which responses of a week go into its newsletter: the leader's choice, which may be none of them.

-- Tables -------------------------------------------------------------------------------------------------------------

create table private.empty_selections (
  space_id uuid primary key references public.spaces (id) on delete cascade,
  week_number integer not null
);
comment on table private.empty_selections is
  'Spaces whose leaders have said that no response of this week goes into the newsletter: select_responses() with an '
  'empty list. Written by who holds the space.';

alter table private.empty_selections enable row level security;

-- Functions ----------------------------------------------------------------------------------------------------------

create function private.select_responses(space_id uuid, response_ids uuid[], week_number integer)
returns setof public.responses
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_week integer;
  v_unknown_ids uuid[];
begin
  perform private.lock_space_as(select_responses.space_id, 'leader');
  v_week := coalesce(select_responses.week_number, private.open_week(select_responses.space_id));
  if v_week is distinct from private.open_week(select_responses.space_id) then
    perform private.fail('MG202');
  end if;
  if exists (
    select from public.newsletters
    where newsletters.space_id = select_responses.space_id
      and newsletters.week_number = v_week
      and newsletters.is_published
  ) then
    perform private.fail('MG402');
  end if;
  select array_agg(named) into v_unknown_ids
  from unnest(select_responses.response_ids) as named
  where not exists (
    select from public.responses where responses.id = named and responses.space_id = select_responses.space_id
  );
  if v_unknown_ids is not null then
    perform private.fail('MG307', array_to_string(v_unknown_ids, ', ', 'null'));
  end if;
  select array_agg(named) into v_unknown_ids
  from unnest(select_responses.response_ids) as named
  where not exists (
    select from public.responses
    where responses.id = named
      and responses.week_number = v_week
      and responses.is_published
  );
  if v_unknown_ids is not null then
    perform private.fail('MG305', array_to_string(v_unknown_ids, ', '));
  end if;
  update public.responses
  set is_selected = not is_selected
  where responses.space_id = select_responses.space_id
    and responses.week_number = v_week
    and is_selected <> (responses.id = any (coalesce(select_responses.response_ids, '{}')));
  -- An empty selection is a choice, too: a response that nobody wants must not keep a week from closing.
  delete from private.empty_selections where empty_selections.space_id = select_responses.space_id;
  if cardinality(select_responses.response_ids) = 0 then
    insert into private.empty_selections (space_id, week_number) values (select_responses.space_id, v_week);
  end if;
  return query
    select responses.*
    from public.responses
    join public.prompts on prompts.id = responses.prompt_id
    where responses.space_id = select_responses.space_id
      and responses.week_number = v_week
      and responses.is_selected
    order by prompts."order", responses.published_at, responses.id;
end;
$$;
comment on function private.select_responses(uuid, uuid[], integer) is
  'Definer because clients do not write is_selected; safe because it refuses all but the leader.';
grant execute on function private.select_responses(uuid, uuid[], integer) to authenticated, service_role;

create function public.select_responses(space_id uuid, response_ids uuid[], week_number integer default null)
returns setof public.responses
language sql
set search_path = ''
as $$
  select * from private.select_responses(
    select_responses.space_id, select_responses.response_ids, select_responses.week_number
  );
$$;
comment on function public.select_responses(uuid, uuid[], integer) is
  'Select exactly these responses for the newsletter of the open week, and return them. An empty list says that the '
  'newsletter goes without any. Naming the week guards against its having closed meanwhile: MG202 for another than '
  'the open one. Leader only. MG305 for responses that are not published or of another week, MG307 for ids that are '
  'not responses of this space.';
grant execute on function public.select_responses(uuid, uuid[], integer) to authenticated, service_role;

create function private.require_selection(space_id uuid, week_number integer)
returns void
language plpgsql
stable
security definer
set search_path = ''
as $$
begin
  if not exists (
    select from public.responses
    where responses.space_id = require_selection.space_id
      and responses.week_number = require_selection.week_number
      and responses.is_selected
  ) and exists (
    select from public.responses
    where responses.space_id = require_selection.space_id
      and responses.week_number = require_selection.week_number
      and responses.is_published
      and not exists (
        select from private.removed_members
        where removed_members.space_id = responses.space_id and removed_members.user_id = responses.user_id
      )
  ) and not exists (
    select from private.empty_selections
    where empty_selections.space_id = require_selection.space_id
      and empty_selections.week_number = require_selection.week_number
  ) then
    perform private.fail('MG403');
  end if;
end;
$$;
comment on function private.require_selection(uuid, integer) is
  'Refuse a newsletter without any of the week''s responses, unless the leader has selected none on purpose. A week '
  'without responses may close with an empty newsletter; responses of removed members do not count. Definer; not '
  'granted, only other definer functions call it.';
