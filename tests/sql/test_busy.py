"""Who holds a space, somebody else or an item does not wait for long: the statement ends with nothing done."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest

from tests.sql.test_leaving import email_of, sign_in
from tests.support.actors import Actor, Actors
from tests.support.stories import found_club, grant_tokens

LONGEST_WAIT = (
    "create or replace function private.longest_wait() returns interval language sql immutable"
    " set search_path = '' as $$ select interval '{}' $$"
)


class Crowd:
    """Two sessions: one keeps a row busy, the other runs into it."""

    def __init__(self, first: Actors, second: Actors) -> None:
        self.first = first
        self.second = second
        self.leave()

    def leave(self) -> None:
        """Commit what there is, and let go."""
        self.first.connection.commit()
        self.second.connection.rollback()

    def keep(self, table: str, row_id: Any) -> None:
        self.first.run(f"select from public.{table} where id = %s for no key update", row_id)

    def outcome(self, person: Actor, statement: str, *values: Any) -> str:
        """Busy (55P03) where the statement waits briefly, stopped (57014) where it waits for as long as it may."""
        self.second.run("set local statement_timeout = '300ms'")
        with pytest.raises((psycopg.errors.LockNotAvailable, psycopg.errors.QueryCanceled)) as caught:
            self.second.known(person.id).run(statement, *values)
        self.second.connection.rollback()
        return {"55P03": "busy", "57014": "stopped"}[str(caught.value.sqlstate)]


@pytest.fixture
def crowd(committed: Callable[[], Actors]) -> Iterator[Crowd]:
    first = committed()
    first.run(LONGEST_WAIT.format("10 milliseconds"))
    yield Crowd(first, committed())


def test_who_holds_a_space_waits_for_no_other(crowd: Crowd) -> None:
    club, park = found_club(crowd.first, "Boris"), found_club(crowd.first, leader="Femi", is_public=True)
    crowd.first.run(LONGEST_WAIT.format("1 hour"))
    boris = club.members[0]
    boris.insert("memberships", space_id=park.id)
    prompts = [space.ask()[0]["id"] for space in (club, park)]
    crowd.leave()
    responses = "insert into public.responses (prompt_id, content) select unnest(%s::uuid[]), 'Dune'"
    crowd.first.run("update public.spaces set name = 'Busy' where id = %s", park.id)
    assert crowd.outcome(boris, responses, prompts) == "busy"
    assert crowd.outcome(boris, responses, prompts[::-1]) == "stopped"
    assert crowd.outcome(boris, responses, prompts[1:]) == "stopped"
    crowd.leave()
    crowd.second.known(boris.id).run(responses, prompts)


def test_who_holds_a_space_waits_briefly_for_themselves(crowd: Crowd) -> None:
    club = found_club(crowd.first, "Boris")
    boris = club.members[0]
    asked, other = (prompt["id"] for prompt in club.ask("One?", "Two?"))
    boris.insert("responses", prompt_id=asked, content="Dune")
    crowd.leave()
    crowd.keep("users", boris.id)
    assert crowd.outcome(boris, "insert into public.responses (prompt_id) values (%s)", other) == "busy"
    publish = "update public.responses set is_published = true where prompt_id = %s"
    assert crowd.outcome(boris, publish, asked) == "busy"


def test_who_holds_somebody_else_waits_briefly_for_the_next(crowd: Crowd) -> None:
    people = sorted((crowd.first.person(name) for name in ("Ada", "Boris", "Chloe")), key=lambda person: person.id)
    for person in people:
        grant_tokens(crowd.first, person, 10)
    crowd.leave()
    crowd.keep("users", people[1].id)
    give = "insert into public.token_gifts (recipient_id, amount, idempotency_key) select unnest(%s::uuid[]), 1, 'k'"
    assert crowd.outcome(people[2], give + " || clock_timestamp()", [people[0].id, people[1].id]) == "busy"
    # Nobody but themselves is held meanwhile.
    assert crowd.outcome(people[0], give, [people[1].id]) == "stopped"


def test_who_deletes_a_space_waits_briefly_for_its_people(crowd: Crowd) -> None:
    club = found_club(crowd.first, "Boris", "Chloe")
    club.ask()  # Everybody is told, and so held.
    people = sorted(member.id for member in club.members)
    crowd.leave()
    crowd.keep("users", people[1])
    assert crowd.outcome(club.leader, "delete from public.spaces where id = %s", club.id) == "busy"


def test_who_deletes_their_account_waits_briefly_for_their_spaces_and_people(crowd: Crowd) -> None:
    club, park = found_club(crowd.first, "Boris"), found_club(crowd.first, leader="Femi", is_public=True)
    boris = club.members[0]
    boris.insert("memberships", space_id=park.id)
    grant_tokens(crowd.first, boris, 10)
    boris.insert("token_gifts", recipient_id=park.leader.id, amount=1, idempotency_key="k")
    email = email_of(crowd.first, boris)
    crowd.leave()
    acting = sign_in(crowd.second, boris)
    acting.actors.connection.commit()
    crowd.leave()
    last = {"spaces": max(club.id, park.id), "users": max(boris.id, park.leader.id)}
    for table, row_id in last.items():
        crowd.keep(table, row_id)
        crowd.second.run("set local statement_timeout = '300ms'")
        with pytest.raises(psycopg.errors.LockNotAvailable):
            acting.run("select public.delete_account(%s)", email)
        crowd.leave()


def test_a_deletion_waits_briefly_whatever_it_waits_for(crowd: Crowd) -> None:
    """Nobody else deletes their account meanwhile."""
    boris, femi = crowd.first.person("Boris"), crowd.first.person("Femi")
    email = email_of(crowd.first, boris)
    crowd.first.run(
        "insert into private.mails (id, user_id, kind, dedupe_key, payload, state)"
        " values (gen_random_uuid(), %s, 'BADGE_EARNED', 'k', '{}', 'FAILED')",
        boris.id,
    )
    crowd.leave()
    acting = sign_in(crowd.second, boris)
    acting.actors.connection.commit()
    crowd.leave()

    def delete() -> float:
        """Return for how long it waits for what is kept, in seconds."""
        crowd.second.run("set local statement_timeout = '5s'")
        begin = time.monotonic()
        with pytest.raises(psycopg.errors.LockNotAvailable):
            acting.run("select public.delete_account(%s)", email)
        waited = time.monotonic() - begin
        crowd.leave()
        return waited

    lock = "select pg_advisory_xact_lock(hashtextextended(%s, 0))"
    for name in ("delete an account", f"account:{boris.id}", f"gifts:{boris.id}"):
        crowd.first.run(lock, name)
        assert delete() < 1
    crowd.first.run("select from auth.users where id = %s for update", boris.id)
    assert delete() < 1
    crowd.first.run("select from private.mails where user_id = %s for update", boris.id)
    assert delete() < 1
    # All together, not each: one lock is let go after most of the time, and the next one is kept.
    crowd.first.run(LONGEST_WAIT.format("1 second"))
    crowd.leave()
    crowd.first.run(lock, f"gifts:{boris.id}")
    third = psycopg.connect(crowd.first.connection.info.dsn, password=crowd.first.connection.info.password)
    with third:
        third.execute("select pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"account:{boris.id}"])
        threading.Timer(0.7, third.rollback).start()
        assert 0.9 < delete() < 1.5
    assert acting.run("select id from public.users where id = %s", boris.id) == [{"id": boris.id}]
    crowd.leave()
    email = email_of(crowd.first, femi)
    crowd.leave()
    other = sign_in(crowd.second, femi)
    other.run("select public.delete_account(%s)", email)


def test_who_may_not_enter_a_space_waits_for_nobody(crowd: Crowd) -> None:
    club, femi = found_club(crowd.first, "Boris"), crowd.first.person("Femi")
    crowd.leave()
    crowd.keep("spaces", club.id)
    crowd.keep("users", femi.id)
    crowd.second.run("set local statement_timeout = '300ms'")
    with pytest.raises(psycopg.DatabaseError) as caught:
        crowd.second.known(femi.id).run("insert into public.memberships (space_id) values (%s)", club.id)
    assert caught.value.sqlstate == "MG109"


def test_who_holds_an_item_waits_briefly_for_the_next(crowd: Crowd) -> None:
    ada, service = crowd.first.person("Ada"), crowd.first.service()
    grant_tokens(crowd.first, ada, 100)
    items = [
        service.insert("store_items", code=code, name=code, kind="THEME", price=1)["id"] for code in ("free", "busy")
    ]
    crowd.leave()
    crowd.keep("store_items", items[1])
    buy = "insert into public.purchases (item_id) select unnest(%s::uuid[])"
    assert crowd.outcome(ada, buy, items) == "busy"
    assert crowd.outcome(ada, buy, items[1:]) == "stopped"


def test_a_newsletter_waits_for_those_it_is_about(crowd: Crowd) -> None:
    club = found_club(crowd.first, "Boris")
    (prompt,) = club.ask()
    (response,) = club.respond(prompt, club.members)
    club.leader.rows("select_responses", space_id=club.id, response_ids=[response["id"]])
    newsletter = club.leader.call("generate_newsletter", space_id=club.id)
    crowd.leave()
    crowd.keep("users", club.members[0].id)
    assert crowd.outcome(club.leader, "select public.publish_newsletter(%s)", newsletter["id"]) == "stopped"


def test_who_publishes_a_prompt_does_not_wait_for_who_wrote_it(crowd: Crowd) -> None:
    club = found_club(crowd.first, "Boris", "Chloe")
    boris, chloe = club.members
    club.leader.call("assign_curator", space_id=club.id, user_id=boris.id)
    boris.insert("prompts", space_id=club.id, question="From Boris?")
    club.leader.call("assign_curator", space_id=club.id, user_id=chloe.id)
    crowd.leave()
    crowd.keep("users", boris.id)
    crowd.second.run("set local statement_timeout = '2s'")
    (row,) = crowd.second.known(chloe.id).rows("publish_prompts", space_id=club.id)
    assert row["is_published"]
    crowd.leave()


def test_the_projects_own_limit_holds_where_it_is_shorter(actors: Actors) -> None:
    club = found_club(actors, "Boris")
    rename = f"update public.spaces set name = 'Renamed' where id = '{club.id}'"
    said = "select current_setting('lock_timeout') as said"
    club.leader.run(rename)
    assert club.leader.run(said) != [{"said": "0"}]
    actors.run("select set_config('monogram.holding_since', '', true)")
    actors.run("set local lock_timeout = '3ms'")
    club.leader.run(rename)
    assert club.leader.run(said) == [{"said": "3ms"}]


def test_what_was_waited_since_the_first_lock_counts(actors: Actors) -> None:
    """Also what is waited for behind it, for oneself; who holds nothing but themselves has all the time."""
    boris = actors.person("Boris")
    actors.run(
        "create function public.by_right(command text) returns text language plpgsql security definer as"
        " 'begin execute command; return current_setting(''lock_timeout''); end'"
    )
    actors.run("grant execute on function public.by_right to authenticated")
    for command in (
        f"select private.hold_account('{boris.id}')",
        f"select private.lock_people(array['{boris.id}']::uuid[])",
    ):
        for since, said in (("2020-01-01", "1ms"), ("", "0")):
            actors.run(
                "select set_config('monogram.holding_since', %s, true), set_config('lock_timeout', '0', true)", since
            )
            assert boris.run("select public.by_right(%s) as said", command) == [{"said": said}], command
