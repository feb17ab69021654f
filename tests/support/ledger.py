"""What must hold in the ledger at every moment."""

from __future__ import annotations

from tests.support.actors import Actors

_SIDES = """
    select reference_id, user_id, type, amount, false as is_closed from public.transactions
    union all
    select reference_id, user_id, type, amount, true from private.closed_entries
"""


def check_ledger(actors: Actors) -> None:
    """Hold the whole ledger of a database against its invariants."""
    unbalanced = actors.run(
        """
        select users.id, users.token_balance, ledger.total, ledger.newest
        from public.users
        left join lateral (
          select
            coalesce(sum(transactions.amount), 0) as total,
            coalesce((array_agg(transactions.balance_after order by transactions.seq desc))[1], 0) as newest
          from public.transactions
          where transactions.user_id = users.id
        ) as ledger on true
        where users.token_balance < 0
          or users.token_balance <> ledger.total
          or users.token_balance <> ledger.newest
        """
    )
    assert unbalanced == [], "a balance is the sum of the ledger and what its newest row says"

    broken_chains = actors.run(
        """
        select id
        from (
          select
            transactions.*,
            coalesce(lag(balance_after) over (partition by user_id order by seq), 0) as balance_before
          from public.transactions
        ) as entries
        where balance_after <> balance_before + amount
        """
    )
    assert broken_chains == [], "each row continues from the one before"

    odd_gifts = actors.run(
        f"""
        with sides as ({_SIDES})
        select token_gifts.id
        from public.token_gifts
        left join sides on sides.reference_id = token_gifts.id
        group by token_gifts.id
        having count(sides.amount) <> 2
          or sum(sides.amount) <> 0
          or count(*) filter (
            where sides.type = 'SPEND_GIFT' and sides.amount = -token_gifts.amount
              and (sides.user_id = token_gifts.sender_id or (sides.is_closed and token_gifts.sender_id is null))
          ) <> 1
          or count(*) filter (
            where sides.type = 'EARN_GIFT' and sides.amount = token_gifts.amount
              and (sides.user_id = token_gifts.recipient_id or (sides.is_closed and token_gifts.recipient_id is null))
          ) <> 1
        """
    )
    assert odd_gifts == [], "a gift makes two rows with opposite amounts, or left them when an account went"

    odd_purchases = actors.run(
        f"""
        with sides as ({_SIDES})
        select purchases.id
        from public.purchases
        left join sides on sides.reference_id = purchases.id and sides.type = 'SPEND_PURCHASE'
        group by purchases.id
        having count(sides.amount) <> 1 or sum(sides.amount) <> -purchases.price_paid
        """
    )
    assert odd_purchases == [], "a purchase is paid once, at its price"

    assert actors.run("select * from private.ledger_faults(true)") == [], "and the database finds nothing wrong"

    assert (
        actors.one(
            """
        select count(*) from public.user_badges
        join public.badges on badges.id = user_badges.badge_id
        where badges.token_reward > 0 and not exists (
          select from public.transactions
          where transactions.user_id = user_badges.user_id
            and transactions.idempotency_key = 'badge:' || badges.id::text
        ) and not private.was_badge_paid(user_badges.user_id, badges.id)
        """
        )
        == 0
    ), "a badge is paid, to one account of a person"
