"""A person can only do so much in a while, by one request or by many at once, and is told when to come back."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from monogram_sdk._engine import refusals
from monogram_sdk._engine.reply import Reply
from monogram_sdk._engine.request import Request
from monogram_sdk.errors import LimitReachedError
from tests.support.actors import Actor, Actors
from tests.support.stories import found_club, grant_tokens
from tests.support.together import tally, together

LIMITS = {
    "gifts": 500, "spaces": 50, "invites": 200, "joins": 200, "uploads": 2000,
    "newsletters": 50, "weeks": 4, "pens": 100,
}  # fmt: skip


def bound(actors: Actors, code: str, amount: int) -> None:
    actors.run("update private.limits set amount = %s where code = %s", amount, code)


def test_the_limits_to_begin_with(actors: Actors) -> None:
    rows = actors.run("select code, amount, per = interval '1 day' as is_a_day from private.limits")
    assert {row["code"]: row["amount"] for row in rows if row["is_a_day"]} == LIMITS


def test_150_spaces_in_one_request_are_refused_as_a_whole(actors: Actors) -> None:
    ada = actors.person("Ada")
    found = "insert into public.spaces (name) select 'Space ' || n from generate_series(1, %s) as n"
    with ada.refused("MG002") as caught:
        ada.run(found, 150)
    assert actors.one("select count(*) from public.spaces where leader_id = %s", ada.id) == 0
    assert ada.count(found, 50) == 50
    with ada.refused("MG002"):
        ada.insert("spaces", name="The 51st")
    # The refusal says when to come back, and the SDK as what.
    error = caught.value
    body = {"code": error.sqlstate, "details": error.diag.message_detail, "message": "x", "hint": None}
    reply = Reply(400, {}, str(body).replace("'", '"').replace("None", "null").encode())
    known = refusals.refusal(reply, Request("POST", "/rest/v1/spaces"), signed_in=True)
    assert isinstance(known, LimitReachedError) and known.retry_at is not None
    assert timedelta(hours=23) < known.retry_at - datetime.now(UTC) <= timedelta(days=1, seconds=1)
    assert str(error.diag.message_primary).endswith(f"Come back at {known.retry_at:%Y-%m-%d %H:%M:%S} UTC.")
    assert "50 spaces founded" in str(error.diag.message_hint)
    # Founding a space does not count as joining it, and a secret key is not limited.
    assert actors.one("select count(*) from private.limit_uses where code = 'joins'") == 0
    actors.service().run(
        "insert into public.spaces (name, leader_id) select 'Space', %s from generate_series(1, 60)", ada.id
    )
    # The next day begins anew.
    actors.run("update private.limit_uses set began_at = began_at - interval '1 day'")
    assert ada.insert("spaces", name="Tomorrow")


def steps(actors: Actors) -> dict[str, tuple[Actor, Any, Callable[[], Any]]]:
    """For each limit: who meets it, whose count it is, and one use of it."""
    club = found_club(actors, "Boris")
    ada, boris = club.leader, club.members[0]

    def hand_over() -> None:
        (space,) = ada.select("spaces", id=club.id)
        if space["current_curator_id"] == ada.id:
            ada.call("set_member_role", space_id=club.id, user_id=boris.id, role="CURATOR")
        else:
            ada.call("assign_curator", space_id=club.id, user_id=ada.id)

    grant_tokens(actors, ada, 100)
    open_space = [actors.person("Olga").insert("spaces", name="Open", is_public=True)["id"] for _ in range(4)]
    bucket = (
        f"insert into storage.objects (bucket_id, name, owner_id) values ('avatars', '{ada.id}/' || %s, '{ada.id}')"
    )
    return {
        "gifts": (ada, ada.id, lambda: ada.insert("token_gifts", recipient_id=boris.id, amount=1)),
        "spaces": (ada, ada.id, lambda: ada.insert("spaces", name="Another")),
        "invites": (ada, ada.id, lambda: ada.call("create_invite", space_id=club.id)),
        "joins": (boris, boris.id, lambda: boris.insert("memberships", space_id=open_space.pop())),
        "uploads": (ada, ada.id, lambda: ada.run(bucket, uuid.uuid4().hex)),
        "newsletters": (ada, ada.id, club.publish_week),
        "weeks": (ada, club.id, club.publish_week),
        "pens": (ada, ada.id, hand_over),
    }


@pytest.mark.parametrize("code", LIMITS)
def test_each_limit_holds(actors: Actors, code: str) -> None:
    person, holder_id, act = steps(actors)[code]
    actors.run("delete from private.limit_uses")
    bound(actors, code, 2)
    act()
    act()
    with person.refused("42501" if code == "uploads" else "MG002"):
        act()
    bound(actors, code, 3)
    act()
    uses = actors.run("select code, used from private.limit_uses where holder_id = %s", holder_id)
    assert uses == [{"code": code, "used": 3}], "nothing else was counted, and what was refused neither"


def test_a_space_sends_a_member_so_many_emails_in_a_day(actors: Actors) -> None:
    """Three commands in turn sent a member 36 emails in seven seconds."""
    club = found_club(actors, "Boris", "Chloe")
    ada, (boris, chloe) = club.leader, club.members

    def begin_week() -> None:
        for curator in (boris, ada, boris, ada):
            ada.call("assign_curator", space_id=club.id, user_id=curator.id)
        club.ask()

    for _ in range(4):
        begin_week()
        club.publish_week()
    begin_week()
    with ada.refused("MG002"):
        club.publish_week()
    # Whoever leads it, and with whatever newsletters deleted.
    for newsletter in ada.select("newsletters", space_id=club.id, is_published=True):
        ada.delete("newsletters", newsletter["id"])
    ada.call("transfer_leadership", space_id=club.id, user_id=chloe.id)
    draft = chloe.call("generate_newsletter", space_id=club.id)
    with chloe.refused("MG002"):
        chloe.call("publish_newsletter", newsletter_id=draft["id"])
    sent = actors.run(
        "select kind, count(*) from public.notifications where user_id = %s and kind <> 'BADGE_EARNED' group by kind",
        boris.id,
    )
    assert {row["kind"]: row["count"] for row in sent} == {
        "CURATOR_ASSIGNED": 5, "PROMPTS_PUBLISHED": 5, "NEWSLETTER_PUBLISHED": 4,
    }  # fmt: skip
    # A secret key is not limited, and the next day begins anew.
    actors.run("update private.limit_uses set began_at = began_at - interval '1 day'")
    assert chloe.call("publish_newsletter", newsletter_id=draft["id"])["is_published"]
    bound(actors, "weeks", 0)
    draft = chloe.call("generate_newsletter", space_id=club.id)
    assert actors.service().call("publish_newsletter", newsletter_id=draft["id"])["is_published"]


def test_naming_who_curates_already_is_no_use(actors: Actors) -> None:
    club = found_club(actors, "Boris")
    bound(actors, "pens", 1)
    for _ in range(3):
        club.leader.call("assign_curator", space_id=club.id, user_id=club.members[0].id)
        club.leader.call("set_member_role", space_id=club.id, user_id=club.members[0].id, role="CURATOR")
    # Nobody is kept from leaving by who named them.
    club.members[0].run("select public.leave_space(%s)", club.id)
    assert club.curator is club.leader


def test_a_command_that_is_sent_again_counts_once(actors: Actors) -> None:
    club = found_club(actors, "Boris")
    grant_tokens(actors, club.leader, 100)
    arguments = {"recipient_id": club.members[0].id, "amount": 1, "idempotency_key": "once"}
    first = club.leader.call("transfer_tokens", **arguments)
    assert club.leader.call("transfer_tokens", **arguments) == first
    query = "select used from private.limit_uses where code = 'gifts' and holder_id = %s"
    assert actors.one(query, club.leader.id) == 1


def test_one_request_repeats_so_many_rows(actors: Actors) -> None:
    """What is there already counts for no limit of a day, but is looked at."""
    ada, boris = actors.person("Ada"), actors.person("Boris")
    grant_tokens(actors, ada, 1)
    gift = "insert into public.token_gifts (recipient_id, amount, idempotency_key) select %s, 1, 'k'"
    ada.run(gift, boris.id)
    repeat = gift + " from generate_series(1, %s)"
    ada.run(repeat, boris.id, 200)
    with ada.refused("MG001") as caught:
        ada.run(repeat, boris.id, 201)
    assert caught.value.diag.message_detail == "rows"
    actors.service().run(
        repeat.replace("(recipient_id", "(sender_id, recipient_id").replace("select", "select %s,"),
        ada.id,
        boris.id,
        201,
    )


def test_one_request_changes_so_many_rows(actors: Actors) -> None:
    """Whatever it does to whichever table; what a function does by its own right is not bounded."""
    club = found_club(actors, "Boris")
    ada, boris = club.leader, club.members[0]
    prompt, other = club.ask("One?", "Two?")
    (response,) = club.respond(prompt, [boris])
    park = ada.insert("spaces", name="Park", is_public=True)
    invite = ada.call("create_invite", space_id=club.id)["id"]
    purchases = "insert into public.purchases (item_id) select id from public.store_items limit 1"
    draft = f"insert into public.responses (prompt_id) values ('{other['id']}')"
    statements = [
        (boris, "insert", "memberships", f"insert into public.memberships (space_id) values ('{park['id']}')"),
        (boris, "delete", "memberships", f"delete from public.memberships where space_id = '{park['id']}'"),
        (boris, "insert", "responses", draft),
        (boris, "update", "responses", f"update public.responses set content = 'No' where prompt_id = '{other['id']}'"),
        (boris, "delete", "responses", f"delete from public.responses where prompt_id = '{other['id']}'"),
        (ada, "insert", "prompts", f"insert into public.prompts (space_id, question) values ('{club.id}', 'Three?')"),
        (ada, "update", "prompts", "update public.prompts set question = 'Four?' where not is_published"),
        (ada, "delete", "prompts", "delete from public.prompts where not is_published"),
        (ada, "update", "space_invites", f"update public.space_invites set revoked_at = now() where id = '{invite}'"),
        (ada, "insert", "spaces", "insert into public.spaces (name) values ('Square')"),
        (ada, "update", "spaces", "update public.spaces set name = 'Street' where name = 'Square'"),
        (ada, "delete", "spaces", "delete from public.spaces where name = 'Street'"),
        (ada, "insert", "purchases", purchases),
        (ada, "update", "purchases", "update public.purchases set is_active = true"),
        (ada, "insert", "newsletters", f"insert into public.newsletters (space_id) values ('{club.id}')"),
        (ada, "update", "newsletters", f"update public.newsletters set intro = '' where space_id = '{club.id}'"),
        (ada, "delete", "newsletters", f"delete from public.newsletters where space_id = '{club.id}'"),
    ]  # fmt: skip
    grant_tokens(actors, ada, 1000)

    def after(count: int, command: str, table: str) -> str:
        note = f"extract(epoch from statement_timestamp()), to_regclass('public.{table}')::oid, {count}"
        return f"select set_config('monogram.rows_{command}', concat_ws(' ', {note}), true); "

    ada.rows("select_responses", space_id=club.id, response_ids=[response["id"]])
    for person, command, table, statement in statements:
        with person.refused("MG001") as caught:
            person.run(after(200, command, table) + statement)
        assert caught.value.diag.message_detail == "rows", statement
        person.run(after(199, command, table) + statement)
    ada.run(after(200, "update", "responses") + f"select public.select_responses('{club.id}', '{{}}')")


def test_many_at_once_do_not_get_beyond_it(committed: Callable[[], Actors], fresh_dsn: str) -> None:
    setting = committed()
    ada = setting.person("Ada")
    bound(setting, "spaces", 3)
    setting.connection.commit()
    outcomes = together(fresh_dsn, [lambda actors: actors.known(ada.id).insert("spaces", name="At once")] * 6)
    assert tally(outcomes) == {"done": 3, "MG002": 3}


def test_the_counts_of_an_account_go_with_it(actors: Actors) -> None:
    ada = actors.person("Ada")
    ada.insert("spaces", name="Mine")
    actors.run("delete from auth.users where id = %s", ada.id)
    assert actors.run("select from private.limit_uses where holder_id = %s", ada.id) == []


def test_the_counts_of_a_space_go_with_it(actors: Actors) -> None:
    club = found_club(actors, "Boris")
    club.publish_week()
    assert actors.one("select used from private.limit_uses where holder_id = %s", club.id) == 1
    club.leader.delete("spaces", club.id)
    assert actors.run("select from private.limit_uses where holder_id = %s", club.id) == []


def test_a_refusal_leaves_the_count_as_it_was(actors: Actors) -> None:
    ada = actors.person("Ada")
    bound(actors, "spaces", 0)
    for _ in range(3):
        with ada.refused("MG002"):
            ada.insert("spaces", name="No")
    assert actors.run("select from private.limit_uses") == []


def test_a_row_that_is_larger_than_any_column_allows_is_refused_before_it_is_looked_through(actors: Actors) -> None:
    club = found_club(actors)
    with club.leader.refused("MG001") as refused:
        club.leader.run("update public.spaces set description = %s where id = %s", "x" * 200_001, club.id)
    assert refused.value.diag.message_detail == "row"
    with club.leader.refused("MG001") as refused:
        club.leader.run("update public.spaces set description = %s where id = %s", "x" * 199_000, club.id)
    assert refused.value.diag.message_detail == "description"
