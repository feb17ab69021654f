-- The weeks of a space: which one is open, and all that the screen of one shows.

create function private.open_week(space_id uuid)
returns integer
language plpgsql
stable
security definer
set search_path = ''
as $$
begin
  return (
    select current_week from public.spaces where id = open_week.space_id
  );
end;
$$;
comment on function private.open_week(uuid) is
  'Return the open week of a space. Definer; safe because a number tells nothing about the space.';
grant execute on function private.open_week(uuid) to authenticated, service_role;

create function private.author_of(person public.users)
returns jsonb
language sql
immutable
set search_path = ''
as $$
  select jsonb_build_object(
    'user_id', person.id, 'display_name', person.display_name, 'username', person.username,
    'avatar_path', person.avatar_path
  );
$$;
comment on function private.author_of(public.users) is 'Return what others see of an author: name, handle, picture.';

create function private.space_week(space_id uuid, week_number integer)
returns jsonb
language plpgsql
stable
security definer
set search_path = ''
as $$
declare
  v_me uuid := (select auth.uid());
  v_space public.spaces;
  v_week integer;
  v_sees_drafts boolean;
begin
  perform private.require_member(space_week.space_id);
  select * into v_space from public.spaces where id = space_week.space_id;
  v_week := coalesce(space_week.week_number, v_space.current_week);
  if v_week not between 1 and v_space.current_week then
    perform private.fail(
      'MG001', 'week_number', format('week_number lies between 1 and %s, the open week.', v_space.current_week)
    );
  end if;
  v_sees_drafts := not private.is_client() or v_me = v_space.leader_id or v_me = v_space.current_curator_id;
  return jsonb_build_object(
    'space', to_jsonb(v_space),
    'week_number', v_week,
    'is_open', v_week = v_space.current_week,
    'curator', (
      select private.author_of(users)
      from public.curator_rotations
      join public.users on users.id = curator_rotations.curator_id
      where curator_rotations.space_id = v_space.id and curator_rotations.week_number = v_week
    ),
    'my_role', (
      select memberships.role
      from public.memberships
      where memberships.space_id = v_space.id and memberships.user_id = v_me
    ),
    'prompts', coalesce(
      (
        select jsonb_agg(
          to_jsonb(prompts) || jsonb_build_object(
            'responses', coalesce(
              (
                select jsonb_agg(
                  to_jsonb(responses) || jsonb_build_object('author', private.author_of(users))
                  order by responses.published_at nulls last, responses.id
                )
                from public.responses
                join public.users on users.id = responses.user_id
                where responses.prompt_id = prompts.id and (responses.is_published or responses.user_id = v_me)
              ),
              '[]'
            )
          )
          order by prompts."order"
        )
        from public.prompts
        where prompts.space_id = v_space.id
          and prompts.week_number = v_week
          and (prompts.is_published or v_sees_drafts)
      ),
      '[]'
    ),
    'newsletter', (
      select to_jsonb(newsletters)
      from public.newsletters
      where newsletters.space_id = v_space.id and newsletters.week_number = v_week
    )
  );
end;
$$;
comment on function private.space_week(uuid, integer) is
  'Definer to show authors'' names; safe because it refuses all but members of the space and shows each what the '
  'policies of prompts, responses and newsletters show them.';
grant execute on function private.space_week(uuid, integer) to authenticated, service_role;

create function public.space_week(space_id uuid, week_number integer default null)
returns jsonb
language sql
stable
set search_path = ''
as $$
  select private.space_week(space_week.space_id, space_week.week_number);
$$;
comment on function public.space_week(uuid, integer) is
  'Return all that a week''s screen shows, the open week by default: {space, week_number, is_open, curator, my_role, '
  'prompts with responses with authors, newsletter}. Members only: MG101 for anybody else, MG001 for a week that is '
  'not there.';
grant execute on function public.space_week(uuid, integer) to authenticated, service_role;
