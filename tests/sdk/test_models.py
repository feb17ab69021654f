"""The models: frozen, documented, and the same as the tables."""

from __future__ import annotations

import ast
import inspect
from pathlib import Path

import httpx
import psycopg
import pytest
from pydantic import ValidationError

from monogram_sdk import _http, _parse, errors, models
from monogram_sdk.models import Badge, EarnedBadge, Model, Music

TABLES: dict[str, type[Model]] = {
    "badges": models.Badge,
    "curator_rotations": models.CuratorRotation,
    "memberships": models.Membership,
    "newsletters": models.Newsletter,
    "notifications": models.Notification,
    "prompts": models.Prompt,
    "purchases": models.Purchase,
    "responses": models.Response,
    "reward_rules": models.RewardRule,
    "settings": models.Settings,
    "space_events": models.SpaceEvent,
    "space_invites": models.Invite,
    "spaces": models.Space,
    "store_items": models.StoreItem,
    "token_gifts": models.TokenGift,
    "transactions": models.Transaction,
    "user_badges": models.UserBadge,
    "users": models.Profile,
}

# What a client writes and never reads, and what is for the database itself.
NOT_READ = {("memberships", "invite_code"), ("memberships", "invite_id"), ("notifications", "dedupe_key")}


# What the edge functions call, and nobody else has a use for.
OF_FUNCTIONS = {
    "begin_mails",
    "claim_mails",
    "email_subscription",
    "newsletter_mail",
    "record_mail_event",
    "save_newsletter_mail",
    "settle_mails",
    "unsubscribe",
}


def model_classes() -> list[type[Model]]:
    """Return all public models."""
    found = [getattr(models, name) for name in models.__all__]
    return [model for model in found if isinstance(model, type) and issubclass(model, Model)]


@pytest.mark.parametrize("table", TABLES)
def test_a_model_has_the_columns_of_its_table(table: str, dsn: str) -> None:
    with psycopg.connect(dsn) as connection:
        rows = connection.execute(
            "select column_name, is_nullable = 'YES' from information_schema.columns"
            " where table_schema = 'public' and table_name = %s",
            [table],
        ).fetchall()
    columns = {name: nullable for name, nullable in rows if (table, name) not in NOT_READ}
    fields = TABLES[table].model_fields
    assert set(fields) == set(columns)
    nullable = {name: type(None) in getattr(field.annotation, "__args__", ()) for name, field in fields.items()}
    assert nullable == columns


def test_every_table_has_a_model(dsn: str) -> None:
    with psycopg.connect(dsn) as connection:
        rows = connection.execute(
            "select table_name from information_schema.tables"
            " where table_schema = 'public' and table_type = 'BASE TABLE'"
        ).fetchall()
    assert {name for (name,) in rows} == set(TABLES)


def test_every_function_of_the_database_has_a_call(dsn: str) -> None:
    with psycopg.connect(dsn) as connection:
        rows = connection.execute(
            "select proname from pg_catalog.pg_proc where pronamespace = 'public'::regnamespace"
            " and has_function_privilege('authenticated', oid, 'execute')"
            " or pronamespace = 'public'::regnamespace and has_function_privilege('service_role', oid, 'execute')"
        ).fetchall()
    sources = Path(inspect.getfile(models)).parents[1].joinpath("_async").glob("*.py")
    text = "\n".join(path.read_text() for path in sources)
    missing = [name for (name,) in rows if f'"{name}"' not in text and name not in OF_FUNCTIONS]
    assert rows and missing == []


def test_enums_are_those_of_the_database(dsn: str) -> None:
    from monogram_sdk.models import enums

    with psycopg.connect(dsn) as connection:
        rows = connection.execute(
            "select typname, array_agg(enumlabel order by enumlabel) from pg_catalog.pg_enum"
            " join pg_catalog.pg_type on pg_type.oid = enumtypid where typnamespace = 'public'::regnamespace group by 1"
        ).fetchall()
    for name, labels in rows:
        enum = getattr(enums, "".join(part.capitalize() for part in name.split("_")))
        assert sorted(enum) == labels


def test_every_field_is_documented() -> None:
    folder = Path(inspect.getfile(models)).parent
    missing: list[str] = []
    for path in folder.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if not isinstance(node, ast.ClassDef):
                continue
            for field, after in zip(node.body, [*node.body[1:], None], strict=True):
                if not isinstance(field, ast.AnnAssign) or not isinstance(field.target, ast.Name):
                    continue
                documented = isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant)
                if not documented and field.target.id not in ("embedded", "model_config"):
                    missing.append(f"{node.name}.{field.target.id}")
    assert missing == []


@pytest.mark.parametrize("model", model_classes(), ids=lambda model: model.__name__)
def test_models_are_frozen_and_ignore_what_is_new(model: type[Model]) -> None:
    assert model.model_config["frozen"] and model.model_config["extra"] == "ignore"


def test_embedded_rows_are_asked_for() -> None:
    assert EarnedBadge.columns().endswith(f",badge:badges({Badge.columns()})")


def answer(content: bytes) -> _http.Reply:
    """Return an answer of the server."""
    return _http.reply(httpx.Response(200), content)


def test_an_answer_that_does_not_fit_says_where_without_the_values() -> None:
    with pytest.raises(errors.InvalidResponseError, match=r"Badge: 0\.id") as caught:
        _parse.parse_rows(Badge, answer(b'[{"code": {"private": "words"}}]'))
    assert "private" not in str(caught.value)
    assert isinstance(caught.value.__cause__, ValidationError)
    assert "words" not in str(caught.value.__cause__), "a traceback shows this one as well"
    with pytest.raises(errors.InvalidResponseError, match="int: answer"):
        _parse.parse(int, answer(b'"x"'))


def test_an_answer_that_was_cut_is_an_error() -> None:
    class Row(Model):
        """A row."""

    with pytest.raises(errors.TruncatedResponseError, match="1000 rows"):
        _parse.parse_all_rows(Row, answer(b"[" + b",".join([b"{}"] * 1000) + b"]"))
    assert len(_parse.parse_all_rows(Row, answer(b"[{}]"))) == 1


@pytest.mark.parametrize("url", ["ftp://x.example/1", "javascript:alert(1)", "https://", "http://a b"])
def test_music_plays_on_the_web(url: str) -> None:
    with pytest.raises(ValidationError):
        Music(url=url)
