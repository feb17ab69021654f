"""Whatever comes and goes: between two of somebody's, each other person is served twice at most."""

from __future__ import annotations

import random
import uuid
from collections import Counter, defaultdict

import pytest
from psycopg.types.json import Jsonb

from tests.support.actors import Actors
from tests.support.jobs import OTHERS, respond
from tests.support.long import long
from tests.support.stories import Club, found_club


@pytest.fixture
def club(actors: Actors) -> Club:
    """Ada and Boris, a question, and nothing to do."""
    club = found_club(actors, "Boris")
    club.ask("What did you see?")
    actors.run("delete from private.outbox")
    return club


class Queue:
    """Work of several people as it might come, with one worker.

    `plain` people have work that is due and succeeds. Of the others' some is held, fails, comes later, or is lost with
    its worker.
    """

    def __init__(self, actors: Actors, seed: int, people: list[uuid.UUID]) -> None:
        self.actors = actors
        self.random = random.Random(seed)
        self.plain, self.tricky = people[:3], people[3:]
        self.clock = 0
        self.owners: dict[str, uuid.UUID] = {}
        self.waiting: defaultdict[uuid.UUID, set[str]] = defaultdict(set)
        self.served: list[tuple[uuid.UUID, int]] = []
        # Whether each person has been served at the present turn, and who was served since, or since they came.
        self.since: dict[uuid.UUID, tuple[bool, Counter[uuid.UUID]]] = {}

    def enqueue(self, key: str, owner: uuid.UUID, at: str) -> None:
        raise NotImplementedError

    def hold(self) -> None:
        """Begin or end to hold some of what waits."""
        raise NotImplementedError

    def claim(self) -> None:
        """Claim something, and let it have the fate that its owner's has."""
        raise NotImplementedError

    def forget(self) -> None:
        """Forget what no turn depends on."""

    def at(self, later: int = 0) -> str:
        return f"{self.clock + later} seconds"

    def come(self, key: str, owner: uuid.UUID) -> None:
        self.owners[key] = owner
        if not self.waiting[owner]:
            was_served = bool(self.served) and (owner, self.served[-1][1]) in self.served
            self.since[owner] = (was_served, Counter())
        self.waiting[owner].add(key)

    def fate(self, owner: uuid.UUID) -> float:
        return self.random.random() if owner in self.tricky else 1

    def serve(self, owner: uuid.UUID, turn: int) -> None:
        assert all(turn > former for who, former in self.served if who == owner)
        assert not self.served or turn >= self.served[-1][1]
        self.served.append((owner, turn))
        for person, (had, others) in self.since.items():
            if person != owner and self.waiting[person]:
                others[owner] += 1
                if person in self.plain:
                    assert others[owner] <= (2 if had else 1), f"{owner} was served {others} before {person}"
        self.since[owner] = (True, Counter())

    def go_on(self) -> None:
        act = self.random.random()
        if act < 0.35:
            owner = self.random.choice(self.tricky if act < 0.25 else self.plain)
            later = self.random.choice([0, 0, 60]) if owner in self.tricky else 0
            key = f"work-{len(self.owners)}"
            self.enqueue(key, owner, self.at(later))
            self.come(key, owner)
        elif act < 0.39:
            self.hold()
        elif act < 0.42:
            self.forget()
        elif act < 0.6:
            self.clock += self.random.choice([1, 10, 90])
        else:
            self.claim()


class Jobs(Queue):
    """Jobs; those of the tricky may share a turn, as those of requests at one moment do."""

    steps = 400

    def __init__(self, actors: Actors, seed: int, club: Club) -> None:
        super().__init__(actors, seed, [uuid.uuid4() for _ in range(7)])
        club.ask("What did you see?")
        respond(club, club.leader)
        self.newsletter = club.publish_week()["id"]
        actors.run("update private.outbox set state = 'DONE', finished_at = now() where kind <> 'picture.derive'")
        actors.run("update private.outbox set owner_id = null, turn = 0")

    def enqueue(self, key: str, owner: uuid.UUID, at: str) -> None:
        is_tricky = owner in self.tricky
        kind = "newsletter.pdf" if is_tricky and self.random.random() < 0.4 else "storage.remove"
        self.actors.run(
            "select private.enqueue(%s, %s, jsonb_build_object('newsletter_id', %s::text), now() + %s::interval, %s)",
            kind, key, self.newsletter if kind == "newsletter.pdf" else "", at, owner,
        )  # fmt: skip
        if is_tricky and self.random.random() < 0.3:
            self.actors.run(
                "update private.outbox set turn = turn - 1"
                " where key = %s and turn > (select max(turn) from private.lines)",
                key,
            )

    def hold(self) -> None:
        """Begin or end to wait for the newsletter's picture."""
        self.actors.run(
            "update private.outbox set state = case state when 'READY' then 'DONE' else 'READY' end"
            " where kind = 'picture.derive'"
        )

    def forget(self) -> None:
        self.actors.run("select private.forget_owners()")

    def claim(self) -> None:
        jobs = self.actors.run(
            "select id, key, turn from private.claim_jobs('worker', 1, '1 minute', now() + %s::interval, %s)",
            self.at(), list(OTHERS),
        )  # fmt: skip
        for job in jobs:
            owner = self.owners[job["key"]]
            self.serve(owner, job["turn"])
            fate = self.fate(owner)
            if fate < 0.2:
                self.actors.run(
                    "select private.fail_job(%s, 'worker', 'no', now() + %s::interval, 100)", job["id"], self.at()
                )
            elif fate > 0.3:
                self.actors.run("select finish_job(%s, 'worker', now() + %s::interval)", job["id"], self.at())
                self.waiting[owner].discard(job["key"])


class Emails(Queue):
    """Emails of spaces, of which one publishes a newsletter to everybody; some readers' domain refuses us at times."""

    steps = 250

    def __init__(self, actors: Actors, seed: int, club: Club) -> None:
        self.spaces = {person.id: person.insert("spaces", name="Mine")["id"] for person in (*club.members, club.leader)}
        super().__init__(actors, seed, list(self.spaces))
        actors.run("update auth.users set email = id || '@mail.evil.test' where id = any (%s)", self.tricky[:2])
        actors.run("insert into private.mail_providers (name, paused_until) values ('smtp', now())")
        self.lost: set[uuid.UUID] = set()
        self.club = club
        self.newsletter = club.week()["id"]
        actors.run("delete from private.mails where newsletter_id is null")
        for email in actors.run("update private.mails set dedupe_key = id returning dedupe_key"):
            self.come(email["dedupe_key"], club.leader.id)

    def enqueue(self, key: str, owner: uuid.UUID, at: str) -> None:
        self.actors.run(
            "select private.queue_mails(%s, 'PROMPTS_PUBLISHED', %s, null, '{\"week_number\": 1}', %s)",
            [owner], self.spaces[owner], key,
        )  # fmt: skip
        self.actors.run("update private.mails set run_at = now() + %s::interval where dedupe_key = %s", at, key)

    def hold(self) -> None:
        """Begin or end to wait for the newsletter's rendering, or for a domain; or let somebody else lead its space."""
        if self.random.random() < 0.3:
            self.actors.run(
                "update public.spaces set leader_id = %s where id = %s",
                self.random.choice([*self.tricky, *self.plain]), self.club.id,
            )  # fmt: skip
            return
        taken_back, done = self.random.choice(
            [
                (
                    "delete from private.newsletter_mails returning 1",
                    "insert into private.newsletter_mails (newsletter_id, content)"
                    f" values ('{self.newsletter}', '{{}}')",
                ),
                (
                    "delete from private.mail_refusals returning 1",
                    "insert into private.mail_refusals (provider, domain, is_counted, refused_at)"
                    " values ('smtp', 'evil.test', false, now())",
                ),
            ]
        )
        if not self.actors.run(taken_back):
            self.actors.run(done)

    def claim(self) -> None:
        at = self.at()
        was_refusing = self.actors.one("select count(*) from private.mail_refusals")
        batch = self.actors.one("select private.claim_mails('worker', 'smtp', 1, '1 minute', now() + %s::interval)", at)
        if batch is None:
            return
        (email,) = self.actors.run("select id, user_id, dedupe_key from private.mails where batch_id = %s", batch)
        owner = self.owners[email["dedupe_key"]]
        if batch in self.lost:
            pass
        elif was_refusing and email["user_id"] in self.tricky[:2]:
            assert not any(self.waiting[person] for person in self.plain)
        else:
            self.serve(owner, self.actors.one("select turn from private.lines where name = 'mails'"))
        fate = self.fate(owner)
        if fate < 0.1:
            self.lost.add(batch)
            return
        results = []
        if fate > 0.2:
            self.actors.run(
                "select private.begin_mails('worker', %s, jsonb_build_object(%s::text, null), '1 minute',"
                " now() + %s::interval)",
                batch, email["id"], at,
            )  # fmt: skip
            results = [{"id": str(email["id"]), "outcome": "RETRY" if fate < 0.35 else "SENT", "uncounted": True}]
            if fate >= 0.35:
                self.waiting[owner].discard(email["dedupe_key"])
        self.actors.run(
            "select private.settle_mails('worker', %s, %s, '0', true, now() + %s::interval, 100)",
            batch, Jsonb(results), at,
        )  # fmt: skip


@pytest.mark.parametrize("seed", [0, *long(1, 2)])
@pytest.mark.parametrize("work", [Jobs, Emails])
def test_nobody_is_served_more_than_twice_between_two_of_somebodys(
    actors: Actors, work: type[Jobs] | type[Emails], seed: int
) -> None:
    club = found_club(actors, *"BCDEFG")
    queue = work(actors, seed, club)
    for _ in range(work.steps):
        queue.go_on()
    assert {who for who, _ in queue.served} == {*queue.plain, *queue.tricky}
