-- How people see each other. A user's row is their own, so names and faces travel through these functions, which show a
-- profile to people who share a space and a balance only where its owner allows.

create function private.displayed_badges(user_id uuid)
returns jsonb
language sql
stable
security definer
set search_path = ''
as $$
  select coalesce(
    jsonb_agg(
      jsonb_build_object(
        'code', badges.code, 'name', badges.name, 'icon', badges.icon, 'earned_at', user_badges.earned_at
      )
      order by user_badges.display_order, user_badges.earned_at, badges.code
    ),
    '[]'
  )
  from public.user_badges
  join public.badges on badges.id = user_badges.badge_id
  where user_badges.user_id = displayed_badges.user_id and user_badges.is_displayed;
$$;
comment on function private.displayed_badges(uuid) is
  'The badges a person shows. Definer; not granted, only other definer functions call it.';

create function private.member_profiles(space_id uuid)
returns table (
  user_id uuid, display_name text, username text, avatar_path text, bio text, role public.membership_role,
  weekly_streak integer, total_submissions integer, joined_at timestamptz, token_balance bigint, badges jsonb
)
language plpgsql
stable
security definer
set search_path = ''
as $$
begin
  perform private.require_member(member_profiles.space_id);
  return query
    select
      users.id, users.display_name, users.username, users.avatar_path, users.bio, memberships.role,
      memberships.weekly_streak, memberships.total_submissions, memberships.joined_at,
      case
        when coalesce(settings.show_on_leaderboard, 'SPACES') <> 'NOBODY' or users.id = (select auth.uid())
          then users.token_balance
      end,
      private.displayed_badges(users.id)
    from public.memberships
    join public.users on users.id = memberships.user_id
    left join public.settings on settings.user_id = users.id
    where memberships.space_id = member_profiles.space_id
    order by memberships.joined_at, users.id;
end;
$$;
comment on function private.member_profiles(uuid) is
  'Definer to read other people''s profiles; safe because it refuses all but members of the space and hides what its '
  'owner hides.';
grant execute on function private.member_profiles(uuid) to authenticated, service_role;

create function public.member_profiles(space_id uuid)
returns table (
  user_id uuid, display_name text, username text, avatar_path text, bio text, role public.membership_role,
  weekly_streak integer, total_submissions integer, joined_at timestamptz, token_balance bigint, badges jsonb
)
language sql
stable
set search_path = ''
as $$
  select * from private.member_profiles(member_profiles.space_id);
$$;
comment on function public.member_profiles(uuid) is
  'The members of a space with profile, role and displayed badges; the balance only where its owner shows it. Members '
  'only: MG101 for anybody else.';
grant execute on function public.member_profiles(uuid) to authenticated, service_role;

create function private.leaderboard(space_id uuid, limit_count integer)
returns table (
  rank integer, user_id uuid, display_name text, username text, avatar_path text, token_balance bigint, badges jsonb
)
language plpgsql
stable
security definer
set search_path = ''
as $$
begin
  if leaderboard.limit_count is null or leaderboard.limit_count not between 1 and 100 then
    perform private.fail('MG001', 'limit_count', 'limit_count lies between 1 and 100.');
  end if;
  if leaderboard.space_id is not null then
    perform private.require_member(leaderboard.space_id);
    return query
      select
        (rank() over (order by users.token_balance desc))::integer, users.id, users.display_name, users.username,
        users.avatar_path, users.token_balance, private.displayed_badges(users.id)
      from public.memberships
      join public.users on users.id = memberships.user_id
      left join public.settings on settings.user_id = users.id
      where memberships.space_id = leaderboard.space_id
        and coalesce(settings.show_on_leaderboard, 'SPACES') <> 'NOBODY'
      order by users.token_balance desc, users.id
      limit leaderboard.limit_count;
  else
    return query
      select
        (rank() over (order by best.token_balance desc))::integer, best.id, best.display_name, best.username,
        best.avatar_path, best.token_balance, private.displayed_badges(best.id)
      from (
        (
          select users.*
          from public.users
          join public.settings on settings.user_id = users.id and settings.show_on_leaderboard = 'EVERYBODY'
          order by users.token_balance desc
          limit leaderboard.limit_count
        )
        union
        (
          select users.*
          from public.users
          left join public.settings on settings.user_id = users.id
          where users.id in (
              select others.user_id
              from public.memberships as mine
              join public.memberships as others on others.space_id = mine.space_id
              where mine.user_id = (select auth.uid())
            )
            and coalesce(settings.show_on_leaderboard, 'SPACES') <> 'NOBODY'
          order by users.token_balance desc
          limit leaderboard.limit_count
        )
        order by token_balance desc
        limit leaderboard.limit_count
      ) as best
      order by best.token_balance desc, best.id;
  end if;
end;
$$;
comment on function private.leaderboard(uuid, integer) is
  'Definer to read other people''s balances; safe because it shows only those who want to be seen by the caller: by '
  'everybody, or by people of the same spaces. A space''s only to its members.';
grant execute on function private.leaderboard(uuid, integer) to authenticated, service_role;

create function public.leaderboard(space_id uuid default null, limit_count integer default 10)
returns table (
  rank integer, user_id uuid, display_name text, username text, avatar_path text, token_balance bigint, badges jsonb
)
language sql
stable
set search_path = ''
as $$
  select * from private.leaderboard(leaderboard.space_id, leaderboard.limit_count);
$$;
comment on function public.leaderboard(uuid, integer) is
  'The largest balances that the caller may see: of a space, or of people in the same spaces and those who show theirs to '
  'everybody. MG001 unless limit_count '
  'lies between 1 and 100, MG101 for a space the caller is not in.';
grant execute on function public.leaderboard(uuid, integer) to authenticated, service_role;

create function private.face(person public.users)
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
comment on function private.face(public.users) is 'What others see of an author: name, handle, picture.';

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
      select private.face(users)
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
                  to_jsonb(responses) || jsonb_build_object('author', private.face(users))
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
  'All that a week''s screen shows, the open week by default: {space, week_number, is_open, curator, my_role, prompts '
  'with responses with authors, newsletter}. Members only: MG101 for anybody else, MG001 for a week that is not there.';
grant execute on function public.space_week(uuid, integer) to authenticated, service_role;
