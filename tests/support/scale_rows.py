"""The statements that make the rows of `tests.support.scale`, in order; braces are sizes."""

from __future__ import annotations

ROUNDS = 100
"""How many transactions a person has."""

ITEMS = 50
"""How many of the things in the store nobody has bought yet: `item1` to `item50`, at one token each."""

LARGE, MEDIUM = 2000, 200
"""How many members the larger spaces have, if there are as many people."""

BUSY = 5
"""The number of the person who is in 50 spaces."""


def member_of(people: int, seat: int, users: int) -> int:
    """Return the number of a member of one of the larger spaces."""
    return (seat - 1) * (users // min(people, users)) + 1


PREPARE = (
    "create schema scale",
    # The chain of a person is the running aggregate of its own transition function.
    """
    create aggregate scale.chain (public.transactions) (
      sfunc = private.entry_hash, stype = bytea, initcond = ''
    )
    """,
    """
    create unlogged table scale.rooms as
    select
      n::text as key, md5('space' || n)::uuid as id, md5('user' || (n * 10))::uuid as leader_id, 10 as people,
      100 as events
    from generate_series(1, {spaces}) as n
    union all
    select 'large', md5('space-large')::uuid, md5('user10')::uuid, least({large}, {users}), 8000
    union all
    select 'medium', md5('space-medium')::uuid, md5('user10')::uuid, least({medium}, {users}), 800
    """,
    """
    create unlogged table scale.seats as
    select
      rooms.id as space_id, rooms.people, seat, md5('user' || ((rooms.key::integer - 1) * 10 + seat))::uuid as user_id
    from scale.rooms cross join generate_series(1, 10) as seat
    where rooms.key ~ '^[0-9]+$'
    union all
    -- Every so many people, so that their rows lie scattered over the tables, as in life.
    select rooms.id, rooms.people, seat, md5('user' || (seat - 1) * ({users} / rooms.people) + 1)::uuid
    from scale.rooms cross join lateral generate_series(1, rooms.people) as seat
    where rooms.key in ('large', 'medium')
    """,
    "analyze scale.rooms, scale.seats",
)

PEOPLE = (
    """
    insert into auth.users (id, aud, role, email, email_confirmed_at)
    select md5('user' || n)::uuid, 'authenticated', 'authenticated', n || '@example.test', now()
    from generate_series(1, {users}) as n
    """,
    """
    insert into private.known_addresses (user_id, digest)
    select md5('user' || n)::uuid, private.address_digest(n || '@example.test') from generate_series(1, {users}) as n
    """,
    """
    insert into public.users (id, display_name)
    select md5('user' || n)::uuid, 'Person ' || n from generate_series(1, {users}) as n
    """,
    "insert into public.settings (user_id) select id from public.users",
    """
    -- A fifth of them is open to everybody.
    insert into public.spaces (id, name, leader_id, current_curator_id, current_week, is_public, created_at)
    select id, 'Space ' || key, leader_id, leader_id, 10, key ~ '[05]$',
      now() - interval '11 weeks' + row_number() over (order by key) * interval '1 second'
    from scale.rooms
    """,
    """
    insert into public.curator_rotations (space_id, week_number, curator_id, notification_status)
    select rooms.id, week, seats.user_id, 'SENT'
    from scale.rooms
    cross join generate_series(1, 10) as week
    join scale.seats on seats.space_id = rooms.id and seats.seat = week
    """,
    """
    insert into private.paid_curations (rotation_id, user_id)
    select curator_rotations.id, spaces.leader_id
    from public.curator_rotations
    join public.spaces on spaces.id = curator_rotations.space_id
    """,
    """
    insert into public.prompts
      (id, space_id, week_number, curator_id, question, "order", place, is_published, published_at)
    select
      md5(concat('prompt', case when rooms.people > 10 then '-' end, rooms.key, '-', week, '-', place))::uuid, rooms.id,
      week, rooms.leader_id, 'What did you read?', place, place, true,
      now() - make_interval(weeks => 10 - week) - interval '1 hour'
    from scale.rooms
    cross join generate_series(1, 10) as week
    cross join generate_series(1, 2) as place
    """,
    # Every person of ten responds to half of the prompts, in weeks that follow one another; of a larger space a fifth.
    """
    insert into public.responses (
      prompt_id, user_id, space_id, week_number, content, is_published, published_at, calendar_week, created_at,
      updated_at
    )
    select
      prompts.id, seats.user_id, prompts.space_id, prompts.week_number, repeat('A page or two. ', 10), true, at,
      private.week_index(at), at, at
    from public.prompts
    join scale.seats on seats.space_id = prompts.space_id
    cross join lateral (
      select prompts.published_at + (seats.seat + 1000 * prompts.place) * interval '1 second'
    ) as moment (at)
    where case
      when seats.people = 10 then (seats.seat + 19 - prompts.week_number - prompts.place) % 10 < 5
      else (seats.seat + 2 * prompts.week_number + prompts.place) % 5 = 0
    end
    order by prompts.week_number, md5(prompts.id::text || seats.seat)
    """,
    """
    insert into public.memberships (user_id, space_id, role, total_submissions, joined_at)
    select
      seats.user_id, seats.space_id,
      case when seats.user_id = rooms.leader_id then 'ADMIN' else 'MEMBER' end::public.membership_role,
      coalesce(submissions.total, 0), now() - interval '11 weeks' + seats.seat * interval '1 second'
    from scale.seats
    join scale.rooms on rooms.id = seats.space_id
    left join (
      select space_id, user_id, count(*) as total from public.responses group by space_id, user_id
    ) as submissions on submissions.space_id = seats.space_id and submissions.user_id = seats.user_id
    union all
    -- Somebody is in 50 spaces, and only reads.
    select md5('user{busy}')::uuid, md5('space' || n)::uuid, 'MEMBER', 0, now() - interval '10 weeks'
    from generate_series(2, least(48, {spaces})) as n
    order by 5, 1
    """,
)

WEEKS = (
    """
    insert into private.active_weeks (user_id, week, responses, first_published_at)
    select user_id, calendar_week, count(*), min(published_at) from public.responses group by user_id, calendar_week
    """,
    """
    insert into private.open_weeks (user_id, week)
    select users.id, private.week_index(now()) - week from public.users cross join generate_series(0, 9) as week
    """,
    "analyze",
    "select private.refresh_member_streaks(array(select id from public.users))",
    """
    update public.users
    set current_streak = streaks.streak, longest_streak = streaks.longest
    from (
      select
        user_id, coalesce(max(cardinality(weeks)) filter (where is_alive), 0) as streak,
        max(cardinality(weeks)) as longest
      from private.calendar_runs(array(select id from public.users), now())
      group by user_id
    ) as streaks
    where streaks.user_id = users.id
    """,
    # What the streaks of the past paid is settled.
    """
    insert into private.paid_streaks (user_id, milestone, first_week, last_week)
    select runs.user_id, milestone, runs.weeks[1], runs.weeks[milestone]
    from private.calendar_runs(array(select id from public.users), now()) as runs
    join public.reward_rules on reward_rules.code = 'streak'
    cross join lateral unnest(reward_rules.milestones) as milestone
    where milestone <= cardinality(runs.weeks)
    """,
)

# A gift between neighbours of a space: sender, number, and the round in which the sender pays. The recipient's entry
# is a round later. Who has an even number gives five in all, and the others three.
GIFTS = (
    """
    create unlogged table scale.gifts as
    select
      md5('gift' || n || '-' || number)::uuid as id, n as sender,
      (n - 1) / 10 * 10 + n % 10 + 1 as recipient,
      case number when 4 then 80 when 5 then 90 else number * 20 end as round
    from generate_series(1, {users}) as n cross join generate_series(1, 5) as number
    where number <= 3 or n % 2 = 0
    """,
    """
    insert into public.token_gifts (id, sender_id, recipient_id, amount, idempotency_key, created_at)
    select
      id, md5('user' || sender)::uuid, md5('user' || recipient)::uuid, 5, id::text,
      now() - make_interval(hours => 16 * (101 - round))
    from scale.gifts
    order by round, sender
    """,
    """
    insert into public.store_items (id, code, name, kind, price)
    select md5('item' || n)::uuid, 'item-' || n, 'Item ' || n, 'STICKER_PACK', case when n > {items} then 20 else 1 end
    from generate_series(1, {items} + 3) as n
    """,
    """
    create unlogged table scale.purchases as
    select
      md5('purchase' || n || '-' || number)::uuid as id, n as buyer, {items} + number as item, 10 + 20 * number as round
    from generate_series(1, {users}) as n cross join generate_series(1, 3) as number
    where number = 1 or n % 4 < 2
    """,
    """
    insert into public.purchases (id, user_id, item_id, price_paid, idempotency_key, purchased_at)
    select
      id, md5('user' || buyer)::uuid, md5('item' || item)::uuid, 20, id::text,
      now() - make_interval(hours => 16 * (101 - round))
    from scale.purchases
    order by round, buyer
    """,
    """
    create unlogged table scale.earned as
    select n, badges.id as badge_id, badges.name, rounds.round
    from generate_series(1, {users}) as n
    join public.users on users.id = md5('user' || n)::uuid
    cross join (
      values ('first_words', 1), ('first_curator', 2), ('collector', 71), ('generous', 92), ('five_week_streak', 93)
    ) as rounds (code, round)
    join public.badges using (code)
    where case code
      when 'first_curator' then n % 10 = 0
      when 'collector' then n % 4 < 2
      when 'generous' then n % 2 = 0
      when 'five_week_streak' then users.current_streak >= 5
      else true
    end
    """,
    """
    insert into public.user_badges (user_id, badge_id, earned_at)
    select md5('user' || n)::uuid, badge_id, now() - make_interval(hours => 16 * (101 - round)) from scale.earned
    """,
    "create index on scale.gifts (sender)",
    "create index on scale.gifts (recipient)",
    "create index on scale.purchases (buyer)",
    "create index on scale.earned (n)",
    "analyze scale.gifts, scale.purchases, scale.earned",
)

# The ledger of some people. Rounds in the outer order: a person's rows lie scattered over the table, as in life.
LEDGER = """
with lines as (
  select
    n, round, (round - 1) * {users}::bigint + n as seq, 'EARN_RESPONSE' as type, 10 + n * 7919::bigint % 90 as amount,
    'prompt' as reference_type, null::uuid as reference_id, null as description,
    'response:' || md5('space' || (n - 1) / 10)::uuid || ':0:' || round as key
  from generate_series({first}, {last}) as n cross join generate_series(1, {rounds}) as round
),
others as (
  select sender as n, round, 'SPEND_GIFT' as type, -5 as amount, 'gift' as reference_type, id, null as description
  from scale.gifts where sender between {first} and {last}
  union all
  select recipient, round + 1, 'EARN_GIFT', 5, 'gift', id, null
  from scale.gifts where recipient between {first} and {last}
  union all
  select buyer, round, 'SPEND_PURCHASE', -20, 'purchase', id, 'Item ' || item
  from scale.purchases where buyer between {first} and {last}
  union all
  select earned.n, round, 'EARN_BADGE', badges.token_reward, 'badge', badges.id, earned.name
  from scale.earned join public.badges on badges.id = earned.badge_id
  where earned.n between {first} and {last} and badges.token_reward > 0
),
entries as (
  select
    seq, md5('user' || n)::uuid as user_id, coalesce(others.type, lines.type)::public.transaction_type as type,
    coalesce(others.amount, lines.amount) as amount,
    coalesce(others.reference_type, lines.reference_type) as reference_type,
    others.id as reference_id, others.description, coalesce(others.reference_type || ':' || others.id, key) as key,
    now() - make_interval(hours => 16 * (101 - round)) + n * interval '1 microsecond' as created_at
  from lines left join others using (n, round)
),
rows as (
  select row(
    gen_random_uuid(), seq, user_id, type, amount,
    sum(amount) over (partition by user_id order by seq rows unbounded preceding)::bigint,
    reference_type, reference_id, description, key, false, created_at, null
  )::public.transactions as entry
  from entries
)
insert into public.transactions (
  id, seq, user_id, type, amount, balance_after, reference_type, reference_id, description, idempotency_key,
  limit_reached, created_at, hash
)
overriding system value
select
  (entry).id, (entry).seq, (entry).user_id, (entry).type, (entry).amount, (entry).balance_after, (entry).reference_type,
  (entry).reference_id, (entry).description, (entry).idempotency_key, (entry).limit_reached, (entry).created_at, hash
from (
  select
    entry, scale.chain(entry) over (partition by (entry).user_id order by (entry).seq rows unbounded preceding) as hash
  from rows
) as hashed
order by (entry).seq
"""

HEADS = (
    """
    insert into private.ledger_heads (user_id, entries, last_seq, hash)
    select user_id, {rounds}, seq, hash from public.transactions where seq > ({rounds} - 1) * {users}::bigint
    """,
    """
    update public.users set token_balance = transactions.balance_after
    from public.transactions
    where transactions.user_id = users.id and transactions.seq > ({rounds} - 1) * {users}::bigint
    """,
    "select setval('public.transactions_seq_seq', {rounds} * {users}::bigint)",
    """
    insert into private.ledger_checkpoints (user_id, seq, hash, entries, token_balance, checked_at)
    select users.id, last_seq, hash, entries, token_balance, now()
    from public.users join private.ledger_heads on ledger_heads.user_id = users.id
    """,
)

NEWS = (
    """
    insert into public.newsletters
      (id, space_id, week_number, title, content, visibility, is_published, published_at, created_at)
    select
      md5('newsletter' || key || '-' || week)::uuid, id, week, 'The week of ' || key,
      jsonb_build_object('prompts', jsonb_build_array(repeat('What did you read? ', 40))),
      'PUBLIC', true, now() - make_interval(weeks => 10 - week), now() - make_interval(weeks => 10 - week)
    from scale.rooms cross join generate_series(1, 9) as week
    """,
    """
    insert into public.space_events (space_id, seq, kind, actor_id, payload, created_at)
    select
      rooms.id, seq, 'response.published', rooms.leader_id, jsonb_build_object('week_number', 10),
      now() - make_interval(hours => 16 * 101) + seq * interval '1 minute'
    from scale.rooms cross join lateral generate_series(1, rooms.events) as seq
    """,
    """
    insert into private.space_feeds (space_id, last_seq)
    select id, events from scale.rooms
    """,
    """
    insert into public.notifications (user_id, kind, space_id, dedupe_key, read_at, created_at)
    select seats.user_id, 'PROMPTS_PUBLISHED', seats.space_id, 'prompts:' || seats.space_id || ':' || week,
      now() - make_interval(weeks => 10 - week), now() - make_interval(weeks => 10 - week)
    from scale.seats cross join generate_series(1, 7) as week
    where seats.people = 10
    """,
    """
    insert into public.notifications (user_id, kind, dedupe_key, payload, created_at)
    select recipient_id, 'GIFT_RECEIVED', 'gift:' || id,
      jsonb_build_object('gift_id', id, 'sender_id', sender_id, 'amount', amount), created_at
    from public.token_gifts
    """,
    """
    insert into private.mails
      (id, user_id, space_id, newsletter_id, kind, dedupe_key, state, attempts, run_at, sent_at, created_at)
    select
      private.mail_id(seats.user_id, 'newsletter:' || newsletters.id), seats.user_id, seats.space_id, newsletters.id,
      'NEWSLETTER_PUBLISHED', 'newsletter:' || newsletters.id, 'SENT', 1, newsletters.published_at,
      newsletters.published_at + interval '1 minute', newsletters.published_at
    from public.newsletters join scale.seats on seats.space_id = newsletters.space_id
    """,
    """
    insert into private.outbox (kind, key, payload, state, attempts, run_at, created_at, finished_at)
    select 'newsletter.render', 'newsletter.render:' || id, jsonb_build_object('newsletter_id', id), 'DONE', 1,
      published_at, published_at, published_at + interval '1 minute'
    from public.newsletters
    """,
)
