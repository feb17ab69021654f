"""What a person writes: there is something to see in it, a name is one line, and whatever is taken can be read."""

from __future__ import annotations

import json
import subprocess
import uuid
import zoneinfo
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
from psycopg.types.json import Jsonb
from pydantic import TypeAdapter

from monogram_sdk.models import Invite, Notification, RotationType
from scripts import blank
from supabase_embedded.deno import environment, executable
from tests.functions.render.conftest import FUNCTIONS
from tests.support.actors import Actor, Actors, Row
from tests.support.long import long
from tests.support.stories import Club, found_club, grant_tokens

INVISIBLE = [
    *"\u3164 \u115f\u1160 \u2800 \uffa0 \u034f \ufe0f \u00ad \u200b\u200d \U000e0041 \u180e \ufeff \u061c".split(" "),
    *("\u202f \u3000", "\u2028", "\u0085"),
    *("\u0301", "\u200b\u0301", "\u20dd", "\ufe20", "\ufffc", "\ue000", "\U000f0000", "\U0010fffd"),
]


@pytest.fixture
def club(actors: Actors) -> Club:
    """Ada leads and has asked one question; Boris is a member."""
    club = found_club(actors, "Boris")
    club.ask("What did you read?")
    return club


@pytest.fixture
def prompt(club: Club) -> Row:
    return club.leader.select("prompts", space_id=club.id)[0]


def as_json(rows: list[Row]) -> bytes:
    """Return rows as the Data API would send them."""
    return json.dumps(rows, default=str).encode()


# Blank --------------------------------------------------------------------------------------------------------------


def test_every_listed_character_is_blank_and_its_neighbours_are_not(actors: Actors) -> None:
    listed = blank.ranges(blank.invisible())
    edges = {point for first, last in listed for point in (first - 1, first, last, last + 1)} - {0}
    edges = {point for point in edges if not 0xD800 <= point <= 0xDFFF and point <= 0x10FFFF}
    rows = actors.run(
        "select point, private.is_blank(chr(point)) as is_blank from unnest(%s::integer[]) as point", sorted(edges)
    )
    invisible = blank.invisible()
    assert len(rows) > 50
    assert [row["point"] for row in rows if row["is_blank"] != (row["point"] in invisible)] == []


@pytest.mark.parametrize("last", [0xFFFF, *long(0x10FFFF)], ids=hex)
def test_the_renderer_sees_nothing_where_the_database_sees_nothing(actors: Actors, last: int) -> None:
    script = (
        "import { cleanLine, passages } from './_shared/render/text.ts';"
        f"const last = {last};"
        "const seen = [];"
        "for (let point = 1; point <= last; point++) {"
        "  if (point >= 0xd800 && point <= 0xdfff) continue;"
        "  const text = String.fromCodePoint(point);"
        "  const asLine = cleanLine(text) !== '', asText = passages(text).length > 0;"
        # A combining mark without a base character is a text, but not a name.
        "  const agree = /\\p{M}/u.test(text) ? asText || !asLine : asLine === asText;"
        "  if (!agree) throw new Error(`U+${point.toString(16)}`);"
        "  if (asText) seen.push(point);"
        "}"
        "const ranges = [];"
        "for (const point of seen) {"
        "  const last = ranges.at(-1);"
        "  if (last && last[1] === point - 1) last[1] = point; else ranges.push([point, point]);"
        "}"
        "console.log(JSON.stringify(ranges));"
    )
    result = subprocess.run(
        [executable(), "eval", "--quiet", script], cwd=FUNCTIONS, env=environment(), capture_output=True, check=False
    )
    assert result.returncode == 0, result.stderr
    shown = TypeAdapter(list[tuple[int, int]]).validate_json(result.stdout)
    rows = actors.run(
        "select point from unnest(%s::integer[], %s::integer[]) as shown (first, last),"
        " generate_series(first, last) as point where private.is_blank(chr(point))",
        [first for first, _ in shown],
        [last for _, last in shown],
    )
    assert rows == []
    assert sum(last - first + 1 for first, last in shown) == last - 0x800 - len(
        {point for point in blank.invisible() if point <= last}
    )


@pytest.mark.parametrize("text", INVISIBLE, ids=ascii)
def test_what_nobody_sees_is_blank_wherever_a_person_writes(actors: Actors, club: Club, text: str) -> None:
    ada, boris = club.leader, club.members[0]
    prompt = ada.select("prompts", space_id=club.id)[0]
    newsletter = ada.call("generate_newsletter", space_id=club.id)
    grant_tokens(actors, ada, 10)
    draft = boris.insert("responses", prompt_id=prompt["id"], content=text)
    with boris.refused("MG302"):
        boris.update("responses", draft["id"], is_published=True)
    writes: list[tuple[Actor, Any]] = [
        (ada, lambda: ada.insert("spaces", name=text)),
        (ada, lambda: ada.update("spaces", club.id, name=text)),
        (ada, lambda: ada.update("spaces", club.id, description=text)),
        (ada, lambda: ada.insert("prompts", space_id=club.id, question=text)),
        (ada, lambda: ada.update("newsletters", newsletter["id"], title=text)),
        (ada, lambda: ada.update("newsletters", newsletter["id"], intro=text)),
        (boris, lambda: boris.update("users", boris.id, display_name=text)),
        (boris, lambda: boris.update("users", boris.id, bio=text)),
        (ada, lambda: ada.insert("token_gifts", recipient_id=boris.id, amount=1, message=text)),
    ]
    for person, write in writes:
        with person.refused("MG001"):
            write()


def test_the_table_itself_refuses_what_is_blank(actors: Actors, club: Club, prompt: Row) -> None:
    """Whoever takes a trigger away, or writes past it, is still held to it."""
    for table in ("users", "spaces", "prompts", "responses"):
        actors.run(f"alter table public.{table} disable trigger user")
    for statement in (
        "update public.users set display_name = U&'\\3164' where id = %s",
        "update public.spaces set name = U&'\\2800' where leader_id = %s",
        "update public.prompts set question = U&'\\200B' where curator_id = %s",
        "insert into public.responses (user_id, prompt_id, space_id, week_number, content, is_published, published_at)"
        f" values (%s, '{prompt['id']}', '{club.id}', 1, U&'\\034F', true, now())",
    ):
        with pytest.raises(psycopg.errors.CheckViolation), actors.connection.transaction():
            actors.connection.execute(statement, [club.leader.id])  # type: ignore[call-overload]


# Names --------------------------------------------------------------------------------------------------------------

TURNING = [
    "Ada\u202eadA",
    "Ada\u2066",
    "Ada\u200f",
    "Ada\u2028Byron",
    "Ada\u2029",
    "Ada\nByron",
    "Ada\u0085",
    "Ada\x1b[2J",
]


@pytest.mark.parametrize("name", TURNING, ids=ascii)
def test_a_name_neither_turns_nor_breaks_a_line(club: Club, name: str) -> None:
    ada, boris = club.leader, club.members[0]
    newsletter = ada.call("generate_newsletter", space_id=club.id)
    with boris.refused("MG001"):
        boris.update("users", boris.id, display_name=name)
    with ada.refused("MG001"):
        ada.update("spaces", club.id, name=name)
    with ada.refused("MG001"):
        ada.update("newsletters", newsletter["id"], title=name)


def sign_up(actors: Actors, metadata: Row, email: str = "someone@example.test") -> str:
    """Sign somebody up and return the name they get."""
    person = uuid.uuid4()
    actors.run(
        "insert into auth.users (id, aud, role, email, raw_user_meta_data)"
        " values (%s, 'authenticated', 'authenticated', %s, %s)",
        person,
        f"{person.hex[:6]}.{email}",
        Jsonb(metadata),
    )
    name: str = actors.one("select display_name from public.users where id = %s", person)
    return name.replace(person.hex[:6], "x")


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("Ada\u202eadA", "AdaadA"),
        ("Ada\u2028\u2029 Byron", "Ada Byron"),
        ("\u00a0 Ada \u3000", "Ada"),
        ("\u3164", "New member"),
        ("\u200b" * 90 + "Ada", "New member"),
        ("\u2066\u2069", "New member"),
        ("😀" * 90, "😀" * 80),
        ("👨‍👩‍👧 ❤️", "👨‍👩‍👧 ❤️"),
        ("می‌خواهم", "می‌خواهم"),
    ],
    ids=ascii,
)
def test_a_name_at_sign_up_is_cleaned_or_replaced(actors: Actors, given: str, kept: str) -> None:
    assert sign_up(actors, {"display_name": given}) == kept


def test_the_next_name_of_a_sign_up_is_taken(actors: Actors) -> None:
    assert sign_up(actors, {"display_name": "\u2800", "full_name": "Ada Byron", "name": "Ada"}) == "Ada Byron"
    assert sign_up(actors, {"display_name": None, "name": {"given": "Ada"}}) == '{"given": "Ada"}'


# What is taken can be read ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r", "\v", "\f", "\u0085", "\u2028", "\u2029"], ids=ascii)
def test_a_text_has_up_to_500_lines(club: Club, prompt: Row, end: str) -> None:
    boris = club.members[0]
    with boris.refused("MG001"):
        boris.insert("responses", prompt_id=prompt["id"], content=end.join(["a"] * 501))
    row = boris.insert("responses", prompt_id=prompt["id"], content=end.join(["a"] * 500), is_published=True)
    with boris.refused("MG001"):
        boris.update("responses", row["id"], content=end.join(["a"] * 501))


@pytest.mark.parametrize("control", [*map(chr, [1, 8, 14, 27, 31, 127])], ids=ascii)
def test_a_text_has_no_control_characters(actors: Actors, club: Club, prompt: Row, control: str) -> None:
    """Nobody sees them, XML has no place for them, and JSON writes six bytes for each."""
    ada, boris = club.leader, club.members[0]
    grant_tokens(actors, boris, 10)
    text = f"Du{control}ne"
    for person, table, values in (
        (boris, "responses", {"prompt_id": prompt["id"], "content": text}),
        (ada, "prompts", {"space_id": club.id, "question": text}),
        (ada, "spaces", {"name": "Park", "description": text}),
        (boris, "token_gifts", {"recipient_id": ada.id, "amount": 1, "idempotency_key": "k", "message": text}),
    ):
        with person.refused("MG001") as caught:
            person.insert(table, **values)
        assert "control characters" in str(caught.value.diag.message_hint)
    with boris.refused("MG001"):
        boris.update("users", boris.id, bio=text)
    newsletter = ada.call("generate_newsletter", space_id=club.id)
    with ada.refused("MG001"):
        ada.update("newsletters", newsletter["id"], intro=text)


def test_tabs_and_ends_of_lines_stay(club: Club, prompt: Row) -> None:
    text = "Du\tne\r\nby\nHerbert\v\f\x80."
    assert club.members[0].insert("responses", prompt_id=prompt["id"], content=text)["content"] == text


@pytest.mark.parametrize("at", ["infinity", "-infinity", "20000-01-01", "9999-01-01", "0044-03-15 BC", "1969-12-31"])
def test_times_lie_where_every_program_can_read_them(club: Club, at: str) -> None:
    ada = club.leader
    club.ask("Another?")
    invite = ada.call("create_invite", space_id=club.id)["id"]
    told = club.members[0].select("notifications")[0]["id"]
    with ada.refused("MG001"):
        ada.call("create_invite", space_id=club.id, expires_at=at)
    # When an invite was withdrawn is for the database to say.
    (revoked,) = ada.run("update public.space_invites set revoked_at = %s where id = %s returning *", at, invite)
    assert revoked["revoked_at"] >= revoked["created_at"] - timedelta(seconds=10)
    with club.members[0].refused("MG001"):
        club.members[0].run("update public.notifications set read_at = %s where id = %s", at, told)


def test_the_last_times_that_are_taken_are_read(club: Club) -> None:
    ada = club.leader
    last = datetime(9998, 12, 31, 23, 59, 59, 999999, UTC)
    ada.call("create_invite", space_id=club.id, expires_at=last)
    rows = ada.select("space_invites", space_id=club.id)
    assert any(invite.expires_at == last for invite in TypeAdapter(list[Invite]).validate_json(as_json(rows)))
    club.ask("Another?")
    boris = club.members[0]
    boris.run("update public.notifications set read_at = '1970-01-01 00:00Z'")
    assert TypeAdapter(list[Notification]).validate_json(as_json(boris.select("notifications")))


@pytest.mark.parametrize(
    "zone", ["posix/Europe/Athens", "posixrules", "localtime", "Factory", "right/UTC", "Mars/Dome"]
)
def test_a_zone_that_only_this_server_knows_is_refused(club: Club, zone: str) -> None:
    with club.leader.refused("MG001"):
        club.leader.run("update public.settings set timezone = %s", zone)


def test_every_zone_that_is_taken_is_known_to_python(actors: Actors, club: Club) -> None:
    rows = actors.run("select name from pg_catalog.pg_timezone_names where private.is_zone_name(name)")
    taken = {row["name"] for row in rows}
    assert {"UTC", "Europe/Athens", "America/Argentina/Buenos_Aires", "Etc/GMT+5"} <= taken
    assert taken - zoneinfo.available_timezones() == set()
    club.leader.run("update public.settings set timezone = 'Etc/GMT+5'")


@pytest.mark.parametrize("language", ["de", "pt-BR", "zh-Hant", "sr-Latn-RS", "es-419", "gsw", None])
def test_languages(club: Club, language: str | None) -> None:
    club.leader.run("update public.settings set language = %s", language)
    club.leader.update("spaces", club.id, language=language)
    assert club.leader.run("select language from public.settings") == [{"language": language}]
    assert club.row()["language"] == language


@pytest.mark.parametrize("language", ["", " ", "German", "DE", "pt_BR", "pt-br", "de-", "x" * 100, "de\nfr", "*"])
def test_a_malformed_language_tag_is_refused_as_mg001(club: Club, language: str) -> None:
    for table in ("settings", "spaces"):
        with club.leader.refused("MG001") as refusal:
            club.leader.run(f"update public.{table} set language = %s", language)
        assert "language is a BCP 47 tag such as de, pt-BR or zh-Hant." in str(refusal.value.diag.message_hint)


@pytest.mark.parametrize(
    "metadata",
    [
        "[]",
        "[" * 100 + "]" * 100,
        '{"a":' * 17 + "1" + "}" * 17,
        '{"number": 1e400}',
        '{"number": 9007199254740993}',
        json.dumps({"text": "x" * 20_000}),
    ],
    ids=range(6),
)
def test_an_item_is_made_of_what_every_program_can_read(actors: Actors, metadata: str) -> None:
    admin = actors.person("Admin", role="admin")
    with admin.refused("MG001"):
        admin.run(
            "insert into public.store_items (code, name, kind, price, metadata)"
            " values ('x', 'X', 'STICKER_PACK', 1, %s::jsonb)",
            metadata,
        )


def test_a_value_of_a_newer_database_hides_no_row() -> None:
    known, new = TypeAdapter(list[RotationType]).validate_json(b'["RANDOM", "BY_LOT"]')
    assert known is RotationType.RANDOM
    assert new == "BY_LOT" and new not in list(RotationType)


# Naming what one may not see ----------------------------------------------------------------------------------------


def test_naming_what_is_hidden_gets_the_same_error_as_naming_nothing(actors: Actors, club: Club, prompt: Row) -> None:
    """Each column of a foreign key that a client fills in, with the id of something hidden and with one of nothing."""
    stranger = actors.person("Stranger")
    other = club.leader.insert("spaces", name="Private too")
    hidden_item = actors.one(
        "insert into public.store_items (code, name, kind, price, is_available)"
        " values ('hidden', 'Hidden', 'THEME', 1, false) returning id"
    )
    grant_tokens(actors, stranger, 1000)
    grant_tokens(actors, club.leader, 1000)
    owned = actors.one(
        "insert into public.store_items (code, name, kind, price) values ('owned', 'Owned', 'THEME', 1) returning id"
    )
    club.leader.call("purchase_item", item_id=owned)
    cases: list[tuple[str, str, Any, Row]] = [
        ("responses", "prompt_id", prompt["id"], {"content": "x"}),
        ("prompts", "space_id", club.id, {"question": "x"}),
        ("memberships", "space_id", club.id, {}),
        ("newsletters", "space_id", club.id, {"title": "x"}),
        ("newsletters", "space_id", other["id"], {}),
        ("purchases", "item_id", hidden_item, {}),
        ("settings", "active_theme_id", owned, {}),
        # Naming somebody's settings does not show what they own either.
        ("settings", "user_id", club.leader.id, {"active_theme_id": owned}),
        ("spaces", "leader_id", club.leader.id, {"name": "x"}),
        ("token_gifts", "sender_id", club.leader.id, {"recipient_id": club.members[0].id, "amount": 1}),
    ]
    stranger.run("delete from public.settings")
    for table, column, hidden, values in cases:
        results = []
        for named in (hidden, uuid.uuid4()):
            with pytest.raises(psycopg.Error) as caught, actors.connection.transaction():
                stranger.insert(table, **{column: named, **values})
            results.append((caught.value.sqlstate, caught.value.diag.message_primary, caught.value.diag.message_detail))
        assert results[0] == results[1], (table, column)
