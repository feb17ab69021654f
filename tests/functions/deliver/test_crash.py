"""No email is lost or sent twice, whichever process crashes at whatever moment. The simulation is in `crash.ts`."""

from __future__ import annotations

import random
import uuid
from collections.abc import Callable
from typing import Any

import pytest

from tests.functions.deliver.conftest import run_program
from tests.support.actors import Actors
from tests.support.counts import count
from tests.support.long import long
from tests.support.stories import found_club

PEOPLE = 5
SECONDS = 45


@pytest.fixture
def newsletter(committed: Callable[[], Actors], monkeypatch: pytest.MonkeyPatch) -> None:
    """A published and rendered newsletter, with members of whom one has an address that does not work."""
    chance = random.Random(1)
    monkeypatch.setattr(uuid, "uuid4", lambda: uuid.UUID(int=chance.getrandbits(128), version=4))
    with committed() as actors:
        club = found_club(actors, *[f"Member {n}" for n in range(PEOPLE - 1)])
        newsletter = club.week()
        bad = club.members[1].id
        actors.run("update auth.users set email = 'bad.' || email where id = %s", bad)
        offer = {"html": "\uffff", "text": "\uffff\n"}
        content = {
            "sender": None,
            "date": "2026-11-23T12:00:00Z",
            "mail": {
                "subject": newsletter["title"],
                "abridged": False,
                "html": "<p>Hello</p>\uffff",
                "text": "Hello\n\uffff",
                "offers": {"space": offer, "all": offer},
            },
        }
        actors.service().rows("save_newsletter_mail", newsletter_id=newsletter["id"], content=content)


def check(result: dict[str, Any]) -> None:
    runs = result["runs"]
    count("runs of crashing senders", runs)
    assert result["failures"] == []
    assert result["mails"] == runs * (PEOPLE + 3)
    # Much went wrong on the way.
    assert result["deaths"] > runs and result["uncertain"] > runs


@pytest.mark.usefixtures("newsletter")
@pytest.mark.parametrize("provider", [*long("resend"), "smtp"])
def test_no_email_is_lost_or_doubled(fresh_dsn: str, provider: str) -> None:
    result = run_program("crash.ts", fresh_dsn, provider, 1, 20)
    check(result)
    assert result["runs"] == 20


@pytest.mark.long
@pytest.mark.usefixtures("newsletter")
def test_the_same_seed_makes_the_same_run(fresh_dsn: str) -> None:
    once, again = (run_program("crash.ts", fresh_dsn, "resend", 500, 4) for _ in range(2))
    assert once == again


@pytest.mark.long
@pytest.mark.usefixtures("newsletter")
@pytest.mark.parametrize("part", range(10))
@pytest.mark.parametrize("provider", ["resend", "smtp"])
def test_no_email_is_lost_or_doubled_with_many_seeds(fresh_dsn: str, provider: str, part: int) -> None:
    check(run_program("crash.ts", fresh_dsn, provider, 1000 + 500 * part, 500, SECONDS, timeout=600))
