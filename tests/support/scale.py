"""Fill a database with as many rows as the document names, or a fraction of them."""

from __future__ import annotations

import psycopg

# Ten people a space, a hundred transactions a person. At full scale: 10,000 people, 1,000 spaces,
# 10,000 memberships, 20,000 prompts, 100,000 responses, 1,000,000 transactions.
_STATEMENTS = (
    """
    insert into auth.users (id, email)
    select md5('user' || n)::uuid, n || '@example.test' from generate_series(1, {users}) as n
    """,
    """
    insert into public.users (id, display_name, token_balance)
    select md5('user' || n)::uuid, 'Person ' || n, (n * 7919) % 100000 from generate_series(1, {users}) as n
    """,
    "insert into public.settings (user_id) select id from public.users",
    """
    insert into public.spaces (id, name, leader_id, current_curator_id, current_week)
    select md5('space' || n)::uuid, 'Space ' || n, md5('user' || (n * 10))::uuid, md5('user' || (n * 10))::uuid, 10
    from generate_series(1, {spaces}) as n
    """,
    "insert into private.space_feeds (space_id, last_seq) select id, 100 from public.spaces",
    """
    insert into public.memberships (user_id, space_id, role)
    select
      md5('user' || ((n - 1) * 10 + seat))::uuid, md5('space' || n)::uuid,
      case when seat = 10 then 'ADMIN' else 'MEMBER' end::public.membership_role
    from generate_series(1, {spaces}) as n cross join generate_series(1, 10) as seat
    """,
    """
    insert into public.prompts
      (id, space_id, week_number, curator_id, question, "order", place, is_published, published_at)
    select md5('prompt' || n || '-' || week || '-' || place)::uuid, md5('space' || n)::uuid, week,
      md5('user' || (n * 10))::uuid, 'What did you read?', place, place, true, now()
    from generate_series(1, {spaces}) as n
    cross join generate_series(1, 10) as week
    cross join generate_series(1, 2) as place
    """,
    """
    insert into public.responses
      (prompt_id, user_id, space_id, week_number, content, is_published, published_at, calendar_week)
    select prompts.id, memberships.user_id, prompts.space_id, prompts.week_number, repeat('A page or two. ', 10), true,
      now() - make_interval(weeks => 10 - prompts.week_number),
      private.week_index(now() - make_interval(weeks => 10 - prompts.week_number))
    from public.prompts
    join lateral (
      select user_id from public.memberships where memberships.space_id = prompts.space_id order by user_id limit 5
    ) as memberships on true
    """,
    """
    insert into private.active_weeks (user_id, week, responses, first_published_at)
    select user_id, calendar_week, count(*), min(published_at) from public.responses group by user_id, calendar_week
    """,
    """
    insert into private.open_weeks (user_id, week)
    select memberships.user_id, private.week_index(now()) - week
    from public.memberships cross join generate_series(0, 9) as week
    """,
    """
    insert into public.newsletters (space_id, week_number, title, content, visibility, is_published, published_at)
    select id, week, 'Letter', '{{}}', 'PUBLIC', true, now() - make_interval(weeks => 10 - week)
    from public.spaces cross join generate_series(1, 9) as week
    """,
    """
    insert into public.space_events (space_id, seq, kind)
    select id, seq, 'response.published' from public.spaces cross join generate_series(1, 100) as seq
    """,
    """
    insert into public.notifications (user_id, kind, dedupe_key)
    select id, 'PROMPTS_PUBLISHED', 'n' || n from public.users cross join generate_series(1, 10) as n
    """,
    # Rounds in the outer loop: a person's rows lie scattered over the table, as they would in life.
    """
    insert into public.transactions
      (user_id, type, amount, balance_after, reference_type, idempotency_key, created_at, hash)
    select users.id, 'EARN_RESPONSE', 50, 50 * round, 'prompt', 'response:' || round,
      now() - make_interval(hours => 100 - round), sha256(uuid_send(users.id))
    from generate_series(1, 100) as round cross join public.users
    """,
    """
    insert into private.ledger_heads (user_id, entries, last_seq, hash)
    select user_id, count(*), max(seq), sha256(uuid_send(user_id)) from public.transactions group by user_id
    """,
)


def fill(superuser_dsn: str, *, users: int, spaces: int) -> None:
    """Fill a database, past all triggers and foreign keys, which takes a superuser."""
    with psycopg.connect(superuser_dsn, autocommit=True) as connection:
        connection.execute("set session_replication_role = replica")
        connection.execute("set synchronous_commit = off")
        for statement in _STATEMENTS:
            connection.execute(statement.format(users=users, spaces=spaces).encode())
        connection.execute("vacuum analyze")
