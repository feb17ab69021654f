"""What people write stays text on its whole way through the real stack: response, newsletter, page, PDF and email."""

from __future__ import annotations

import io
import json
from html.parser import HTMLParser

import pytest
from pypdf import PdfReader

from monogram_sdk.models import Music
from tests.functions.newsletter.conftest import Circle, Pipeline
from tests.functions.render.conftest import HERE

CORPUS: list[str] = json.loads((HERE / "fixtures" / "markup.json").read_text())
# Elements that the page and the email are made of. Nothing else may be in them, whoever wrote it.
OURS = set(
    "html head meta title style link body a header main nav ol li section article footer div span p h1 h2 h3 bdi time "
    "br blockquote strong figure figcaption img svg circle path ellipse table tr td".split()
)


class Elements(HTMLParser):
    """Collects what a browser would make of a document: elements, handlers, addresses, and the words."""

    def __init__(self) -> None:
        super().__init__()
        self.names: set[str] = set()
        self.handlers: list[str] = []
        self.addresses: list[str] = []
        self.words: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.add(tag)
        for name, value in attrs:
            if name.startswith("on"):
                self.handlers.append(name)
            if name in ("href", "src", "action", "background", "poster", "srcset"):
                self.addresses.append(value or "")

    def handle_data(self, data: str) -> None:
        self.words.append(data)


def elements(html: str) -> Elements:
    parsed = Elements()
    parsed.feed(html)
    parsed.close()
    return parsed


@pytest.fixture(scope="module")
def writable() -> list[str]:
    """The attempts that the database takes as a response; it refuses NUL characters and lone surrogates."""
    return [text for text in CORPUS if text.strip() and "\0" not in text and text.isprintable()]


def test_no_markup_survives_the_whole_way(circle: Circle, pipeline: Pipeline, writable: list[str]) -> None:
    assert len(writable) > 40
    prompts = [circle.leader.prompts.create(circle.space.id, question=text[:500]) for text in writable[:9]]
    prompts.append(circle.leader.prompts.create(circle.space.id, question="All of it?"))
    circle.leader.spaces.update(circle.space.id, name=writable[0][:80], description=writable[1])
    circle.member.profiles.update(display_name=writable[2][:50])
    circle.leader.prompts.publish(circle.space.id)
    responses = [
        circle.member.responses.submit(
            prompt.id,
            content=text,
            music=Music(url="https://music.example/x", title=text[:200], artist=text[:200], provider=text[:200]),
        )
        for prompt, text in zip(prompts, [*writable[:9], "\n\n".join(writable)[:10_000]], strict=True)
    ]
    circle.leader.responses.select(circle.space.id, [response.id for response in responses])
    draft = circle.leader.newsletters.generate(circle.space.id)
    circle.leader.newsletters.update(draft.id, title=writable[3][:200], intro=writable[4])
    newsletter = circle.publish(draft)

    email = pipeline.render(newsletter)["mail"]
    page = circle.member.newsletters.html(newsletter.id).decode()
    for html in (page, email["html"]):
        found = elements(html)
        assert found.names <= OURS, found.names - OURS
        assert found.handlers == []
        for address in found.addresses:
            assert address.startswith(("https://", "http://", "#", "data:image/")), address
    # It is all there to be read, as text.
    words = "".join(elements(page).words)
    assert all(text.split()[0] in words for text in writable[:9])
    pdf = PdfReader(io.BytesIO(circle.member.newsletters.pdf(newsletter.id)))
    assert "/OpenAction" not in pdf.trailer["/Root"]
    assert "/JavaScript" not in str(pdf.trailer["/Root"].get("/Names", ""))
    assert "\n" not in email["subject"]
