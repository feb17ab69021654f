"""A space of 2,000 people and 1,000 public ones, for tests of how many pages a long list touches."""

from __future__ import annotations

import psycopg

# The rows of a list lie scattered over their table, as they would in life.
_STATEMENTS = (
    """
    insert into auth.users (id, email)
    select md5('large' || n)::uuid, 'large' || n || '@example.test' from generate_series(1, 2000) as n
    """,
    """
    insert into public.users (id, display_name)
    select md5('large' || n)::uuid, 'Member ' || n from generate_series(1, 2000) as n
    order by md5('place' || n)
    """,
    "insert into public.settings (user_id) select md5('large' || n)::uuid from generate_series(1, 2000) as n",
    """
    insert into public.spaces (id, name, leader_id, current_curator_id, current_week, is_public, created_at)
    values (md5('large')::uuid, 'Large', md5('large1')::uuid, md5('large1')::uuid, 51, false, now())
    """,
    """
    insert into public.spaces (id, name, leader_id, current_curator_id, is_public, created_at)
    select md5('public' || n)::uuid, 'Public ' || n, md5('large1')::uuid, md5('large1')::uuid, true,
      now() - make_interval(mins => n)
    from generate_series(1, 1000) as n
    """,
    """
    insert into public.memberships (user_id, space_id, role, joined_at)
    select md5('large' || n)::uuid, md5('large')::uuid, 'MEMBER', now() - make_interval(mins => 3000 - n)
    from generate_series(1, 2000) as n
    order by md5('seat' || n)
    """,
    """
    insert into public.memberships (user_id, space_id)
    select md5('large1')::uuid, md5('public' || n)::uuid from generate_series(1, 50) as n
    """,
    """
    insert into public.curator_rotations (space_id, week_number, curator_id)
    select md5('large')::uuid, n, md5('large' || n)::uuid from generate_series(1, 50) as n
    """,
    """
    insert into public.prompts
      (id, space_id, week_number, curator_id, question, "order", place, is_published, published_at)
    select md5('large' || week || '-' || place)::uuid, md5('large')::uuid, week, md5('large' || week)::uuid,
      'What did you read?', place, place, true, now()
    from generate_series(48, 51) as week cross join generate_series(1, 2) as place
    """,
    """
    insert into public.responses
      (prompt_id, user_id, space_id, week_number, content, is_published, published_at, calendar_week, created_at)
    select prompts.id, md5('large' || n)::uuid, prompts.space_id, prompts.week_number, repeat('A page or two. ', 10),
      true, now(), private.week_index(now()), now() - make_interval(mins => (51 - prompts.week_number) * 10080 + n)
    from public.prompts cross join generate_series(1, 1000) as n
    where prompts.space_id = md5('large')::uuid
    order by md5(prompts.id::text || n)
    """,
    """
    insert into public.user_badges (user_id, badge_id, is_displayed)
    select md5('large' || n)::uuid, badges.id, true from generate_series(1, 2000) as n cross join public.badges
    where n % 3 = 0
    """,
)


def add_large_space(superuser_dsn: str) -> None:
    """Add the rows to a database, past all triggers and foreign keys, which takes a superuser.

    The space has the id `md5('large')`, 2,000 members (`md5('large1')` and so on), 50 weeks with a curator each, and
    8,000 responses. Its members have no tokens. The first is in 50 of the public spaces as well.
    """
    with psycopg.connect(superuser_dsn, autocommit=True) as connection:
        connection.execute("set session_replication_role = replica")
        connection.execute("set synchronous_commit = off")
        for statement in _STATEMENTS:
            connection.execute(statement.encode())
        connection.execute("vacuum analyze")
