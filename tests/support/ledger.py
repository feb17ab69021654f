"""What must hold in the ledger at every moment."""

from __future__ import annotations

from tests.support.actors import Actors


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
        """
        select token_gifts.id
        from public.token_gifts
        left join public.transactions on transactions.reference_id = token_gifts.id
        group by token_gifts.id
        having count(transactions.id) <> 2
          or sum(transactions.amount) <> 0
          or count(*) filter (
            where transactions.user_id = token_gifts.sender_id and transactions.type = 'SPEND_GIFT'
              and transactions.amount = -token_gifts.amount
          ) <> 1
          or count(*) filter (
            where transactions.user_id = token_gifts.recipient_id and transactions.type = 'EARN_GIFT'
              and transactions.amount = token_gifts.amount
          ) <> 1
        """
    )
    assert odd_gifts == [], "a gift makes two rows with opposite amounts"

    odd_purchases = actors.run(
        """
        select purchases.id
        from public.purchases
        left join public.transactions
          on transactions.reference_id = purchases.id and transactions.type = 'SPEND_PURCHASE'
        group by purchases.id
        having count(transactions.id) <> 1 or sum(transactions.amount) <> -purchases.price_paid
        """
    )
    assert odd_purchases == [], "a purchase is paid once, at its price"

    assert (
        actors.one(
            """
        select count(*) from public.user_badges
        join public.badges on badges.id = user_badges.badge_id
        where badges.token_reward > 0 and not exists (
          select from public.transactions
          where transactions.user_id = user_badges.user_id
            and transactions.idempotency_key = 'badge:' || badges.id::text
        )
        """
        )
        == 0
    ), "a badge is paid"
