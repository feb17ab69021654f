"""`monogram verify FILE`: each form of a newsletter is genuine, and a changed copy is not."""

from __future__ import annotations

import base64
import io
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest
from PIL import Image
from playwright.sync_api import Browser
from pypdf import PdfWriter
from pypdf.annotations import FreeText
from pypdf.generic import (
    ArrayObject,
    DecodedStreamObject,
    DictionaryObject,
    FloatObject,
    NameObject,
    TextStringObject,
)
from typer.testing import CliRunner

from monogram_sdk.cli.app import app
from monogram_sdk.local import Stack
from monogram_sdk.models import Newsletter, RotationType
from tests.functions.newsletter.conftest import Circle, Pipeline
from tests.functions.newsletter.test_keepsakes import shown
from tests.functions.newsletter.test_newsletter import bearer
from tests.functions.newsletter.test_reading_links import link_of

WORDS = "Middlemarch & <Emma>, it's “long”."
MARK = f"monogram:{UUID(int=0)}:00000-00000-00000-00000:{'0' * 64}"
"""The mark of another newsletter: where users write it, it has no meaning."""
LINK = "https://example.org/a?b=1&c=2"


class Verifier:
    """The command, on files of one folder."""

    def __init__(self, stack: Stack, folder: Path) -> None:
        self._env = {"SUPABASE_URL": stack.api_url, "SUPABASE_SECRET_KEY": stack.secret_key}
        self._folder = folder

    def __call__(self, name: str, content: bytes) -> tuple[int, str | None, str]:
        """Return the exit code, the result of the comparison, and the message."""
        file = self._folder / name
        file.write_bytes(content)
        said = CliRunner().invoke(app, ["verify", str(file)], env=self._env, catch_exceptions=False)
        told = CliRunner().invoke(app, ["verify", str(file), "--json"], env=self._env, catch_exceptions=False)
        assert said.exit_code == told.exit_code, (name, said.output)
        return said.exit_code, json.loads(told.stdout)["copy"], said.stdout


@pytest.fixture
def verify(stack: Stack, tmp_path: Path) -> Verifier:
    return Verifier(stack, tmp_path)


def publish(circle: Circle, pipeline: Pipeline, picture: Path) -> list[Newsletter]:
    """Publish three newsletters of a public space, the second with a picture, a link and other words."""
    circle.leader.spaces.update(circle.space.id, is_public=True, rotation_type=RotationType.MANUAL)
    first = circle.publish(circle.draft())
    second = circle.publish(circle.draft([f"{WORDS} {LINK} https://e.test/{MARK}", "Yes.", "No."], image=picture))
    pipeline.render(second)
    draft = circle.draft()
    circle.leader.newsletters.update(draft.id, title='"Three" & more')
    return [first, second, circle.publish(draft)]


def another_picture() -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (40, 30), "red").save(file, "JPEG")
    return file.getvalue()


def test_what_was_handed_out_is_genuine_and_what_was_made_of_it_is_not(
    circle: Circle, pipeline: Pipeline, picture: Path, stack: Stack, web: httpx.Client, browser: Browser,
    verify: Verifier,
) -> None:  # fmt: skip
    first, newsletter, third = publish(circle, pipeline, picture)
    token = link_of(stack, circle, newsletter)
    address = f"/newsletter/{newsletter.id}"
    folder = f"/storage/v1/object/newsletters/{circle.space.id}/{newsletter.id}"
    stored = {"apikey": stack.secret_key, "authorization": f"Bearer {stack.secret_key}"}
    pages = {
        "file": circle.member.newsletters.html(newsletter.id),
        "stored file": httpx.get(f"{stack.api_url}{folder}/newsletter.html", headers=stored).content,
        "stored page": httpx.get(f"{stack.api_url}{folder}/page.html", headers=stored).content,
        "page_url": httpx.get(circle.member.newsletters.page_url(newsletter.id)).content,
        "member": web.get(address, headers=bearer(circle.member)).content,
        "folder": web.get(f"{address}/").content,
        "reading link": web.get(address, params={"link": token}).content,
        "reading link in a folder": web.get(f"{address}/", params={"link": token}).content,
    }
    for name, page in pages.items():
        code, copy, said = verify("page.html", page)
        assert (code, copy) == (0, "SAME"), (name, said)
        assert "intact. " in said and ("in other files" in said) == ("file" not in name), (name, said)
    assert len(set(pages.values())) == 7  # Page and member's page are alike: the space is public.
    page, linked = pages["page_url"], pages["reading link"]
    assert str(first.id).encode() in page and str(third.id).encode() in page and b"atom+xml" in page
    crlf = linked.replace(b"\n", b"\r\n")
    assert verify("page.html", crlf)[:2] == (0, "SAME_LINES")

    keepsake, *_ = [circle.member.newsletters.keepsake(response) for response in shown(newsletter)]
    pdfs = {
        f"{size} {paper}": circle.member.newsletters.pdf(newsletter.id, size=size, paper=paper)
        for size in ("A4", "LETTER") for paper in ("print", "screen")
    }  # fmt: skip
    for name, pdf in {**pdfs, "keepsake": keepsake}.items():
        code, copy, said = verify("file.pdf", pdf)
        assert (code, copy) == (0, "SAME"), (name, said)

    code, copy, said = verify("file.pdf", _changed(pdfs["A4 print"], lambda _: None))
    assert (code, copy) == (3, "SAME_WORDS_ONLY"), said
    code, copy, said = verify("file.pdf", _changed(pdfs["A4 print"], _draw))
    assert (code, copy) == (3, "DRAWN_ANEW") and "what it shows cannot be compared" in said
    assert "published newsletter" not in said and "text and links" not in said

    # A browser writes a page anew: words can be compared, what is shown cannot.
    with browser.new_page() as opened:
        opened.goto(f"{stack.api_url}/functions/v1{address}?link={token}")
        dom = opened.content()
    own = f"{stack.api_url}/functions/v1{address}"
    saved_from = f"<!-- saved from url=({len(own):04d}){own} -->"
    complete = re.sub(r"(?i)^<!doctype html>", f"<!DOCTYPE html>\n{saved_from}\n", dom)
    complete = re.sub(r' src="[^"]*/([^"/]+)\?link=[^"]*"', r' src="./Week 2_files/\1"', complete)
    complete = re.sub(r' href="(?=#|[0-9a-f-]{36}[./])', f' href="{own.rpartition("/")[0]}/', complete)
    complete = complete.replace(f"{own.rpartition('/')[0]}/#", f"{own}#")
    assert "_files/" in complete and f'"{own}#letter"' in complete
    for name, copy in {"dom": dom, "complete": complete}.items():
        code, outcome, said = verify("saved.html", copy.encode())
        assert (code, outcome) == (3, "SAME_WORDS_ONLY"), (name, said)
        assert "cannot be told. The text and links of this copy are those of the published newsletter" in said
        assert "altered" not in said and "“Save as”" in said
        assert "in other files and were not compared" in said

    other = f"data:image/jpeg;base64,{base64.b64encode(another_picture()).decode()}".encode()
    file = pages["file"]
    altered = {
        "word": page.replace(b"Middlemarch", b"Ulysses"),
        "word of the file": file.replace(b"Middlemarch", b"Ulysses"),
        "word of the DOM": dom.replace("Middlemarch", "Ulysses").encode(),
        "word of the saved page": complete.replace("Middlemarch", "Ulysses").encode(),
        "picture": re.sub(rb'<img src="data:image/jpeg[^"]*"', b'<img src="' + other + b'"', file, count=1),
        "picture beside": re.sub(rb'<img src="[^"]*"', b'<img src="other.jpeg"', page, count=1),
        "picture in the DOM": re.sub(
            r'<img src="[^"]*"', '<img src="https://example.com/x.png"', dom, count=1
        ).encode(),
        "size of a picture": re.sub(rb' srcset="[^" ]*', b' srcset="https://example.com/x.png', page, count=1),
        "link": page.replace(b"https://example.org/a?", b"https://example.org/b?"),
        "link of the saved page": complete.replace("https://example.org/a?", "https://example.org/b?").encode(),
        "link to itself": complete.replace(f'"{own}#letter"', '"https://example.com/#letter"').encode(),
        "link to another letter": page.replace(str(first.id).encode(), str(third.id).encode()),
        "title of another letter": page.replace(b"Three", b"Forged"),
        "feed": re.sub(rb'(atom\+xml" title="[^"]*" href=")', rb"\1https://example.com/", page),
        "name of the feed": re.sub(rb'(atom\+xml" title=")[^"]*', rb"\1I owe Mal 500 euro", page),
        "name of the space in that of the feed": re.sub(rb'(atom\+xml" title="Letters of )', rb"\1I owe Mal ", page),
        "name of the feed of the DOM": re.sub(r'(atom\+xml" title=")[^"]*', r"\1I owe Mal 500 euro", dom).encode(),
        "program": linked.replace(b"</body>", b"<script>document.title = ''</script></body>"),
        "program in the DOM": dom.replace("</body>", "<script src='x.js'></script></body>").encode(),
        "field": dom.replace("</h1>", "</h1><input value='No.'>").encode(),
        "PDF": _with(pdfs["A4 print"], "/OpenAction"),
        "picture of the PDF": _with(pdfs["LETTER screen"], "/Image"),
        "keepsake": _with(keepsake, "/Image"),
    }
    for name, hidden in {
        "comment with !": b"<!--x--!><p>I owe Mal 500 euro.</p>-->",
        "comment that is empty": b"<!--><p>I owe Mal 500 euro.</p>-->",
        "comment with a dash": b"<!---><script>alert(1)</script>-->",
        "CDATA": b"<![CDATA[><p>I owe Mal 500 euro.</p>]]>",
        "instruction": b"<?x ><script>alert(1)</script>?>",
        "comment": b"<!-- saved from url=(0014)about:internet -->",
    }.items():
        altered[name] = page.replace(b"</main>", hidden + b"</main>")
        altered[f"{name} in the DOM"] = dom.encode().replace(b"</main>", hidden + b"</main>")
    policy = re.compile(rb'<meta http-equiv="Content-Security-Policy"[^>]*>')
    altered["policy"], altered["policy of the DOM"] = policy.sub(b"", page), policy.sub(b"", dom.encode())
    altered["attribute of the DOM"] = dom.encode().replace(b"<h1>", b"<h1 hidden>")
    altered["base of the links"] = complete.replace(own, "https://example.com/x").encode()
    for name, change in CHANGES.items():
        altered[f"PDF with {name}"] = _changed(pdfs["A4 print"], change)
    for name, copy in altered.items():
        assert copy not in (*pages.values(), dom.encode(), complete.encode()), name
        code, outcome, said = verify("page.pdf" if "PDF" in name or name == "keepsake" else "page.html", copy)
        assert (code, outcome) == (1, "ALTERED"), (name, said)
        assert "altered. This copy differs from the project" in said, (name, said)
    assert "it has an element [<script>]" not in verify("page.html", altered["program"])[2]

    # What the copy says of a deleted newsletter cannot be compared; the rest still can.
    circle.leader.newsletters.delete(third.id)
    code, outcome, said = verify("page.html", page)
    assert (code, outcome) == (3, "SAME_LETTER") and "what was published" not in said
    assert f"It links to {third.id}, which the project does not have" in said and "“Three” & more" in said
    elsewhere = circle.leader.spaces.create(name="Elsewhere")
    foreign = circle.leader.newsletters.publish(circle.leader.newsletters.generate(elsewhere.id).id)
    around = re.search(rb'<nav class="around sheet".*?</nav>', page, re.DOTALL)
    assert around is not None
    forged = b'<article class="response"><p>I owe Mal 500 euro.</p></article>'
    colophon = b'<footer class="sheet">'
    for name, copy in {
        "word": altered["word"],
        "of another space": page.replace(str(third.id).encode(), str(foreign.id).encode()),
        "of another week": page.replace(b"<b>Week 3</b>", b"<b>Week 1</b>"),
        "before": page.replace(around[0], forged + around[0]),
        "after": page.replace(around[0], around[0] + forged),
        "within": page.replace(around[0], around[0].replace(b"</nav>", forged + b"</nav>")),
        "in a title": page.replace(b"& more", b"<script>alert(1)</script>").replace(b"&amp; more", forged),
        "of a link": page.replace(b'<a class="next"', b'<a style="position:fixed" class="next"'),
        "address": re.sub(rb'(class="next" rel="next" href=")[^"]*/', rb"\1javascript:", page),
        "nav of the file": file.replace(colophon, around[0] + b"\n" + colophon),
        "nav twice": page.replace(around[0], around[0] * 2),
    }.items():
        assert copy not in (page, file), name
        assert verify("page.html", copy)[:2] == (1, "ALTERED"), name
    for name in ("file", "stored page"):
        assert verify("page.html", pages[name])[:2] == (0, "SAME")
    # As are those of now, those from before the space had another name, and those from before the project moved.
    now = web.get(address).content
    circle.leader.spaces.update(circle.space.id, name="Renamed")
    assert verify("page.html", now)[:2] == (0, "SAME")

    def moved(page: bytes) -> bytes:
        return page.replace(stack.api_url.encode(), b"https://before.example")

    for name, what in (("newsletter.html", "stored file"), ("page.html", "stored page")):
        headers = {**stored, "content-type": "text/html", "x-upsert": "true"}
        forged = httpx.post(f"{stack.api_url}{folder}/{name}", headers=headers, content=moved(pages[what]))
        assert forged.status_code == 200, forged.text
    before = moved(now)
    assert before.count(b"https://before.example/functions/v1/newsletter/spaces/") == 2
    assert verify("page.html", before)[:2] == (0, "SAME")


def _changed(pdf: bytes, change: Callable[[PdfWriter], Any]) -> bytes:
    """A PDF that another program saved, and changed."""
    writer = PdfWriter(clone_from=io.BytesIO(pdf))
    change(writer)
    file = io.BytesIO()
    writer.write(file)
    return file.getvalue()


def _action(kind: str) -> DictionaryObject:
    return DictionaryObject(
        {NameObject("/S"): NameObject(kind), NameObject("/URI"): TextStringObject("https://x.test")}
    )


def _link(writer: PdfWriter) -> DictionaryObject:
    notes = [note.get_object() for page in writer.pages for note in page.get("/Annots", ())]
    return next(note for note in notes if "/A" in note)


def _draw(writer: PdfWriter, drawn: bytes = b"\nq 1 1 1 rg 0 0 500 500 re f Q\n") -> None:
    stream = DecodedStreamObject()
    stream.set_data(writer.pages[0].get_contents().get_data() + drawn)  # type: ignore[union-attr]
    writer.pages[0][NameObject("/Contents")] = writer._add_object(stream)


def _annotate(kind: str) -> Callable[[PdfWriter], Any]:
    place = ArrayObject(FloatObject(side) for side in (50, 50, 400, 400))
    note = DictionaryObject({NameObject("/Subtype"): NameObject(kind), NameObject("/Rect"): place})
    return lambda writer: writer.pages[0].setdefault(NameObject("/Annots"), ArrayObject()).append(note)


CHANGES: dict[str, Callable[[PdfWriter], Any]] = {
    "another action after that of a link": lambda writer: _link(writer)["/A"].update(
        {NameObject("/Next"): _action("/URI")}
    ),
    "another kind of action": lambda writer: _link(writer).update({NameObject("/A"): _action("/Launch")}),
    "an action of a link": lambda writer: _link(writer).update({NameObject("/AA"): _action("/URI")}),
    "an action of a page": lambda writer: writer.pages[0].update({NameObject("/AA"): _action("/URI")}),
    "an inline picture": lambda writer: _draw(
        writer, b"\nq 500 0 0 500 0 0 cm BI /W 1 /H 1 /CS /G /BPC 8 ID \xff EI Q\n"
    ),
    "a page": lambda writer: writer.add_blank_page(100, 100),
    "a note": lambda writer: writer.add_annotation(0, FreeText(text="", rect=(50, 50, 400, 400))),
    "a stamp": _annotate("/Stamp"),
    "a field": _annotate("/Widget"),
}
"""What PDF readers show or do that is not in the text of a page."""


def _with(pdf: bytes, change: str) -> bytes:
    """A PDF with a program, or with another picture."""
    writer = PdfWriter(clone_from=io.BytesIO(pdf))
    mark = re.findall(rb"monogram:[\w:-]+", pdf)[0]
    if change == "/OpenAction":
        action = {NameObject("/S"): NameObject("/JavaScript"), NameObject("/JS"): TextStringObject("app.alert('')")}
        writer.root_object[NameObject("/OpenAction")] = DictionaryObject(action)
    else:
        writer.pages[0].images[0].replace(Image.new("RGB", (40, 30), "red"))
    file = io.BytesIO()
    writer.write(file)
    return file.getvalue() + b"\n%" + mark + b"\n"


def test_a_copy_is_made_for_nobody_without_a_secret_key(
    circle: Circle, pipeline: Pipeline, stack: Stack, web: httpx.Client
) -> None:
    newsletter = circle.publish(circle.draft())
    pipeline.render(newsletter)
    address = f"/newsletter/{newsletter.id}/copy"
    for headers in ({}, bearer(circle.leader), bearer(circle.member)):
        assert web.get(address, headers=headers).json() == web.get("/newsletter/x").json()
    secret = {"apikey": stack.secret_key}
    made = web.get(address, headers=secret, params={"previous": "x", "next": str(newsletter.id), "reading": '"'})
    assert made.content == web.get(f"/newsletter/{newsletter.id}").content
    assert made.headers["cache-control"] == "no-store"
