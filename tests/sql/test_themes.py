"""What the metadata of a theme may be, said in words; and the same to database, SDK and renderer."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from monogram_sdk.models import StoreItem, Theme
from monogram_sdk.models.themes import contrast
from monogram_sdk.themes import THEMES
from tests.support.actors import Actors, Row

DESIGN = Path(__file__).parents[2] / "supabase/functions/_shared/render/design.ts"

RISO = {"paper": "#fbf6ea", "ink": "#1f3a5f", "accent": "#e4572e"}


def problem(actors: Actors, metadata: object) -> str | None:
    return actors.one("select private.theme_problem(%s::jsonb)", json.dumps(metadata))


@pytest.mark.parametrize("name", THEMES)
def test_the_themes_are_themes(actors: Actors, name: str) -> None:
    metadata = THEMES[name].metadata()
    assert problem(actors, metadata) is None
    assert Theme.model_validate(metadata) == THEMES[name]


def test_the_store_has_the_first_two(actors: Actors) -> None:
    rows: list[Row] = actors.run("select * from public.store_items where kind = 'THEME' order by code")
    stored = {row["code"]: StoreItem.model_validate(row).theme for row in rows}
    assert stored == {f"theme_{name}": THEMES[name] for name in ("midnight", "riso")}


@pytest.mark.parametrize(
    ("metadata", "words"),
    [
        ({**RISO, "paper": "red"}, 'paper is a colour such as "#1f3a5f"; paper, ink and accent belong together.'),
        ({"paper": "#ffffff", "ink": "#000000"}, "accent is a colour"),
        ({**RISO, "ink": "#e8e0d0"}, "ink on paper has a contrast below 4.5 to 1: nobody could read it."),
        ({**RISO, "dark": RISO["ink"]}, "dark is an object of paper, ink and accent."),
        ({**RISO, "dark": {**RISO, "numerals": "roman"}}, "dark is an object of paper, ink and accent."),
        ({**RISO, "dark": {**RISO, "ink": "#fbf6eb"}}, "dark: ink on paper has a contrast"),
        ({**RISO, "numerals": "greek"}, "numerals is one of lining, oldstyle, roman, ringed."),
        ({**RISO, "ornament": None}, "ornament is one of rule, dots, diamond, asterism, wave, none."),
        ({**RISO, "initial": ["drop"]}, "initial is one of plain, drop, raised."),
        ({**RISO, "ornamnet": "wave"}, "a theme has no ornamnet."),
        ({"ornament": "wave"}, "paper is a colour"),
    ],
)
def test_a_theme_that_is_none_is_refused_in_words(actors: Actors, metadata: dict[str, object], words: str) -> None:
    said = problem(actors, metadata)
    assert said is not None and words in said
    with pytest.raises(ValidationError):
        Theme.model_validate(metadata)
    admin = actors.person("Rosa", role="admin")
    with admin.refused("MG001") as refusal:
        admin.insert("store_items", code="x", name="X", kind="THEME", price=1, metadata=metadata)
    assert words in str(refusal.value)


def test_other_items_have_metadata_of_their_own(actors: Actors) -> None:
    admin = actors.person("Rosa", role="admin")
    frame = admin.insert("store_items", code="x", name="X", kind="AVATAR_FRAME", price=1, metadata={"paper": "red"})
    with admin.refused("MG001"):
        admin.update("store_items", frame["id"], kind="THEME")
    plain = admin.insert("store_items", code="y", name="Y", kind="THEME", price=1)
    assert plain["metadata"] == {}
    assert StoreItem.model_validate(plain).theme is None


def test_database_sdk_and_renderer_know_the_same_choices(actors: Actors) -> None:
    source = DESIGN.read_text(encoding="utf-8")
    fields = Theme.model_json_schema()["properties"]
    for part in ("numerals", "ornament", "initial"):
        choices = fields[part]["enum"]
        found = re.search(rf"  {part}: \[(.*?)\]", source)
        assert found is not None and re.findall(r'"(\w+)"', found[1]) == choices
        assert fields[part]["default"] == choices[0]
        for choice in choices:
            assert problem(actors, {**RISO, part: choice}) is None


COLOURS = st.integers(0, 0xFFFFFF).map(lambda number: f"#{number:06x}")


@settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(COLOURS, COLOURS)
def test_the_contrast_is_one(actors: Actors, one: str, other: str) -> None:
    assert float(actors.one("select private.contrast(%s, %s)", one, other)) == pytest.approx(contrast(one, other))
