"""Whatever people do with their tokens, in whatever order, the ledger adds up after each step."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from tests.support.actors import Actor, Actors, Row
from tests.support.ledger import check_ledger
from tests.support.stories import Club, balance, found_club, grant_tokens, hurry

PEOPLE = st.integers(min_value=0, max_value=3)
AMOUNTS = st.sampled_from([1, 2, 49, 50, 51, 100, 10**6, 2**62])


class Economy(RuleBasedStateMachine):
    """Four people in a space, and a model that knows only what each of them should have."""

    dsn: str

    def __init__(self) -> None:
        super().__init__()
        self.connection = psycopg.connect(self.dsn)
        self.actors = Actors(self.connection)
        self.club: Club = found_club(self.actors, "Boris", "Chloe", "Dmitri")
        self.people: tuple[Actor, ...] = self.club.everybody
        self.tokens: Counter[int] = Counter()
        self.sent: dict[tuple[int, str], Row] = {}
        self.badges: Counter[int] = Counter()
        self.responded: set[tuple[int, object]] = set()
        self.weeks_paid: set[int] = set()

    def teardown(self) -> None:
        self.connection.rollback()
        self.connection.close()

    @contextmanager
    def expecting(self, sqlstate: str | None) -> Iterator[None]:
        if sqlstate is None:
            yield
        else:
            with self.actors.service().refused(sqlstate):
                yield

    def add_new_badges(self, number: int) -> None:
        """Badges pay a hundred each; how many there are is taken from the database."""
        count = self.actors.one("select count(*) from public.user_badges where user_id = %s", self.people[number].id)
        self.tokens[number] += 100 * (count - self.badges[number])
        self.badges[number] = count

    @rule(number=PEOPLE, amount=AMOUNTS.filter(lambda amount: amount <= 10**6))
    def earn(self, number: int, amount: int) -> None:
        grant_tokens(self.actors, self.people[number], amount)
        self.tokens[number] += amount

    @rule(sender=PEOPLE, recipient=PEOPLE, amount=AMOUNTS)
    def give(self, sender: int, recipient: int, amount: int) -> None:
        wrong = "MG503" if sender == recipient else "MG501" if amount > self.tokens[sender] else None
        with self.expecting(wrong):
            self.people[sender].call("transfer_tokens", recipient_id=self.people[recipient].id, amount=amount)
        if wrong is None:
            self.tokens[sender] -= amount
            self.tokens[recipient] += amount
            self.add_new_badges(sender)

    @rule(sender=PEOPLE, recipient=PEOPLE, key=st.sampled_from("ab"), amount=st.integers(min_value=1, max_value=3))
    def give_with_a_key(self, sender: int, recipient: int, key: str, amount: int) -> None:
        if sender == recipient:
            return
        command = {"recipient_id": self.people[recipient].id, "amount": amount}
        before = self.sent.get((sender, key))
        if before is None:
            wrong = "MG501" if amount > self.tokens[sender] else None
        else:
            wrong = None if {name: before[name] for name in command} == command else "MG502"
        with self.expecting(wrong):
            gift = self.people[sender].call("transfer_tokens", **command, idempotency_key=key)
            if before is not None and wrong is None:
                assert gift == before
        if before is None and wrong is None:
            self.sent[sender, key] = gift
            self.tokens[sender] -= amount
            self.tokens[recipient] += amount
            self.add_new_badges(sender)

    @rule(number=PEOPLE, code=st.sampled_from(["frame_laurel", "stickers_margins", "theme_midnight"]))
    def buy(self, number: int, code: str) -> None:
        person = self.people[number]
        (item,) = person.select("store_items", code=code)
        owned = person.select("purchases", item_id=item["id"])
        wrong = "MG603" if owned else "MG501" if item["price"] > self.tokens[number] else None
        with self.expecting(wrong):
            person.call("purchase_item", item_id=item["id"])
        if wrong is None:
            self.tokens[number] -= item["price"]
            self.add_new_badges(number)

    @rule()
    def ask(self) -> None:
        space = self.club.row()
        curator = next(n for n, person in enumerate(self.people) if person.id == space["current_curator_id"])
        if len(self.people[curator].select("prompts", week_number=space["current_week"])) == 10:
            return
        self.club.ask()
        if space["current_week"] not in self.weeks_paid:
            self.weeks_paid.add(space["current_week"])
            self.tokens[curator] += 100
        self.add_new_badges(curator)

    def open_prompts(self) -> list[Row]:
        return self.people[0].select("prompts", week_number=self.club.row()["current_week"], is_published=True)

    @precondition(lambda self: self.open_prompts())
    @rule(number=PEOPLE, pick=st.integers(min_value=0, max_value=9))
    def respond_or_take_it_back(self, number: int, pick: int) -> None:
        person, prompts = self.people[number], self.open_prompts()
        prompt = prompts[pick % len(prompts)]
        mine = person.select("responses", prompt_id=prompt["id"], user_id=person.id)
        if mine:
            person.delete("responses", mine[0]["id"])
            return
        self.club.respond(prompt, [person])
        if (number, prompt["id"]) not in self.responded:
            self.responded.add((number, prompt["id"]))
            self.tokens[number] += 50
        self.add_new_badges(number)

    @rule()
    def close_the_week(self) -> None:
        hurry(self.actors)
        self.club.publish_week()
        for number in range(4):
            self.add_new_badges(number)

    @rule(number=PEOPLE)
    def look_for_badges(self, number: int) -> None:
        self.people[number].rows("check_badges")
        self.add_new_badges(number)

    @invariant()
    def the_ledger_adds_up(self) -> None:
        check_ledger(self.actors)
        assert {n: balance(self.actors, person) for n, person in enumerate(self.people)} == {
            n: self.tokens[n] for n in range(4)
        }


def test_the_ledger_adds_up_whatever_happens(dsn: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Economy, "dsn", dsn, raising=False)
    run_state_machine_as_test(Economy, settings=settings(max_examples=6, stateful_step_count=20, deadline=None))


@pytest.mark.long
def test_the_ledger_adds_up_after_many_steps(dsn: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Economy, "dsn", dsn, raising=False)
    run_state_machine_as_test(Economy, settings=settings(max_examples=30, stateful_step_count=60, deadline=None))
