"""What the database takes, everyone can read: values made from the types of its columns, as a person writes them.

Each column that a person may write is found in the catalogue. Whatever value of its type the database takes is read
back through every model and list that shows it, and, in the long form, set as a page, an email and a PDF.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any

import psycopg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from psycopg.types.json import Jsonb
from pydantic import TypeAdapter

from monogram_sdk.models import LeaderboardEntry, MemberProfile, SpaceWeek
from tests.functions.render.conftest import Renderer
from tests.support.actors import Actor, Actors, Row
from tests.support.counts import count
from tests.support.model_schema import reads
from tests.support.stories import Club, found_club, grant_tokens

# What no client reads back: a code is write-only, and `version` only compares.
NEVER_READ = {("memberships", "invite_code")}
# Whose ids a row names is another matter (see test_values.py), and so is where its files lie.
OTHER_TYPES = {"uuid"}

ODD = [
    "", " ", "\u3164", "\u202eabc", "a\u2028b", "a\nb", "\x1b[2J", "\u0301", "🏴󠁧󠁢󠁳󠁣󠁴󠁿👩‍👩‍👧", "سلام abc שלום", "文" * 500,
    "x" * 10_000, "a\n\n" * 200, "a\n" * 499, "a\r\n" * 600, "<script>alert(1)</script>",
    "=?UTF-8?Q?=41?=", "\ufffe\uffff",
    "https://example.test/(a)[b]?c=d#e", "HTTPS://EXAMPLE.TEST", "' \" \\ % {} ${x} {{y}}",
    "\U0010ffff", "\u0600", "-0", "NaN",
]  # fmt: skip
TEXTS = st.one_of(
    st.sampled_from(ODD),
    st.text(alphabet=st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=90),
    st.text(alphabet="aé文ש🙂\u200d\u0301 \n\t", max_size=600),
)
URLS = st.builds(
    "".join,
    st.tuples(
        st.sampled_from(["http://", "HTTPS://", "https:/", "ftp://", "hTTp://", " https://"]),
        st.sampled_from(
            ["a.test", "A.TEST:8080", "[::1]", "[", "ü.example", "a.test.", "u:p@a.test", "a..b", "%61.test"]
        ),
        st.sampled_from(["", "/", "/a(b)", "?q=%zz", "#f", "/a b", "/\u202e", "/" + "x" * 1990, "/文"]),
    ),
)
NUMBERS = st.sampled_from([-(2**63), -(2**31), -1, 0, 1, 2, 3, 9, 10, 11, 80, 2**31 - 1, 2**31, 2**53 + 1, 2**63 - 1])
LEAVES = st.one_of(st.none(), st.booleans(), NUMBERS, TEXTS, st.floats(allow_nan=False, allow_infinity=False))
JSON = st.one_of(
    st.fixed_dictionaries(
        {"url": URLS}, optional={name: st.one_of(TEXTS, st.none(), NUMBERS) for name in ("title", "artist", "provider")}
    ),
    st.dictionaries(
        st.sampled_from(["url", "paper", "x"]), st.recursive(LEAVES, lambda part: st.lists(part), max_leaves=5)
    ),
    st.lists(LEAVES, max_size=2),
    st.integers(1, 40).map(lambda depth: json.loads('{"a":' * depth + "1" + "}" * depth)),
)
TIMES = st.sampled_from(
    ["infinity", "-infinity", "20000-01-01", "9999-12-31", "9998-12-31 23:59:59.999999Z", "1970-01-01Z",
     "0001-01-01 BC", "1969-12-31 23:59:59Z", "2027-01-01 00:00+14", "2028-02-29"]
)  # fmt: skip
BY_TYPE = {
    "text": TEXTS,
    "integer": NUMBERS,
    "bigint": NUMBERS,
    "boolean": st.booleans(),
    "jsonb": JSON.map(Jsonb),
    "timestamp with time zone": TIMES,
}


@dataclass(frozen=True)
class Column:
    """A column that people may write, and how."""

    table: str
    name: str
    form: str
    verb: str


@dataclass(frozen=True)
class Stage:
    """A space with one row of everything, and who may change each."""

    club: Club
    rows: dict[str, tuple[Actor, str, Any]]
    """Table -> who changes a row, by which column, and its value."""
    news: dict[str, tuple[Actor, Row]]
    """Table -> who inserts a row, and its other values."""

    def write(self, column: Column, value: Any) -> None:
        """Write a value as the Data API does."""
        if column.verb == "UPDATE":
            person, key, row = self.rows[column.table]
            person.run(f'update public.{column.table} set "{column.name}" = %s where {key} = %s', value, row)
        elif column.table == "space_invites":
            person, values = self.news[column.table]
            cast = f"{column.name} => %s::{column.form}"
            person.run(f"select public.create_invite(space_id => %s, {cast})", values["space_id"], value)
        else:
            person, values = self.news[column.table]
            person.insert(column.table, **{**values, column.name: value})


@pytest.fixture
def stage(actors: Actors) -> Stage:
    club = found_club(actors, "Boris")
    ada, boris = club.leader, club.members[0]
    admin = actors.person("Rosa", role="admin")
    asked, second = club.ask("What did you read?", "Where?")
    unasked = ada.insert("prompts", space_id=club.id, question="When?")
    response = boris.insert(
        "responses", prompt_id=asked["id"], content="Dune", image_path=f"{club.id}/{boris.id}/cat.png",
        music={"url": "https://a.test/1"}, is_published=True,
    )  # fmt: skip
    ada.rows("select_responses", space_id=club.id, response_ids=[response["id"]])
    newsletter = ada.call("generate_newsletter", space_id=club.id)
    grant_tokens(actors, boris, 10_000)
    grant_tokens(actors, ada, 2**53)
    item = admin.insert("store_items", code="paper", name="Paper", kind="THEME", price=10)
    purchase = boris.call("purchase_item", item_id=item["id"])
    invite = ada.call("create_invite", space_id=club.id)
    (told, *_) = boris.select("notifications")
    rows: dict[str, tuple[Actor, str, Any]] = {
        "users": (boris, "id", boris.id),
        "spaces": (ada, "id", club.id),
        "prompts": (ada, "id", unasked["id"]),
        "responses": (boris, "id", response["id"]),
        "newsletters": (ada, "id", newsletter["id"]),
        "settings": (boris, "user_id", boris.id),
        "notifications": (boris, "id", told["id"]),
        "space_invites": (ada, "id", invite["id"]),
        "store_items": (admin, "id", item["id"]),
        "purchases": (boris, "id", purchase["id"]),
    }
    another = admin.insert("store_items", code="frame", name="Frame", kind="AVATAR_FRAME", price=10)
    olga = actors.person("Olga")
    olga.run("delete from public.settings")
    news: dict[str, tuple[Actor, Row]] = {
        "spaces": (olga, {"name": "Another"}),
        "prompts": (ada, {"space_id": club.id, "question": "How?"}),
        "responses": (boris, {"prompt_id": second["id"]}),
        "newsletters": (olga, {"space_id": olga.insert("spaces", name="Olga's")["id"], "title": "Ours"}),
        "settings": (olga, {"timezone": "UTC"}),
        "token_gifts": (ada, {"recipient_id": boris.id, "amount": 1}),
        "purchases": (boris, {"item_id": another["id"]}),
        "store_items": (admin, {"code": "new", "name": "New", "kind": "THEME", "price": 5}),
        "space_invites": (ada, {"space_id": club.id}),
    }
    return Stage(club, rows, news)


def writable(actors: Actors) -> list[Column]:
    """Return the columns that a person may write, as the catalogue has them."""
    rows = actors.run(
        """
        select c.relname as table, a.attname as name, format_type(a.atttypid, a.atttypmod) as form, verb
        from pg_catalog.pg_class c
        join pg_catalog.pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
        cross join unnest(array['INSERT', 'UPDATE']) as verb
        where c.relnamespace = 'public'::regnamespace and c.relkind = 'r'
          and has_column_privilege('authenticated', c.oid, a.attnum, verb)
        union all
        values
          ('space_invites', 'max_uses', 'integer', 'INSERT'),
          ('space_invites', 'expires_at', 'timestamp with time zone', 'INSERT')
        order by 1, 2, 4
        """
    )
    return [
        Column(**row)
        for row in rows
        if row["form"] not in OTHER_TYPES and (row["table"], row["name"]) not in NEVER_READ
    ]


def values(actors: Actors, column: Column) -> st.SearchStrategy[Any]:
    """Return values of a column's type, of which many are good and many are not."""
    if column.name.endswith("_path"):
        return st.sampled_from(["x.png", "../x.png", None])
    if column.form in BY_TYPE:
        return BY_TYPE[column.form]
    labels = actors.run("select enumlabel as label from pg_catalog.pg_enum where enumtypid = %s::regtype", column.form)
    assert labels, f"a value of the type {column.form} cannot be made"
    return st.sampled_from([*(row["label"] for row in labels), "NEW"])


@contextmanager
def undone(actors: Actors) -> Iterator[None]:
    """Take back what the block does."""
    actors.as_owner()
    with actors.connection.transaction(force_rollback=True):
        yield


@cache
def listed(shape: Any) -> TypeAdapter[list[Any]]:
    """Return what reads a list of these."""
    return TypeAdapter(list[shape])


def read_everything(stage: Stage, table: str) -> None:
    """Read a table's rows, and the lists that show them, as each of the people does."""
    shapes = [shape for shape in reads().get(("table", table), ()) if not getattr(shape, "embedded", None)]
    assert shapes, f"nothing reads {table}"
    club = stage.club
    writers = [places[table][0] for places in (stage.rows, stage.news) if table in places]
    for person in {one.id: one for one in (*club.everybody, *writers)}.values():
        rows = [row["row"] for row in person.run(f"select to_jsonb(one) as row from public.{table} as one")]
        for shape in shapes:
            listed(shape).validate_json(json.dumps(rows))
    for person in club.everybody:
        week = person.run("select public.space_week(%s) as week", club.id)[0]["week"]
        SpaceWeek.model_validate_json(json.dumps(week))
        for function, shape in (("member_profiles", MemberProfile), ("leaderboard", LeaderboardEntry)):
            rows = person.run(f"select to_jsonb(one) as row from public.{function}(%s) as one", club.id)
            listed(shape).validate_json(json.dumps([row["row"] for row in rows]))


def attempt(stage: Stage, column: Column, value: Any) -> bool:
    """Write a value; False if it was refused, which is only done in words that a client understands."""
    try:
        with stage.club.actors.connection.transaction():
            stage.write(column, value)
    except psycopg.Error as error:
        state = error.sqlstate or ""
        assert state.startswith(("MG", "22", "23")) or state == "42501", (column, value, error)
        return False
    return True


def test_every_column_that_a_person_writes_is_tried(actors: Actors, stage: Stage) -> None:
    for column in writable(actors):
        places = stage.rows if column.verb == "UPDATE" else stage.news
        assert column.table in places, f"{column} needs a row in `stage`"
        values(actors, column)


EDGES: dict[str, list[Any]] = {
    "text": [*ODD, *("x" * (most + 1) for most in (30, 64, 80, 200, 280, 300, 500, 1000, 2000, 5000, 10_000))],
    "integer": [-(2**31), -1, 0, 11, 10_001, 2**31 - 1],
    "bigint": [-(2**63), -1, 0, 2**53 + 1, 2**63 - 1],
    "boolean": [True, False],
    "jsonb": [Jsonb(value) for value in ([], "x", 1, None, {}, {"url": 1}, {"x": "y" * 70_000}, {"x": 2**60})],
    "timestamp with time zone": ["infinity", "-infinity", "20000-01-01", "1969-01-01"],
}


def test_what_is_refused_is_refused_in_words(actors: Actors, stage: Stage) -> None:
    """A CHECK has none, and so it never speaks first: a trigger does, which names the column and says what it takes."""
    club, boris = stage.club, stage.club.members[0]
    folders = {"users": boris.id, "spaces": club.id, "responses": f"{club.id}/{boris.id}"}
    for column in writable(actors):
        edges = EDGES.get(column.form, [])
        if column.name.endswith("_path"):
            edges = [f"{folders[column.table]}/{'x' * 300}.png", "x.png"]
        for value in edges:
            with undone(actors):
                try:
                    stage.write(column, value)
                except psycopg.Error as error:
                    state = error.sqlstate or ""
                    assert state.startswith("MG") or state == "42501", (column, str(value)[:80], error)
                    assert error.diag.message_hint, (column, str(value)[:80], error)


def test_columns_that_require_a_value_refuse_null_in_words(actors: Actors, stage: Stage) -> None:
    """Whoever may write a column: where the table takes no null, a trigger says so before NOT NULL does.

    That is `private.require_columns`, and of ids `private.take_id`.
    """
    columns = actors.run(
        """
        select c.relname as table, a.attname as name, verb
        from pg_catalog.pg_class c
        join pg_catalog.pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
        cross join unnest(array['INSERT', 'UPDATE']) as verb
        where c.relnamespace = 'public'::regnamespace and c.relkind = 'r'
          and (
            has_column_privilege('authenticated', c.oid, a.attnum, verb)
            or has_column_privilege('service_role', c.oid, a.attnum, verb)
          )
          and (a.attnotnull or verb = 'INSERT')
        order by 1, 2, 3
        """
    )
    for column in columns:
        insert = column["verb"] == "INSERT"
        write = "insert into public.{} ({}) values (null)" if insert else "update public.{} set {} = null"
        try:
            with undone(actors):
                actors.run(write.format(column["table"], f'"{column["name"]}"'))
                # No version is meant; and a newsletter without a title gets the one that nobody gives.
                assert column["name"] == "version" or (column["table"], column["name"]) == ("newsletters", "title"), (
                    column
                )
        except psycopg.Error as error:
            state = error.sqlstate or ""
            assert state.startswith("MG") or state == "42501", (column, error)
            assert error.diag.message_hint, (column, error)
    # In rows that are whole but for that.
    for table, name in (("token_gifts", "idempotency_key"), ("token_gifts", "id"), ("spaces", "id")):
        person, values = stage.news[table]
        with person.refused("MG001") as refused:
            person.insert(table, **values, **{name: None})
        assert refused.value.diag.message_detail == name


@pytest.mark.parametrize("examples", [80, pytest.param(400, marks=[pytest.mark.long, pytest.mark.timeout(900)])])
def test_what_is_taken_is_read(actors: Actors, stage: Stage, examples: int) -> None:
    columns = writable(actors)
    of = {column: values(actors, column) for column in columns}

    @settings(max_examples=examples, deadline=None, database=None)
    @given(st.data())
    def run(data: st.DataObject) -> None:
        column = data.draw(st.sampled_from(columns))
        with undone(actors):
            taken = attempt(stage, column, data.draw(of[column]))
            count("values taken" if taken else "values refused")
            if taken:
                read_everything(stage, column.table)

    run()


WORDS = {
    ("users", "display_name"), ("users", "username"), ("spaces", "name"), ("spaces", "description"),
    ("responses", "content"), ("responses", "image_caption"), ("responses", "music"),
    ("newsletters", "title"), ("newsletters", "intro"),
    ("store_items", "metadata"),
}  # fmt: skip


@pytest.mark.long
@pytest.mark.timeout(900)
def test_what_is_taken_is_set_as_page_email_and_pdf(actors: Actors, stage: Stage, tmp_path: Any) -> None:
    columns = [one for one in writable(actors) if (one.table, one.name) in WORDS and one.verb == "UPDATE"]
    assert len(columns) == len(WORDS)
    of = {column: values(actors, column) for column in columns}
    render = Renderer()
    ada, boris = stage.club.leader, stage.club.members[0]
    # The leader's theme is the item whose metadata change.
    item = stage.rows["store_items"][2]

    @settings(max_examples=200, deadline=None, database=None)
    @given(st.data())
    def run(data: st.DataObject) -> None:
        with undone(actors):
            column = data.draw(st.sampled_from(columns))
            if not attempt(stage, column, data.draw(of[column])):
                return
            theme = actors.one("select metadata from public.store_items where id = %s", item)
            row = ada.call("generate_newsletter", space_id=stage.club.id)
            job = {
                "newsletter": json.loads(json.dumps(row, default=str)) | {"published_at": "2026-11-22T18:30:00+00:00"},
                "theme": theme,
                "page": str(tmp_path / "page.html"),
                "mail": {"html": str(tmp_path / "mail.html"), "text": str(tmp_path / "mail.txt")},
                "pdf": str(tmp_path / "letter.pdf"),
            }
            assert "error" not in render(job)
            for name in ("page.html", "mail.html", "mail.txt", "letter.pdf"):
                assert (tmp_path / name).stat().st_size > 100
                (tmp_path / name).unlink()
            count("values set")
            assert boris.select("responses")

    try:
        run()
    finally:
        render.close()
