"""Every code of private.error_codes, by the call that provokes it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from uuid import uuid4

import psycopg
import pytest

from tests.sql.test_replies import LONG_AGO
from tests.support.actors import Actors
from tests.support.stories import balance, grant_tokens
from tests.support.world import World, build_world


@pytest.fixture(scope="module")
def world(dsn: str) -> Iterator[World]:
    with psycopg.connect(dsn) as connection, Actors(connection) as actors:
        yield build_world(actors)


WRONG_CALLS: dict[str, Callable[[World], object]] = {}


def wrong_call(code: str) -> Callable[[Callable[[World], object]], Callable[[World], object]]:
    """Register a story that ends in this refusal."""

    def register(call: Callable[[World], object]) -> Callable[[World], object]:
        assert code not in WRONG_CALLS
        WRONG_CALLS[code] = call
        return call

    return register


@wrong_call("MG001")
def invalid_value(world: World) -> object:
    return world.cast["leader"].rows("leaderboard", limit_count=0)


@wrong_call("MG101")
def space_not_found(world: World) -> object:
    return world.cast["outsider"].rows("member_profiles", space_id=world.club.id)


@wrong_call("MG102")
def not_a_member(world: World) -> object:
    return world.cast["leader"].call("assign_curator", space_id=world.club.id, user_id=world.ids["olga"])


@wrong_call("MG103")
def invite_invalid(world: World) -> object:
    return world.cast["outsider"].call("join_space", invite_code="NEVER-MADE")


@wrong_call("MG104")
def invite_expired(world: World) -> object:
    world.actors.run(
        "update public.space_invites set expires_at = now() - interval '1 second' where id = %s", world.ids["invite"]
    )
    return world.cast["outsider"].call("join_space", invite_code=world.ids["invite_code"])


@wrong_call("MG105")
def invite_used_up(world: World) -> object:
    code = world.cast["leader"].call("create_invite", space_id=world.club.id, max_uses=1)["code"]
    world.cast["ex_member"].call("join_space", invite_code=code)
    return world.cast["outsider"].call("join_space", invite_code=code)


@wrong_call("MG106")
def already_member(world: World) -> object:
    return world.cast["member"].call("join_space", invite_code=world.ids["invite_code"])


@wrong_call("MG107")
def leader_must_stay(world: World) -> object:
    return world.cast["leader"].run("select public.leave_space(%s)", world.club.id)


@wrong_call("MG108")
def leader_role_fixed(world: World) -> object:
    leader = world.cast["leader"]
    return leader.call("set_member_role", space_id=world.club.id, user_id=leader.id, role="MEMBER")


@wrong_call("MG109")
def invite_required(world: World) -> object:
    return world.cast["outsider"].insert("memberships", space_id=world.club.id)


@wrong_call("MG110")
def pen_holder_role(world: World) -> object:
    return world.cast["leader"].call(
        "set_member_role", space_id=world.club.id, user_id=world.ids["boris"], role="MEMBER"
    )


@wrong_call("MG111")
def removed_from_space(world: World) -> object:
    world.cast["leader"].run("select public.remove_member(%s, %s)", world.club.id, world.ids["eleni"])
    return world.cast["member"].call("join_space", invite_code=world.ids["invite_code"])


@wrong_call("MG112")
def invite_withdrawn(world: World) -> object:
    world.cast["leader"].update("space_invites", world.ids["invite"], revoked_at="now")
    return world.cast["leader"].update("space_invites", world.ids["invite"], revoked_at=None)


@wrong_call("MG201")
def prompt_not_found(world: World) -> object:
    return world.cast["curator"].rows("reorder_prompts", space_id=world.club.id, prompt_ids=[uuid4()])


@wrong_call("MG202")
def week_closed(world: World) -> object:
    return world.cast["curator"].insert("prompts", space_id=world.club.id, week_number=1, question="Late?")


@wrong_call("MG203")
def week_full(world: World) -> object:
    for number in range(8):
        world.cast["curator"].insert("prompts", space_id=world.club.id, question=f"Question {number}?")
    return None


@wrong_call("MG204")
def order_taken(world: World) -> object:
    return world.cast["curator"].insert("prompts", space_id=world.club.id, question="First?", order=1)


@wrong_call("MG205")
def prompt_answered(world: World) -> object:
    return world.cast["curator"].update("prompts", world.ids["prompt"], question="Another?")


@wrong_call("MG206")
def no_prompts(world: World) -> object:
    return world.cast["outsider"].rows("publish_prompts", space_id=world.ids["park"])


@wrong_call("MG207")
def prompt_published(world: World) -> object:
    return world.cast["curator"].update("prompts", world.ids["prompt"], is_published=False)


@wrong_call("MG208")
def newsletter_exists(world: World) -> object:
    return world.cast["leader"].insert("newsletters", space_id=world.club.id)


@wrong_call("MG301")
def prompt_not_open(world: World) -> object:
    return world.cast["member"].insert("responses", prompt_id=world.ids["unpublished_prompt"], content="Early")


@wrong_call("MG302")
def response_empty(world: World) -> object:
    return world.cast["member"].insert("responses", prompt_id=world.ids["prompt"], content=" \n", is_published=True)


@wrong_call("MG303")
def response_published(world: World) -> object:
    return world.cast["author"].update("responses", world.ids["response"], is_published=False)


@wrong_call("MG304")
def response_exists(world: World) -> object:
    return world.cast["author"].insert("responses", prompt_id=world.ids["prompt"], content="Again")


@wrong_call("MG305")
def response_not_selectable(world: World) -> object:
    return world.cast["leader"].rows(
        "select_responses", space_id=world.club.id, week_number=2, response_ids=[world.ids["draft"]]
    )


@wrong_call("MG306")
def image_path_foreign(world: World) -> object:
    path = f"{world.club.id}/{world.ids['chloe']}/cat.png"
    return world.cast["member"].insert("responses", prompt_id=world.ids["prompt"], image_path=path)


@wrong_call("MG307")
def response_not_found(world: World) -> object:
    return world.cast["leader"].rows(
        "select_responses", space_id=world.club.id, week_number=2, response_ids=[world.ids["response"], uuid4()]
    )


@wrong_call("MG308")
def edit_conflict(world: World) -> object:
    leader = world.cast["leader"]
    return leader.update("spaces", world.club.id, name="Of another device", version=2**31 - 1)


@wrong_call("MG312")
def caption_without_image(world: World) -> object:
    return world.cast["member"].insert(
        "responses", prompt_id=world.ids["prompt"], content="Words", image_caption="A cat"
    )


@wrong_call("MG310")
def confirmation_required(world: World) -> object:
    return world.cast["member"].call("delete_account", confirm="somebody.else@example.test")


@wrong_call("MG311")
def sign_in_too_old(world: World) -> object:
    member = world.cast["member"]
    email = world.actors.one("select email from auth.users where id = %s", member.id)
    return member.call("delete_account", confirm=email)


@wrong_call("MG002")
def limit_reached(world: World) -> object:
    world.actors.run("update private.limits set amount = 0 where code = 'spaces'")
    return world.cast["leader"].insert("spaces", name="One too many")


@wrong_call("MG003")
def reply_too_slow(world: World) -> object:
    return world.cast["leader"].run(f"{LONG_AGO} update public.spaces set name = 'New' where id = '{world.club.id}'")


@wrong_call("MG309")
def newsletter_draft(world: World) -> object:
    return world.cast["leader"].call(
        "set_newsletter_visibility", newsletter_id=world.ids["newsletter_draft"], visibility="PUBLIC"
    )


@wrong_call("MG401")
def newsletter_not_found(world: World) -> object:
    return world.cast["member"].call("publish_newsletter", newsletter_id=world.ids["newsletter_draft"])


@wrong_call("MG402")
def newsletter_published(world: World) -> object:
    return world.cast["leader"].update("newsletters", world.ids["newsletter"], title="Rewritten")


@wrong_call("MG403")
def nothing_selected(world: World) -> object:
    leader = world.cast["leader"]
    leader.rows("select_responses", space_id=world.club.id, week_number=2, response_ids=None)
    return leader.call("generate_newsletter", space_id=world.club.id)


@wrong_call("MG404")
def newsletter_stale(world: World) -> object:
    world.cast["author"].update("responses", world.ids["response"], content="That one.")
    return world.cast["leader"].call("publish_newsletter", newsletter_id=world.ids["newsletter_draft"])


@wrong_call("MG501")
def insufficient_tokens(world: World) -> object:
    return world.cast["author"].call("transfer_tokens", recipient_id=world.ids["olga"], amount=10**9)


@wrong_call("MG502")
def idempotency_conflict(world: World) -> object:
    author, olga = world.cast["author"], world.ids["olga"]
    author.call("transfer_tokens", recipient_id=olga, amount=1, idempotency_key="thanks")
    return author.call("transfer_tokens", recipient_id=olga, amount=2, idempotency_key="thanks")


@wrong_call("MG503")
def gift_to_self(world: World) -> object:
    author = world.cast["author"]
    return author.call("transfer_tokens", recipient_id=author.id, amount=1)


@wrong_call("MG504")
def recipient_not_found(world: World) -> object:
    return world.cast["author"].call("transfer_tokens", recipient_id=uuid4(), amount=1)


@wrong_call("MG505")
def ledger_append_only(world: World) -> object:
    return world.actors.run("delete from public.transactions where id = %s", world.ids["transaction"])


@wrong_call("MG506")
def already_posted(world: World) -> object:
    """The gift's own row is missing: by hand only."""
    world.actors.run("delete from public.token_gifts where id = %s", world.ids["gift"])
    world.actors.run("delete from private.used_ids where id = %s", world.ids["gift"])
    return world.cast["author"].insert("token_gifts", id=world.ids["gift"], recipient_id=world.ids["eleni"], amount=1)


@wrong_call("MG507")
def balance_too_large(world: World) -> object:
    grant_tokens(world.actors, world.cast["member"], 2**53 - 1 - balance(world.actors, world.cast["member"]))
    return world.cast["author"].call("transfer_tokens", recipient_id=world.ids["eleni"], amount=1)


@wrong_call("MG508")
def proof_not_found(world: World) -> object:
    return world.cast["outsider"].call("ledger_proof", newsletter_id=world.ids["newsletter"])


@wrong_call("MG601")
def item_not_found(world: World) -> object:
    return world.cast["member"].call("purchase_item", item_id=world.ids["withdrawn_item"])


@wrong_call("MG602")
def out_of_stock(world: World) -> object:
    world.cast["admin"].update("store_items", world.ids["item"], stock=0)
    return world.cast["member"].call("purchase_item", item_id=world.ids["item"])


@wrong_call("MG603")
def already_owned(world: World) -> object:
    world.cast["member"].call("purchase_item", item_id=world.ids["item"])
    return world.cast["member"].call("purchase_item", item_id=world.ids["item"])


@wrong_call("MG604")
def purchase_not_found(world: World) -> object:
    return world.cast["member"].call("activate_purchase", purchase_id=world.ids["purchase"])


@wrong_call("MG605")
def theme_not_owned(world: World) -> object:
    return world.cast["member"].run(
        "update public.settings set active_theme_id = %s where user_id = auth.uid()", world.ids["theme"]
    )


@wrong_call("MG701")
def badge_not_earned(world: World) -> object:
    return world.cast["author"].call("set_badge_display", badge_id=world.ids["other_badge"], is_displayed=False)


@wrong_call("MG801")
def username_taken(world: World) -> object:
    world.cast["author"].update("users", world.ids["chloe"], username="chloe")
    return world.cast["member"].update("users", world.ids["eleni"], username="CHLOE")


@wrong_call("MG901")
def id_taken(world: World) -> object:
    return world.cast["outsider"].insert("spaces", id=world.ids["response"], name="Mine")


@wrong_call("MG902")
def account_gone(world: World) -> object:
    return world.actors.known(uuid4()).insert("spaces", name="Mine")


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


def test_not_allowed_has_words_too(world: World) -> None:
    with world.cast["member"].refused("42501") as caught:
        world.cast["member"].call("generate_newsletter", space_id=world.club.id)
    assert caught.value.diag.message_primary == "Only the leader of the space may do this."
    assert caught.value.diag.message_hint == "Ask the leader of the space."


def test_nobody_signed_in_has_words_too(world: World) -> None:
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
    for values in ({"title": ""}, {"title": "x" * 201}, {"title": "Week\n2"}, {"intro": "x" * 5001}):
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
        ("preview_rotation", {"space_id": space_id, "weeks": 0}),
        ("preview_rotation", {"space_id": space_id, "weeks": 53}),
        ("space_week", {"space_id": space_id, "week_number": 0}),
        ("space_week", {"space_id": space_id, "week_number": 3}),
        ("set_member_role", {"space_id": space_id, "user_id": leader.id, "role": None}),
        ("set_badge_display", {"badge_id": world.ids["badge"], "is_displayed": True, "display_order": -1}),
    ):
        with leader.refused("MG001"):
            leader.rows(function, **arguments)
