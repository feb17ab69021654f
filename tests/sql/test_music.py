"""The music of a response: its address is kept in one form, and whatever could not be shown is refused."""

from __future__ import annotations

import pytest

from monogram_sdk.models import Response
from tests.support.actors import Actors, Row
from tests.support.stories import Club, found_club


@pytest.fixture
def club(actors: Actors) -> Club:
    return found_club(actors, "Boris")


@pytest.fixture
def prompt(club: Club) -> Row:
    return club.ask("What did you listen to?")[0]


@pytest.mark.parametrize(
    ("url", "kept"),
    [
        ("HTTPS://Example.TEST/Path?Q=1#F", "https://example.test/Path?Q=1#F"),
        (" http://example.test ", "http://example.test"),
        (
            "Http://ÖSTERREICH.example:8080/a(b)",
            "http://Österreich.example:8080/a(b)",
        ),
        ("https://[2001:DB8::1]:443/x", "https://[2001:db8::1]:443/x"),
        ("https://example.test./", "https://example.test./"),
    ],
)
def test_an_address_is_kept_in_its_canonical_form(club: Club, prompt: Row, url: str, kept: str) -> None:
    boris = club.members[0]
    row = boris.insert("responses", prompt_id=prompt["id"], music={"url": url}, is_published=True)
    assert row["music"] == {"url": kept}
    read = Response.model_validate(row)
    assert read.music is not None and read.music.url == kept
    (again,) = boris.update("responses", row["id"], music={"url": url, "title": "A\u202e\nB", "artist": "\u3164"})
    assert again["music"] == {"url": kept, "title": "A B", "artist": None}


@pytest.mark.parametrize(
    "music",
    [
        {"url": "https://"},
        {"url": "https:///path"},
        {"url": "https://user:secret@example.test/"},
        {"url": "https://example.test:port/"},
        {"url": "https://[zz]/"},
        {"url": "https://example.test/a b"},
        {"url": "https://example.test/\u2028"},
        {"url": "https://example.test/\u202e"},
        {"url": 'https://example.test/"><script>'},
        {"url": "javascript:alert(1)"},
        {"url": "https://example.test/" + "x" * 2000},
        {"url": ["https://example.test/"]},
        {"url": "https://example.test/", "title": "x" * 301},
        {"url": "https://example.test/", "title": {"deep": []}},
        {"url": "https://example.test/", "title": 5},
        {"title": "Only a title"},
    ],
)
def test_music_that_could_not_be_shown_is_refused(club: Club, prompt: Row, music: Row) -> None:
    with club.members[0].refused("MG001"):
        club.members[0].insert("responses", prompt_id=prompt["id"], music=music)
