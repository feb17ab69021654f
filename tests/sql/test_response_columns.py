"""Whatever a member may write into a response is treated alike: who adds a column and forgets a place is told here."""

from __future__ import annotations

import inspect
from typing import Any

import psycopg
import pytest

from monogram_sdk._async.responses import AsyncResponsesAPI
from monogram_sdk.models import NewsletterResponse, Response
from tests.support.actors import Actor, Actors
from tests.support.stories import Club, found_club

NOT_WRITTEN = {"is_published", "version"}
"""What the author changes about a response, and what is not in it."""

# What a column takes, where a plain text is not acceptable. Each path is of a file that the author has uploaded.
VALUES: dict[str, list[Any]] = {
    "music": [{"url": "https://music.example/one"}, {"url": "https://music.example/two"}],
    "image_path": ["{space}/{author}/one.png", "{space}/{author}/two.png"],
}


def written(dsn: str) -> list[str]:
    """Return the columns that members may change, from the grants."""
    with psycopg.connect(dsn) as connection:
        rows = connection.execute(
            "select column_name from information_schema.column_privileges where table_name = 'responses'"
            " and table_schema = 'public' and grantee = 'authenticated' and privilege_type = 'UPDATE' order by 1"
        ).fetchall()
    return [name for (name,) in rows if name not in NOT_WRITTEN]


class Book:
    """A club with one response that has everything, and other values for each of its columns."""

    def __init__(self, actors: Actors, columns: list[str]) -> None:
        self.actors = actors
        self.club: Club = found_club(actors, "Boris")
        self.author: Actor = self.club.members[0]
        (self.prompt,) = self.club.ask()
        self.first, self.second = ({column: self._value(column, turn) for column in columns} for turn in (0, 1))
        for path in VALUES["image_path"]:
            name = self._filled(path)
            actors.run("insert into storage.objects (bucket_id, name) values ('responses', %s)", name)
        self.response = self.author.insert("responses", prompt_id=self.prompt["id"], is_published=True, **self.first)

    def _value(self, column: str, turn: int) -> Any:
        value = VALUES.get(column, ["One.", "Two."])[turn]
        return self._filled(value) if isinstance(value, str) else value

    def _filled(self, value: str) -> str:
        return value.format(space=self.club.id, author=self.author.id)

    def change(self, column: str) -> list[Any]:
        return self.author.update("responses", self.response["id"], **{column: self.second[column]})

    def generate(self) -> dict[str, Any]:
        self.club.leader.rows("select_responses", space_id=self.club.id, response_ids=[self.response["id"]])
        newsletter: dict[str, Any] = self.club.leader.call("generate_newsletter", space_id=self.club.id)
        return newsletter


@pytest.fixture(scope="module")
def columns(dsn: str) -> list[str]:
    return written(dsn)


@pytest.fixture
def book(actors: Actors, columns: list[str]) -> Book:
    return Book(actors, columns)


def test_what_may_be_changed_may_be_given_and_is_read_by_the_sdk(dsn: str, columns: list[str]) -> None:
    with psycopg.connect(dsn) as connection:
        insertable = connection.execute(
            "select column_name from information_schema.column_privileges where table_name = 'responses'"
            " and table_schema = 'public' and grantee = 'authenticated' and privilege_type = 'INSERT'"
        ).fetchall()
    assert set(columns) <= {name for (name,) in insertable}
    assert set(columns) <= set(Response.model_fields)
    assert set(columns) <= set(NewsletterResponse.model_fields)
    arguments = {column.removesuffix("_path") for column in columns}
    for call in (AsyncResponsesAPI.submit, AsyncResponsesAPI.draft, AsyncResponsesAPI.edit):
        assert arguments <= set(inspect.signature(call).parameters), call.__name__


def test_each_change_counts_as_one_and_is_told(book: Book, columns: list[str]) -> None:
    for number, column in enumerate(columns, start=2):
        (changed,) = book.change(column)
        assert changed["version"] == number, column
        told = "select count(*) as told from public.space_events where subject_id = %s and kind = 'response.updated'"
        assert book.author.run(told, book.response["id"]) == [{"told": number - 1}], column


def test_nothing_changes_after_its_week(book: Book, columns: list[str]) -> None:
    book.club.leader.call("publish_newsletter", newsletter_id=book.generate()["id"])
    for column in columns:
        with book.author.refused("MG202"):
            book.change(column)


def test_each_part_is_in_the_newsletter_and_makes_a_draft_stale(book: Book, columns: list[str]) -> None:
    for column in columns:
        newsletter = book.generate()
        ((printed,),) = [prompt["responses"] for prompt in newsletter["content"]["prompts"]]
        assert column in printed
        with book.actors.connection.transaction(force_rollback=True):
            book.change(column)
            with book.club.leader.refused("MG404"):
                book.club.leader.call("publish_newsletter", newsletter_id=newsletter["id"])


def test_nothing_of_it_is_left_when_its_author_is_taken_out(book: Book, columns: list[str]) -> None:
    newsletter = book.generate()
    book.club.leader.call("publish_newsletter", newsletter_id=newsletter["id"])
    book.actors.service().call("redact_user", user_id=book.author.id)
    (row,) = book.actors.run("select content from public.newsletters where id = %s", newsletter["id"])
    ((printed,),) = [prompt["responses"] for prompt in row["content"]["prompts"]]
    assert {column: printed[column] for column in columns} == dict.fromkeys(columns)
