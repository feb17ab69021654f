"""Every code of private.error_codes, by the call that provokes it."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import uuid4

import psycopg
import pytest

from tests.sql.wrong_calls import WRONG_CALLS
from tests.support.actors import Actors
from tests.support.world import World, build_world


@pytest.fixture(scope="module")
def world(dsn: str) -> Iterator[World]:
    with psycopg.connect(dsn) as connection, Actors(connection) as actors:
        yield build_world(actors)


def messages(world: World) -> dict[str, str]:
    return {row["code"]: row["message"] for row in world.actors.run("select code, message from private.error_codes")}


def test_every_code_has_its_wrong_call(world: World) -> None:
    assert sorted(messages(world)) == sorted(WRONG_CALLS)


def when_to_retry(detail: str | None) -> str:
    time = (detail or "").replace("T", " ").removesuffix("Z")
    return f" Come back at {time} UTC."


@pytest.mark.parametrize("code", WRONG_CALLS)
def test_refused(world: World, code: str) -> None:
    with world.actors.service().refused(code) as caught:
        WRONG_CALLS[code](world)
    diagnosis = caught.value.diag
    # A limit also says when to come back.
    assert str(diagnosis.message_primary).removesuffix(when_to_retry(diagnosis.message_detail)) == messages(world)[code]
    assert diagnosis.message_hint


def test_not_allowed_has_a_message_too(world: World) -> None:
    with world.cast["member"].refused("42501") as caught:
        world.cast["member"].call("generate_newsletter", space_id=world.club.id)
    assert caught.value.diag.message_primary == "Only the leader of the space may do this."
    assert caught.value.diag.message_hint == "Ask the leader of the space."


def test_nobody_signed_in_has_a_message_too(world: World) -> None:
    nobody = world.actors.known(uuid4())
    with nobody.refused("42501"):
        world.actors.connection.execute("select set_config('request.jwt.claims', '', true)")
        world.actors.connection.execute("select * from public.check_badges()")


@pytest.mark.parametrize(
    ("column", "value", "detail"),
    [
        ("display_name", "", "display_name takes 1 to 80 characters"),
        ("display_name", " \t\n", "display_name takes 1 to 80 characters"),
        ("display_name", "x" * 81, "display_name takes 1 to 80 characters"),
        ("display_name", "Eleni\nBcc: all", "display_name is one line"),
        ("username", "no", "username takes 3 to 30 characters"),
        ("username", "no dots.", "username takes 3 to 30 characters"),
        ("username", "x" * 31, "username takes 3 to 30 characters"),
        ("bio", "x" * 501, "bio takes up to 500 characters that are not all blank, or none"),
        ("avatar_path", "elsewhere/me.png", "{user_id}/{file}"),
    ],
)
def test_profile_values(world: World, column: str, value: str, detail: str) -> None:
    eleni = world.cast["member"]
    with eleni.refused("MG001") as caught:
        eleni.update("users", eleni.id, **{column: value})
    assert (caught.value.diag.message_detail, detail in (caught.value.diag.message_hint or "")) == (column, True)


def test_profile_values_that_fit(world: World) -> None:
    eleni = world.cast["member"]
    values = {"display_name": "É" * 80, "username": "Eleni_" + "x" * 24, "bio": "", "avatar_path": f"{eleni.id}/me.png"}
    (row,) = eleni.update("users", eleni.id, **values)
    assert {column: row[column] for column in values} == values
    (row,) = eleni.update("users", eleni.id, username=None, bio=None, avatar_path=None)
    assert (row["username"], row["bio"], row["avatar_path"]) == (None, None, None)


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("name", ""),
        ("name", "x" * 81),
        ("name", "Club\r\nBcc: all"),
        ("description", "x" * 1001),
        ("cover_path", "elsewhere/cover.png"),
    ],
)
def test_space_values(world: World, column: str, value: str) -> None:
    with world.cast["leader"].refused("MG001") as caught:
        world.cast["leader"].update("spaces", world.club.id, **{column: value})
    assert caught.value.diag.message_detail == column


@pytest.mark.parametrize(
    ("column", "value"),
    [("question", None), ("question", " "), ("question", "x" * 501), ("order", 0), ("order", 11)],
)
def test_prompt_values(world: World, column: str, value: object) -> None:
    boris = world.cast["curator"]
    with boris.refused("MG001") as caught:
        boris.insert("prompts", **({"space_id": world.club.id, "question": "Well?"} | {column: value}))
    assert caught.value.diag.message_detail == column


def test_paths_lead_nowhere_else(world: World) -> None:
    """Services read these files with their own rights, for whoever named them."""
    eleni, leader = world.cast["member"], world.cast["leader"]
    names = ["", ".", "..", "../eleni.png", "../../other/file.png", "folder/file.png", "..\\other\\file.png"]
    for file in (*names, *(f"a{sign}b.png" for sign in "\\?#%\n\x7f\x85\u2028\u202e\u2067")):
        with eleni.refused("MG306"):
            path = f"{world.club.id}/{eleni.id}/{file}"
            eleni.insert("responses", prompt_id=world.ids["prompt"], image_path=path)
        with eleni.refused("MG001"):
            eleni.update("users", eleni.id, avatar_path=f"{eleni.id}/{file}")
        with leader.refused("MG001"):
            leader.update("spaces", world.club.id, cover_path=f"{world.club.id}/{file}")
    # What other clients call files stays.
    eleni.update("users", eleni.id, avatar_path=f"{eleni.id}/Ich & du (2), été!.png")


@pytest.mark.parametrize(
    "music",
    [
        {},
        {"url": None},
        {"url": 5},
        {"url": "ftp://example.test/song"},
        {"url": "https://exa mple.test"},
        {"url": "javascript:alert(1)"},
        {"url": "https://example.test/" + "x" * 2000},
        {"url": "https://example.test/", "title": "é" * 5000},
        {"url": "https://example.test/", "title": {"text": "Song"}},
        {"url": "https://example.test/", "artist": 5},
    ],
    ids=lambda music: str(music)[:40],
)
def test_music_values(world: World, music: dict[str, object]) -> None:
    eleni = world.cast["member"]
    with eleni.refused("MG001") as caught:
        eleni.insert("responses", prompt_id=world.ids["prompt"], music=music)
    assert caught.value.diag.message_detail == "music"


def test_music_must_be_an_object(world: World) -> None:
    for music in ('"https://example.test"', "[]", "null"):
        with world.cast["member"].refused("MG001"):
            world.cast["member"].run(
                "insert into public.responses (prompt_id, music) values (%s, %s::jsonb)", world.ids["prompt"], music
            )


@pytest.mark.parametrize(
    ("values", "column"),
    [
        ({"amount": 0}, "amount"),
        ({"amount": -5}, "amount"),
        ({"amount": 1, "message": "x" * 281}, "message"),
        ({"amount": 1, "idempotency_key": ""}, "idempotency_key"),
        ({"amount": 1, "idempotency_key": "x" * 201}, "idempotency_key"),
    ],
)
def test_gift_values(world: World, values: dict[str, object], column: str) -> None:
    with world.cast["author"].refused("MG001") as caught:
        world.cast["author"].call("transfer_tokens", recipient_id=world.ids["olga"], **values)
    assert caught.value.diag.message_detail == column


def test_newsletter_values(world: World) -> None:
    for values in ({"title": "x" * 201}, {"title": "Week\n2"}, {"intro": "x" * 5001}):
        with world.cast["leader"].refused("MG001"):
            world.cast["leader"].update("newsletters", world.ids["newsletter_draft"], **values)


def test_invite_limits(world: World) -> None:
    for values in ({"max_uses": 0}, {"expires_at": "2001-01-01T00:00:00Z"}):
        with world.cast["leader"].refused("MG001"):
            world.cast["leader"].call("create_invite", space_id=world.club.id, **values)


def test_numbers_out_of_bounds(world: World) -> None:
    leader, space_id = world.cast["leader"], world.club.id
    for function, arguments in (
        ("leaderboard", {"limit_count": 101}),
        ("leaderboard", {"limit_count": None}),
        ("member_profiles", {"space_id": space_id, "limit_count": 0}),
        ("preview_rotation", {"space_id": space_id, "weeks": 0}),
        ("preview_rotation", {"space_id": space_id, "weeks": 53}),
        ("space_responses", {"space_id": space_id, "limit_count": 0}),
        ("space_week", {"space_id": space_id, "week_number": 0}),
        ("space_week", {"space_id": space_id, "week_number": 3}),
        ("set_member_role", {"space_id": space_id, "user_id": leader.id, "role": None}),
        ("set_badge_display", {"badge_id": world.ids["badge"], "is_displayed": True, "display_order": -1}),
    ):
        with leader.refused("MG001"):
            leader.rows(function, **arguments)
