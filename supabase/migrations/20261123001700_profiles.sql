-- How people see each other. A user's row is their own, so names and faces travel through these functions, which show
-- a profile to people who share a space and a balance only where its owner allows.

create function private.member_profiles(
  space_id uuid, after_joined_at timestamptz, after_user_id uuid, limit_count integer
)
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
  if member_profiles.limit_count < 1 then
    perform private.fail('MG001', 'limit_count', 'limit_count is 1 or more; null for all members.');
  end if;
  -- First the page, by an index in its order; then what is shown of its people only.
  return query
    with page as materialized (
      select *
      from public.memberships
      where memberships.space_id = member_profiles.space_id
        and (memberships.joined_at, memberships.user_id) > (
          coalesce(member_profiles.after_joined_at, '-infinity'),
          coalesce(member_profiles.after_user_id, 'ffffffff-ffff-ffff-ffff-ffffffffffff')
        )
      order by memberships.joined_at, memberships.user_id
      limit member_profiles.limit_count
    )
    select
      users.id, users.display_name, users.username, users.avatar_path, users.bio, page.role, page.weekly_streak,
      page.total_submissions, page.joined_at,
      case
        when coalesce(settings.show_on_leaderboard, 'SPACES') <> 'NOBODY' or users.id = (select auth.uid())
          then users.token_balance
      end,
      private.displayed_badges(users.id)
    from page
    join public.users on users.id = page.user_id
    left join public.settings on settings.user_id = users.id
    order by page.joined_at, users.id;
end;
$$;
comment on function private.member_profiles(uuid, timestamptz, uuid, integer) is
  'Definer to read other people''s profiles; safe because it refuses all but members of the space and hides what its '
  'owner hides.';
grant execute on function private.member_profiles(uuid, timestamptz, uuid, integer) to authenticated, service_role;

create function public.member_profiles(
  space_id uuid, after_joined_at timestamptz default null, after_user_id uuid default null, limit_count integer default null
)
returns table (
  user_id uuid, display_name text, username text, avatar_path text, bio text, role public.membership_role,
  weekly_streak integer, total_submissions integer, joined_at timestamptz, token_balance bigint, badges jsonb
)
language sql
stable
set search_path = ''
as $$
  select *
  from private.member_profiles(
    member_profiles.space_id, member_profiles.after_joined_at, member_profiles.after_user_id, member_profiles.limit_count
  );
$$;
comment on function public.member_profiles(uuid, timestamptz, uuid, integer) is
  'Return the members of a space with profile, role and displayed badges, in the order in which they joined; the '
  'balance only where its owner shows it. A page is limit_count of them after the member who joined at '
  'after_joined_at with the id after_user_id. Members only: MG101 for anybody else, MG001 for a limit_count below 1.';
grant execute on function public.member_profiles(uuid, timestamptz, uuid, integer) to authenticated, service_role;

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
  -- Who is to be compared comes first, and whole: the planner may otherwise walk through everybody by balance until it
  -- has met enough of them, which are all people of the project where these have few tokens.
  if leaderboard.space_id is not null then
    perform private.require_member(leaderboard.space_id);
    return query
      with people as materialized (
        select memberships.user_id from public.memberships where memberships.space_id = leaderboard.space_id
      )
      select
        (rank() over (order by users.token_balance desc))::integer, users.id, users.display_name, users.username,
        users.avatar_path, users.token_balance, private.displayed_badges(users.id)
      from people
      join public.users on users.id = people.user_id
      where not exists (
        select from public.settings where settings.user_id = users.id and settings.show_on_leaderboard = 'NOBODY'
      )
      order by users.token_balance desc, users.id
      limit leaderboard.limit_count;
  else
    return query
      with people as materialized (
        select distinct others.user_id
        from public.memberships as mine
        join public.memberships as others on others.space_id = mine.space_id
        where mine.user_id = (select auth.uid())
      )
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
          from people
          join public.users on users.id = people.user_id
          where not exists (
            select from public.settings where settings.user_id = users.id and settings.show_on_leaderboard = 'NOBODY'
          )
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
  'Return the largest balances that the caller may see: of a space, or of people in the same spaces and those who '
  'show theirs to everybody. MG001 unless limit_count lies between 1 and 100, MG101 for a space the caller is not '
  'in.';
grant execute on function public.leaderboard(uuid, integer) to authenticated, service_role;
