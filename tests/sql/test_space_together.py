"""One space under load: what its people do at the same moment neither deadlocks nor leaves a hole in the feed."""

from __future__ import annotations

import random
from collections.abc import Callable
from uuid import UUID

import psycopg
import pytest

from tests.support.actors import Actors, Row
from tests.support.ledger import check_ledger
from tests.support.stories import Club, found_club
from tests.support.together import Task, tally, together


@pytest.fixture
def club(fresh_dsn: str) -> Club:
    """A committed space of five with four open prompts; Ada leads and is the curator."""
    with psycopg.connect(fresh_dsn) as connection, Actors(connection, commit=True) as actors:
        club = found_club(actors, "Boris", "Chloe", "Dmitri", "Eleni")
        club.ask("One?", "Two?", "Three?", "Four?")
        return club


def events(actors: Actors, space_id: UUID) -> list[Row]:
    return actors.run("select seq, kind from public.space_events where space_id = %s order by seq", space_id)


def check_feed(dsn: str, space_id: UUID) -> None:
    with psycopg.connect(dsn) as connection, Actors(connection) as actors:
        numbers = [row["seq"] for row in events(actors, space_id)]
        assert numbers == list(range(1, len(numbers) + 1))
        sent = actors.run(
            "select (payload ->> 'seq')::bigint as seq from realtime.messages where topic = %s order by 1",
            f"space:{space_id}",
        )
        assert [row["seq"] for row in sent] == numbers
        check_ledger(actors)


@pytest.mark.long
def test_writing_reordering_selecting_and_reading_at_once(fresh_dsn: str, club: Club) -> None:
    with psycopg.connect(fresh_dsn) as connection, Actors(connection) as actors:
        prompts = [row["id"] for row in actors.run("select id from public.prompts where space_id = %s", club.id)]

    def write(user_id: UUID) -> Task:
        def task(actors: Actors) -> object:
            person = actors.known(user_id)
            prompt = random.choice(prompts)
            mine = person.select("responses", prompt_id=prompt, user_id=user_id)
            if not mine:
                person.insert("responses", prompt_id=prompt, content="First", is_published=True)
            elif random.random() < 0.5:
                person.update("responses", mine[0]["id"], content=f"Edited {random.random()}")
            else:
                person.delete("responses", mine[0]["id"])
            return None

        return task

    def reorder(actors: Actors) -> object:
        return actors.known(club.leader.id).rows(
            "reorder_prompts", space_id=club.id, prompt_ids=random.sample(prompts, len(prompts))
        )

    def select(actors: Actors) -> object:
        ada = actors.known(club.leader.id)
        published = ada.select("responses", space_id=club.id, is_published=True)
        chosen = [row["id"] for row in published if random.random() < 0.7]
        return ada.rows("select_responses", space_id=club.id, week_number=1, response_ids=chosen)

    def generate(actors: Actors) -> object:
        ada = actors.known(club.leader.id)
        ada.call("generate_newsletter", space_id=club.id)
        return ada.run("update public.newsletters set intro = 'x' where space_id = %s", club.id)

    writers = [write(person.id) for person in club.members]
    outcomes = together(fresh_dsn, [*writers, *writers, reorder, reorder, select, select, generate], rounds=25)
    # What is gone when it is selected, twice written by one person, or not selected at all, is refused in words.
    assert set(tally(outcomes)) <= {"done", "MG304", "MG305", "MG307", "MG403"}, tally(outcomes)
    check_feed(fresh_dsn, club.id)
    with psycopg.connect(fresh_dsn) as connection, Actors(connection) as actors:
        assert (
            actors.run(
                """
            select memberships.user_id from public.memberships
            where total_submissions <> (
              select count(*) from public.responses
              where responses.space_id = memberships.space_id and responses.user_id = memberships.user_id
                and is_published
            )
            """
            )
            == []
        )


def test_publishing_twice_at_once_closes_one_week(fresh_dsn: str, club: Club) -> None:
    with psycopg.connect(fresh_dsn) as connection, Actors(connection, commit=True) as actors:
        newsletter = actors.known(club.leader.id).call("generate_newsletter", space_id=club.id)

    def publish(actors: Actors) -> object:
        return actors.known(club.leader.id).call("publish_newsletter", newsletter_id=newsletter["id"])["published_at"]

    outcomes = together(fresh_dsn, [publish] * 8)
    assert tally(outcomes) == {"done": 8}
    assert len(set(outcomes)) == 1
    with psycopg.connect(fresh_dsn) as connection, Actors(connection) as actors:
        assert actors.one("select current_week from public.spaces where id = %s", club.id) == 2
        assert [row["kind"] for row in events(actors, club.id)].count("week.advanced") == 1
        assert actors.one("select count(*) from private.mails where newsletter_id = %s", newsletter["id"]) == 5
    check_feed(fresh_dsn, club.id)


def test_no_response_slips_into_a_closed_week(fresh_dsn: str, club: Club) -> None:
    with psycopg.connect(fresh_dsn) as connection, Actors(connection, commit=True) as actors:
        ada = actors.known(club.leader.id)
        newsletter = ada.call("generate_newsletter", space_id=club.id)
        (prompt, *_) = ada.select("prompts", space_id=club.id)

    def publish(actors: Actors) -> object:
        actors.known(club.leader.id).call("publish_newsletter", newsletter_id=newsletter["id"])
        return "published"

    def respond(user_id: UUID) -> Task:
        def task(actors: Actors) -> object:
            actors.known(user_id).insert("responses", prompt_id=prompt["id"], content="In time?", is_published=True)
            return "answered"

        return task

    outcomes = together(fresh_dsn, [publish, *(respond(person.id) for person in club.members)])
    # A first response makes the leader select first.
    assert set(tally(outcomes)) <= {"done", "MG202", "MG403"}
    with psycopg.connect(fresh_dsn) as connection, Actors(connection) as actors:
        kinds = [row["kind"] for row in events(actors, club.id)]
        assert kinds.count("response.published") == outcomes.count("answered")
        assert kinds.count("week.advanced") == outcomes.count("published")
        assert (outcomes.count("published"), outcomes.count("answered")) in [(1, 0), (0, 4)]
    check_feed(fresh_dsn, club.id)


@pytest.mark.long
def test_writers_that_give_up_leave_no_hole(fresh_dsn: str, club: Club) -> None:
    def join_or_not(actors: Actors) -> object:
        person = actors.person("Somebody")
        code = actors.known(club.leader.id).call("create_invite", space_id=club.id)["code"]
        person.call("join_space", invite_code=code)
        if random.random() < 0.5:
            actors.run("select 1 / 0")
        return None

    outcomes = together(fresh_dsn, [join_or_not] * 8, rounds=10)
    assert set(tally(outcomes)) == {"done", "22012"}
    check_feed(fresh_dsn, club.id)


def test_joining_twice_at_once_is_refused_in_words(fresh_dsn: str, club: Club) -> None:
    with psycopg.connect(fresh_dsn) as connection, Actors(connection, commit=True) as actors:
        newcomer = actors.person("Femi").id
        code = actors.known(club.leader.id).call("create_invite", space_id=club.id)["code"]

    def join(actors: Actors) -> object:
        return actors.known(newcomer).call("join_space", invite_code=code)

    assert tally(together(fresh_dsn, [join] * 8)) == {"done": 1, "MG106": 7}


def test_one_command_sent_eight_times_at_once_makes_one_invite(fresh_dsn: str, club: Club) -> None:
    codes: list[str] = []

    def make(actors: Actors) -> object:
        ada = actors.known(club.leader.id)
        codes.append(ada.call("create_invite", space_id=club.id, max_uses=1, idempotency_key="monday")["code"])
        return None

    assert tally(together(fresh_dsn, [make] * 8)) == {"done": 8}
    assert len(codes) == 8 and len(set(codes)) == 1


def test_an_invite_for_three_lets_three_in(fresh_dsn: str, club: Club) -> None:
    with psycopg.connect(fresh_dsn) as connection, Actors(connection, commit=True) as actors:
        newcomers = [actors.person(f"Newcomer {number}").id for number in range(12)]
        code = actors.known(club.leader.id).call("create_invite", space_id=club.id, max_uses=3)["code"]

    def join(user_id: UUID) -> Task:
        return lambda actors: actors.known(user_id).call("join_space", invite_code=code)

    assert tally(together(fresh_dsn, [join(user_id) for user_id in newcomers])) == {"done": 3, "MG105": 9}
    with psycopg.connect(fresh_dsn) as connection, Actors(connection) as actors:
        assert actors.one("select count(*) from public.memberships where space_id = %s", club.id) == 8
    check_feed(fresh_dsn, club.id)


def test_the_same_response_twice_at_once_is_refused_as_mg304(fresh_dsn: str, club: Club) -> None:
    with psycopg.connect(fresh_dsn) as connection, Actors(connection) as actors:
        prompt = actors.one("select id from public.prompts where space_id = %s limit 1", club.id)
    boris = club.members[0].id

    def respond(actors: Actors) -> object:
        return actors.known(boris).insert("responses", prompt_id=prompt, content="Twice", is_published=True)

    assert tally(together(fresh_dsn, [respond] * 6)) == {"done": 1, "MG304": 5}


def test_curators_and_exits(fresh_dsn: str, club: Club) -> None:
    """People leave and come back, curators change, streaks are counted."""
    with psycopg.connect(fresh_dsn) as connection, Actors(connection, commit=True) as actors:
        code = actors.known(club.leader.id).call("create_invite", space_id=club.id)["code"]

    def come_and_go(user_id: UUID) -> Task:
        def task(actors: Actors) -> object:
            person = actors.known(user_id)
            if person.select("memberships", user_id=user_id):
                person.run("select public.leave_space(%s)", club.id)
            else:
                person.call("join_space", invite_code=code)
            return None

        return task

    def assign(actors: Actors) -> object:
        ada = actors.known(club.leader.id)
        members = ada.select("memberships", space_id=club.id)
        return ada.call("assign_curator", space_id=club.id, user_id=random.choice(members)["user_id"])

    def count(actors: Actors) -> object:
        return actors.run("select private.refresh_streaks()")

    outcomes = together(fresh_dsn, [*(come_and_go(person.id) for person in club.members), assign, count], rounds=25)
    assert set(tally(outcomes)) <= {"done", "MG102", "MG106"}, tally(outcomes)
    with psycopg.connect(fresh_dsn) as connection, Actors(connection) as actors:
        (holder,) = actors.run(
            """
            select spaces.current_curator_id, memberships.role, curator_rotations.curator_id
            from public.spaces
            join public.memberships
              on memberships.space_id = spaces.id and memberships.user_id = spaces.current_curator_id
            join public.curator_rotations on curator_rotations.space_id = spaces.id and week_number = current_week
            where spaces.id = %s
            """,
            club.id,
        )
        assert holder["current_curator_id"] == holder["curator_id"]
        assert holder["role"] in ("CURATOR", "ADMIN")
        assert actors.one(
            "select count(*) from public.memberships where space_id = %s and role = 'CURATOR'", club.id
        ) == (holder["role"] == "CURATOR")
    check_feed(fresh_dsn, club.id)


def test_who_has_no_right_does_not_wait(committed: Callable[[], Actors]) -> None:
    """A stranger is refused at once while somebody has the space; who has the right waits for it."""
    first, second = committed(), committed()
    club = found_club(first, "Boris")
    stranger = first.person("Olga")
    first.connection.commit()
    club.leader.update("spaces", club.id, name="Renamed")
    second.connection.execute("set lock_timeout = '200ms'")
    olga = second.known(stranger.id)
    for function, code in (("publish_prompts", "42501"), ("generate_newsletter", "42501"), ("create_invite", "MG101")):
        with olga.refused(code):
            olga.rows(function, space_id=club.id)
    boris = second.known(club.members[0].id)
    with boris.refused("55P03"):
        boris.run("select public.leave_space(%s)", club.id)
