"""Ways to tamper with the ledger past all rules, as somebody may who writes tables."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any
from uuid import uuid4

from tests.support.actors import Actors, Row


def faults(actors: Actors, *, complete: bool = True) -> list[Row]:
    return actors.run("select * from public.verify_ledger(%s)", complete)


def a_row(forger: Actors, chance: random.Random, where: str = "true") -> Row:
    return chance.choice(forger.run(f"select * from public.transactions where {where} order by seq"))


Tampering = Callable[[Actors, random.Random], None]

OTHER_VALUES: dict[str, Callable[[Any], Any]] = {
    "amount": lambda value: value + (1 if value > 0 else -1),
    "balance_after": lambda value: value + 1,
    "type": lambda value: {"EARN_GIFT": "EARN_BADGE", "SPEND_GIFT": "SPEND_PURCHASE"}.get(value, "EARN_GIFT"),
    "reference_type": lambda value: value + "s",
    "reference_id": lambda _: uuid4(),
    "description": lambda value: None if value else "x",
    "idempotency_key": lambda value: value + "'",
    "limit_reached": lambda value: not value,
    "created_at": lambda value: value.replace(year=value.year - 1),
    "hash": lambda value: value[:-1] + bytes([value[-1] ^ 1]),
    "id": lambda _: uuid4(),
}


def change(column: str) -> Tampering:
    def tamper(forger: Actors, chance: random.Random) -> None:
        # A number that leaves the sign as the type has it, so that not even the table's own check is in the way.
        row = a_row(forger, chance, "type::text like 'EARN%%'" if column == "type" else "true")
        forger.run(
            f"update public.transactions set {column} = %s where id = %s", OTHER_VALUES[column](row[column]), row["id"]
        )

    return tamper


def change_and_hash_again(forger: Actors, chance: random.Random) -> None:
    """The row fits the one before it again, but not the one after it, or the head."""
    row = a_row(forger, chance)
    forger.run("update public.transactions set description = 'rewritten' where id = %s", row["id"])
    forger.run(
        """
        update public.transactions as entry
        set hash = private.entry_hash(
          coalesce(
            (
              select before.hash from public.transactions as before
              where before.user_id = entry.user_id and before.seq < entry.seq order by before.seq desc limit 1
            ),
            ''
          ),
          entry
        )
        where id = %s
        """,
        row["id"],
    )


def move_to_somebody(forger: Actors, chance: random.Random) -> None:
    row = a_row(forger, chance)
    others = forger.run("select id from public.users where id <> %s order by id", row["user_id"])
    forger.run("update public.transactions set user_id = %s where id = %s", chance.choice(others)["id"], row["id"])


def move_to_the_end(forger: Actors, chance: random.Random) -> None:
    row = a_row(forger, chance)
    forger.run(
        "update public.transactions set seq = (select max(seq) + 1 from public.transactions) where id = %s", row["id"]
    )


def swap_places(forger: Actors, chance: random.Random) -> None:
    one = a_row(forger, chance)
    other = a_row(forger, chance, f"user_id = '{one['user_id']}' and id <> '{one['id']}'")
    for row, seq in ((one, -1), (other, one["seq"]), (one, other["seq"])):
        forger.run("update public.transactions set seq = %s where id = %s", seq, row["id"])


def remove(forger: Actors, chance: random.Random) -> None:
    forger.run("delete from public.transactions where id = %s", a_row(forger, chance)["id"])


def remove_the_newest_and_set_the_balance(forger: Actors, chance: random.Random) -> None:
    """What is left adds up and is a chain: only the head knows."""
    row = a_row(forger, chance)
    newest = forger.run("select * from public.transactions where user_id = %s order by seq desc", row["user_id"])
    forger.run("delete from public.transactions where id = %s", newest[0]["id"])
    forger.run("update public.users set token_balance = %s where id = %s", newest[1]["balance_after"], row["user_id"])


def remove_everything_of_somebody(forger: Actors, chance: random.Random) -> None:
    row = a_row(forger, chance)
    forger.run("delete from public.transactions where user_id = %s", row["user_id"])
    forger.run("update public.users set token_balance = 0 where id = %s", row["user_id"])


def add(forger: Actors, chance: random.Random) -> None:
    """An entry that follows from the newest one in every way, with the balance that it makes."""
    row = a_row(forger, chance)
    (added,) = forger.run(
        """
        insert into public.transactions
          (id, user_id, type, amount, balance_after, reference_type, idempotency_key, created_at, hash)
        select gen_random_uuid(), user_id, 'EARN_STREAK', 1000, balance_after + 1000, 'streak', 'forged', now(), hash
        from public.transactions where user_id = %s order by seq desc limit 1
        returning id, hash
        """,
        row["user_id"],
    )
    forger.run(
        "update public.transactions as entry set hash = private.entry_hash(%s::bytea, entry) where id = %s",
        added["hash"], added["id"],
    )  # fmt: skip
    forger.run("update public.users set token_balance = token_balance + 1000 where id = %s", row["user_id"])


def add_in_between(forger: Actors, chance: random.Random) -> None:
    row = a_row(forger, chance)
    forger.run(
        """
        insert into public.transactions
          (id, seq, user_id, type, amount, balance_after, reference_type, idempotency_key, hash)
        overriding system value
        select gen_random_uuid(), -seq, user_id, 'EARN_STREAK', 1, 1, 'streak', 'forged', hash
        from public.transactions where id = %s
        """,
        row["id"],
    )


def give_tokens(forger: Actors, chance: random.Random) -> None:
    forger.run(
        "update public.users set token_balance = token_balance + 1 where id = %s", a_row(forger, chance)["user_id"]
    )


def lose_a_head(forger: Actors, chance: random.Random) -> None:
    forger.run("delete from private.ledger_heads where user_id = %s", a_row(forger, chance)["user_id"])


def shorten_a_head(forger: Actors, chance: random.Random) -> None:
    forger.run(
        "update private.ledger_heads set entries = entries - 1 where user_id = %s", a_row(forger, chance)["user_id"]
    )


def of_commands(table: str, statement: str) -> Tampering:
    def tamper(forger: Actors, chance: random.Random) -> None:
        rows = forger.run(f"select id from {table} order by id")
        forger.run(statement, chance.choice(rows)["id"])

    return tamper


def lose_what_a_closed_account_left(forger: Actors, chance: random.Random) -> None:
    row = chance.choice(forger.run("select * from private.closed_entries order by reference_id"))
    forger.run("delete from private.closed_entries where reference_id = %s", row["reference_id"])


def change_what_a_closed_account_left(forger: Actors, chance: random.Random) -> None:
    row = chance.choice(forger.run("select * from private.closed_entries order by reference_id"))
    forger.run(
        "update private.closed_entries set amount = amount * 2 where reference_id = %s and user_id = %s",
        row["reference_id"], row["user_id"],
    )  # fmt: skip


def add_a_side_to_a_gift(forger: Actors, chance: random.Random) -> None:
    """By the function that posts: every chain is whole, and yet a gift has three sides."""
    row = a_row(forger, chance, "type = 'EARN_GIFT'")
    forger.run(
        "select private.post_transaction(%s, 'EARN_GIFT', %s, 'gift', %s, 'gift again')",
        row["user_id"], row["amount"], row["reference_id"],
    )  # fmt: skip


TAMPERINGS: dict[str, Tampering] = {
    **{f"change {column}": change(column) for column in OTHER_VALUES},
    "change and hash anew": change_and_hash_again,
    "move to somebody": move_to_somebody,
    "move to the end": move_to_the_end,
    "swap places": swap_places,
    "remove": remove,
    "remove the newest": remove_the_newest_and_set_the_balance,
    "remove everything of somebody": remove_everything_of_somebody,
    "add": add,
    "add in between": add_in_between,
    "give tokens": give_tokens,
    "lose a head": lose_a_head,
    "shorten a head": shorten_a_head,
    "remove a gift": of_commands("public.token_gifts", "delete from public.token_gifts where id = %s"),
    "change a gift": of_commands("public.token_gifts", "update public.token_gifts set amount = 6 where id = %s"),
    "remove a purchase": of_commands("public.purchases", "delete from public.purchases where id = %s"),
    "change a purchase": of_commands("public.purchases", "update public.purchases set price_paid = 1 where id = %s"),
    "invent a gift": of_commands(
        "public.token_gifts",
        "insert into public.token_gifts (sender_id, recipient_id, amount)"
        " select sender_id, recipient_id, 5 from public.token_gifts where id = %s",
    ),
    "lose what a closed account left": lose_what_a_closed_account_left,
    "change what a closed account left": change_what_a_closed_account_left,
    "add a side to a gift": add_a_side_to_a_gift,
}
