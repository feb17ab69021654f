"""Spaces in the states that tests begin with."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from tests.support.actors import Actor, Actors, Row


@dataclass(frozen=True)
class Club:
    """A space with a leader, who is the curator at first, and members who joined in this order."""

    actors: Actors
    id: Any
    leader: Actor
    members: tuple[Actor, ...]

    @property
    def everybody(self) -> tuple[Actor, ...]:
        return (self.leader, *self.members)

    def row(self) -> Row:
        (row,) = self.actors.run("select * from public.spaces where id = %s", self.id)
        return row

    @property
    def curator(self) -> Actor:
        """The curator of the open week."""
        curator_id = self.row()["current_curator_id"]
        return next(person for person in self.everybody if person.id == curator_id)

    def ask(self, *questions: str) -> list[Row]:
        """Let the curator write and publish prompts of the open week."""
        curator = self.curator
        for question in questions or ("What did you read?",):
            curator.insert("prompts", space_id=self.id, question=question)
        return curator.rows("publish_prompts", space_id=self.id)

    def respond(self, prompt: Row, people: Iterable[Actor] | None = None) -> list[Row]:
        """Let people, or everybody, publish a response to a prompt."""
        return [
            person.insert("responses", prompt_id=prompt["id"], content=f"{person.name} responds", is_published=True)
            for person in (self.everybody if people is None else people)
        ]

    def publish_week(self) -> Row:
        """Let the leader select everything, generate the newsletter and publish it: the next week begins."""
        week = self.row()["current_week"]
        published = self.leader.select("responses", space_id=self.id, week_number=week, is_published=True)
        self.leader.rows(
            "select_responses", space_id=self.id, week_number=week, response_ids=[row["id"] for row in published]
        )
        newsletter = self.leader.call("generate_newsletter", space_id=self.id)
        row: Row = self.leader.call("publish_newsletter", newsletter_id=newsletter["id"])
        return row

    def week(self, people: Iterable[Actor] | None = None) -> Row:
        """One whole week: a prompt, responses of these people or everybody, the newsletter."""
        (prompt,) = self.ask()
        self.respond(prompt, people)
        return self.publish_week()

    def join(self, person: Actor) -> Row:
        code = self.leader.call("create_invite", space_id=self.id, max_uses=1)["code"]
        row: Row = person.call("join_space", invite_code=code)
        return row


def found_club(actors: Actors, *members: str, leader: str = "Ada", **values: Any) -> Club:
    """A space led by somebody new, with new members."""
    founder = actors.person(leader)
    space = founder.insert("spaces", **{"name": "Test Book Club", **values})
    people = tuple(actors.person(name) for name in members)
    club = Club(actors, space["id"], founder, people)
    for number, person in enumerate(people, start=1):
        club.join(person)
        # In one transaction everybody joins at the same moment; rotations need an order.
        actors.run(
            "update public.memberships set joined_at = joined_at + make_interval(secs => %s)"
            " where user_id = %s and space_id = %s",
            number,
            person.id,
            club.id,
        )
    return club


def hurry(actors: Actors) -> None:
    """Let a space close more weeks at once than leaders may in a day."""
    actors.run("delete from private.limits where code in ('weeks', 'newsletters')")


def grant_tokens(actors: Actors, person: Actor, amount: int) -> None:
    """Post tokens to somebody's ledger, past all rules of earning."""
    actors.run(
        "select private.post_transaction(%s, 'EARN_STREAK', %s, 'streak', null, 'test:' || gen_random_uuid())",
        person.id,
        amount,
    )


def balance(actors: Actors, person: Actor) -> int:
    value: int = actors.one("select token_balance from public.users where id = %s", person.id)
    return value
