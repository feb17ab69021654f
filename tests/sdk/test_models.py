"""The models: frozen, documented, and the same as the tables."""

from __future__ import annotations

import ast
import inspect
from pathlib import Path
from uuid import UUID

import pytest
from pydantic import ValidationError

from monogram_sdk import Monogram, _parse, errors, models
from monogram_sdk._engine.reply import Reply
from monogram_sdk.models import Badge, EarnedBadge, Model, Music


def model_classes() -> list[type[Model]]:
    """Return all public models."""
    found = [getattr(models, name) for name in models.__all__]
    return [model for model in found if isinstance(model, type) and issubclass(model, Model)]


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


def reply_of(content: bytes) -> Reply:
    """Return a reply of the server."""
    return Reply(200, {}, content)


def test_a_reply_that_does_not_fit_says_where_without_the_values() -> None:
    with pytest.raises(errors.InvalidReplyError, match=r"Badge: 0\.id") as caught:
        _parse.parse_rows(Badge, reply_of(b'[{"code": {"private": "words"}}]'))
    assert "private" not in str(caught.value)
    assert isinstance(caught.value.__cause__, ValidationError)
    assert "words" not in str(caught.value.__cause__), "a traceback shows this one as well"
    with pytest.raises(errors.InvalidReplyError, match="int: reply"):
        _parse.parse(int, reply_of(b'"x"'))


def test_a_reply_that_was_cut_is_an_error() -> None:
    class Row(Model):
        """A row."""

    with pytest.raises(errors.TruncatedReplyError, match="1000 rows"):
        _parse.parse_all_rows(Row, reply_of(b"[" + b",".join([b"{}"] * 1000) + b"]"))
    assert len(_parse.parse_all_rows(Row, reply_of(b"[{}]"))) == 1


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("ftp://x.example/1", "must begin with http:// or https://"),
        ("javascript:alert(1)", "must begin with http:// or https://"),
        ("https://", "must name a site"),
        ("http://a b", "must not contain a space"),
        ("https://x.example/" + "y" * 2000, "must have at most 2,000 characters, and has 2,018"),
    ],
)
def test_music_plays_on_the_web(url: str, words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        Music(url=url)
    with (
        Monogram(url="http://127.0.0.1:9", key="sb_publishable_x") as client,
        pytest.raises(errors.InvalidValueError, match="URL of the music") as refused,
    ):
        client.responses.submit(UUID(int=1), music=url)
    assert words in str(refused.value.hint) and refused.value.detail == "music"
