"""Hold a newsletter's file that somebody kept against the file that the project shows.

What a browser or a reader of PDFs draws cannot be told from words alone: markup hides words, and draws others from
attributes, frames and annotations. So only a file as Monogram hands it out, but for what no program shows, is the same.
A page that was shown to one reader has links of its own, to other newsletters and with a token: the function
`newsletter` writes the same links into the stored page anew, and the bytes are compared. Words, links and pictures are
compared to say where another file differs, if they do.
"""

from __future__ import annotations

import io
import logging
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from hashlib import sha256
from html import unescape
from html.parser import HTMLParser
from itertools import takewhile, zip_longest
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode, urljoin
from uuid import UUID

if TYPE_CHECKING:
    from monogram_sdk import Monogram

_PDF = b"%PDF-"
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_WHITE_SPACE = b" \t\r\n"
_SAVED_FROM = re.compile(rb"\A(<!doctype html>)\s*(?:<!-- saved from url=\(\d{4}\)([^<>\s]+) -->\s*)?", re.IGNORECASE)
"""The start of a page, with the comment that browsers write there when they save it. Elsewhere it may be no comment."""

_STORED = ((b"\n<!--feed-->\n<style>", b"\n\n<style>"), (b"\n<!--around-->\n<footer ", b"\n\n<footer "))
"""Where a page, as it lies in storage, has nothing yet of what is around it."""

_FUNCTION = "/functions/v1/newsletter"
_UUID = re.compile(rb"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_NEIGHBOUR = re.compile(rb'<a class="(prev|next)" rel="(?:prev|next)" href="([^"]*)"')
_ALL = b'<a class="all" href="'
_FEED = re.compile(rb'<link rel="alternate" type="application/atom\+xml" title="([^"]*)" href="')
_NAVIGATION = re.compile(rb'(?<=</main>\n)<nav class="around sheet".*?</nav>(?=\n<footer )', re.DOTALL)
_CANONICAL = re.compile(rb'<link rel="canonical" href="([^"]*)">')

_WORDS_BEFORE = 2
_WORDS_AFTER = 8
_EXCERPT = 60
_BEFORE = 20


class Outcome(StrEnum):
    """How a file compares with what the project shows."""

    SAME = "SAME"
    """It is a file as the project hands it out."""
    SAME_LINES = "SAME_LINES"
    """The same but for what nobody sees: line ends, a byte order mark, white space at the end of lines or of the file,
    and the comment "saved from url" that browsers write."""
    SAME_LETTER = "SAME_LETTER"
    """The same but for the links around the newsletter, which lead to one that the project does not have (any more)."""
    SAME_WORDS_ONLY = "SAME_WORDS_ONLY"
    """Another file with the same words and links. What a browser or a reader shows of it may differ."""
    ALTERED = "ALTERED"
    """It says or shows something else, or cannot be opened."""


@dataclass(frozen=True)
class Comparison:
    """How a file compares with what the project shows.

    Attributes:
        outcome: The result.
        difference: For people: where they begin to differ; of a file that cannot be told, why.
        lacks_pictures: Whether it has pictures that are not in the file, and so were not compared.
    """

    outcome: Outcome
    difference: str = ""
    lacks_pictures: bool = False


def compare(client: Monogram, newsletter_id: UUID, kept: bytes, *, response_id: UUID | None = None) -> Comparison:
    """Hold a file against the same newsletter as the project shows it, words and all.

    Args:
        client: A client with the project's secret key.
        newsletter_id: The newsletter.
        kept: The file.
        response_id: Of a keepsake: the response that it shows.

    Raises:
        MonogramError: The project's own file cannot be had.
    """
    if kept.lstrip()[: len(_PDF)] == _PDF:
        return _compare_pdf(kept, _pdfs(client, newsletter_id, response_id))
    return _compare_page(client, newsletter_id, kept)


def _pdfs(client: Monogram, newsletter_id: UUID, response_id: UUID | None) -> Iterator[bytes]:
    from monogram_sdk.errors import NewsletterNotFoundError

    if response_id is not None:
        try:
            yield client.newsletters.keepsake(response_id)
        except NewsletterNotFoundError:  # It names a response that no newsletter has.
            pass
        else:
            return
    for paper in ("print", "screen"):
        for size in ("A4", "LETTER"):
            yield client.newsletters.pdf(newsletter_id, size=size, paper=paper)


def _compare_pdf(kept: bytes, files: Iterable[bytes]) -> Comparison:
    shown: list[bytes] = []
    for file in files:
        if kept == file:
            return Comparison(Outcome.SAME)
        if kept.rstrip(_WHITE_SPACE) == file.rstrip(_WHITE_SPACE):
            return Comparison(Outcome.SAME_LINES)
        shown.append(file)
    return _by_words(
        _words_of_pdf,
        kept,
        shown,
        "A PDF that another program saved anew is like this, one with notes, and a keepsake of another version of "
        "Monogram: look at it next to what `newsletters.pdf()` or `keepsake()` returns, which is the project's own",
    )


_LOST = (
    "What stands around it leads to another one, which the project does not have any more; what it says of that was "
    "not compared"
)
_OTHER_PAGE = (
    "A page that a browser saved by “Save as” is like this, and one of another version of Monogram: look at it next to "
    "what `newsletters.html()` returns, which is the project's own"
)


def _compare_page(client: Monogram, newsletter_id: UUID, kept: bytes) -> Comparison:
    file = client.newsletters.html(newsletter_id)
    plain = kept
    for mark, nothing in _STORED:
        plain = plain.replace(mark, nothing, 1)
    if outcome := _same(plain, file):
        return Comparison(outcome)
    around = _Around.of(kept, newsletter_id)
    # Where the project and its pages are now, and where they were when the page was made.
    places: list[dict[str, str]] = [{}, _addresses_in(file, newsletter_id)]
    shown = [_page(client, newsletter_id, around, place) for place in places]
    lost = around.neighbours - _Around.of(shown[0], newsletter_id).neighbours
    if lost:
        plain = _NAVIGATION.sub(b"", plain, count=1)
        shown = [_page(client, newsletter_id, around.without_neighbours(), place) for place in places]
    for page in shown:
        if outcome := _same(plain, page):
            lacks_pictures = re.search(rf' src="(?:\.\./)?{newsletter_id}/'.encode(), page) is not None
            if lost:
                return Comparison(Outcome.SAME_LETTER, _LOST, lacks_pictures)
            return Comparison(outcome, lacks_pictures=lacks_pictures)
    return _by_words(_PageReader([file, *shown], kept), plain, [file, *shown], _OTHER_PAGE)


def _same(kept: bytes, shown: bytes) -> Outcome | None:
    if kept == shown:
        return Outcome.SAME
    return Outcome.SAME_LINES if _lines(kept) == _lines(shown) else None


def _lines(page: bytes) -> list[bytes]:
    """Return a page without what no browser shows and no program that saves it is bound to keep."""
    text = page.removeprefix(_BYTE_ORDER_MARK).replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    text = _SAVED_FROM.sub(rb"\1", text).rstrip(_WHITE_SPACE)
    return [line.rstrip(_WHITE_SPACE) for line in text.split(b"\n")]


@dataclass(frozen=True)
class _Around:
    """What a page holds that is not the same for each of its readers; the names are those of the function."""

    previous: str | None = None
    next: str | None = None
    all: bool = False
    feed: str | None = None
    reading: str | None = None
    folder: bool = False

    @classmethod
    def of(cls, page: bytes, newsletter_id: UUID) -> _Around:
        """Read it in a page, whoever made that."""
        beside: dict[bytes, str] = {}
        for kind, address in _NEIGHBOUR.findall(page):
            found = _UUID.findall(address)
            beside.setdefault(kind, found[-1].decode().lower() if found else "none")
        feed = _FEED.search(page)
        file = re.search(
            rf'href="([^"]*){newsletter_id}\.html(?:\?link=([A-Za-z0-9_-]{{32}}))?" download'.encode(), page
        )
        return cls(
            previous=beside.get(b"prev"),
            next=beside.get(b"next"),
            all=_ALL in page,
            feed=None if feed is None else unescape(feed[1].decode("utf-8", "replace")),
            reading=None if file is None or file[2] is None else file[2].decode(),
            folder=file is not None and file[1] == b"../",
        )

    @property
    def neighbours(self) -> set[str]:
        """The newsletters to which it leads."""
        return {one for one in (self.previous, self.next) if one is not None}

    def without_neighbours(self) -> _Around:
        """Return it without the links to other newsletters."""
        return _Around(feed=self.feed, reading=self.reading, folder=self.folder)


def _page(client: Monogram, newsletter_id: UUID, around: _Around, place: dict[str, str]) -> bytes:
    """Have the page made that somebody was shown."""
    asked = {name: "1" if value is True else value for name, value in vars(around).items() if value} | place
    from monogram_sdk._engine.contents import LETTER
    from monogram_sdk._engine.request import Request

    path = f"{_FUNCTION}/{newsletter_id}/copy?{urlencode(asked)}"
    request = Request("GET", path, headers={"accept": "*/*"}, content=LETTER)
    return client.newsletters._engine.send(request).content  # pyright: ignore[reportPrivateUsage]


def _addresses_in(page: bytes, newsletter_id: UUID) -> dict[str, str]:
    """Return where the project and its pages were when it made this page."""
    found: dict[str, str] = {}
    if canonical := _CANONICAL.search(page):
        found["template"] = unescape(canonical[1].decode()).replace(str(newsletter_id), "{id}")
    if pdf := re.search(rf'<a href="([^"]*){_FUNCTION}/{newsletter_id}\.pdf"'.encode(), page):
        found["project"] = unescape(pdf[1].decode())
    return found


@dataclass(frozen=True)
class _Word:
    """What is compared, and what people are told of it: of styles, programs and data only what they are."""

    text: str
    kind: str = ""

    @property
    def told(self) -> str:
        """The word for people. What cannot be seen, or steers a terminal, is written as its number."""
        if self.kind:
            return f"[{self.kind}]"
        return "".join(sign if sign.isprintable() else f"\\u{ord(sign):04x}" for sign in self.text)


_PICTURE = "picture"
_ELSEWHERE = _Word("", _PICTURE)
"""A picture that is in another file, where a browser put it."""


def _by_words(words_of: Callable[[bytes], list[_Word]], kept: bytes, shown: list[bytes], advice: str) -> Comparison:
    """Compare with each file of the same newsletter, and tell where the one that is nearest differs."""
    try:
        ours = words_of(kept)
    except Exception:  # What somebody made of a file may fail a reader in any way.
        return Comparison(Outcome.ALTERED, "it cannot be opened: it is damaged, or not complete")
    lacks_pictures = _ELSEWHERE in ours
    nearest: tuple[int, list[_Word]] = (-1, [])
    for original in map(words_of, shown):
        place = _first_difference(ours, original)
        if place is None:
            return Comparison(Outcome.SAME_WORDS_ONLY, advice, lacks_pictures)
        nearest = max(nearest, (place, original), key=lambda found: found[0])
    return Comparison(Outcome.ALTERED, _difference(ours, nearest[1], nearest[0]), lacks_pictures)


def _first_difference(ours: list[_Word], original: list[_Word]) -> int | None:
    for place, (mine, theirs) in enumerate(zip_longest(ours, original)):
        if mine != theirs and not (mine == _ELSEWHERE and theirs is not None and theirs.kind == _PICTURE):
            return place
    return None


def _difference(ours: list[_Word], original: list[_Word], place: int) -> str:
    mine, theirs = (words[place] if place < len(words) else None for words in (ours, original))
    if mine is not None and theirs is not None and mine.kind and mine.kind == theirs.kind:
        return f"it has another {mine.kind} than the newsletter"
    if mine is not None and mine.kind.startswith("<"):
        return f"it has an element {mine.kind}, which the newsletter does not have there"
    pairs = zip(mine.told, theirs.told, strict=False) if mine is not None and theirs is not None else ()
    same = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))
    return f"it says {_from(ours, place, same)} where the newsletter says {_from(original, place, same)}"


def _from(words: list[_Word], place: int, same: int) -> str:
    """Return the words around a place, short; of a long word the part after as many letters as are the same."""
    if place >= len(words):
        return "nothing more"
    before = " ".join(word.told for word in words[max(place - _WORDS_BEFORE, 0) : place])
    found = " ".join(word.told for word in words[place : place + _WORDS_AFTER])
    if same > _BEFORE:
        found = f"…{found[same - _BEFORE // 2 :]}"
    if len(before) > _BEFORE:
        before = f"…{before[-_BEFORE:]}"
    text = f"{before} {found}".strip()
    return f"“{text}”" if len(text) <= _EXCERPT else f"“{text[:_EXCERPT]}…”"


def _words_in(text: str) -> list[_Word]:
    return [
        _Word(word, "data" if word.lower().startswith("data:") or ";base64," in word else "") for word in text.split()
    ]


def _words_of_pdf(data: bytes) -> list[_Word]:
    from pypdf import PdfReader

    logging.getLogger("pypdf").setLevel(logging.CRITICAL)  # It says there what it thinks of a damaged file.
    reader: Any = PdfReader(io.BytesIO(data))
    words: list[_Word] = []
    for page in reader.pages:
        words += _words_in(page.extract_text())
        words += [_Word(digest, _PICTURE) for digest in sorted(_pictures_of(page, set()))]
        for reference in page.get("/Annots") or ():
            note = reference.get_object()
            words += _words_in(str(note.get("/Contents", "")))
            link = note.get("/A")
            if link is not None:
                words.append(_Word(str(link.get_object().get("/URI") or link.get_object().get("/S"))))
        words += [_Word(name, "program") for name in ("/AA",) if name in page]
    root: Any = reader.trailer["/Root"]
    programs = [name for name in ("/OpenAction", "/AA", "/AcroForm") if name in root]
    programs += [name for name in ("/JavaScript", "/EmbeddedFiles") if name in root.get("/Names", {})]
    return words + [_Word(name, "program") for name in programs]


def _pictures_of(drawn: Any, seen: set[int]) -> Iterator[str]:  # noqa: ANN401
    """Yield the digests of the pictures of a page, also in what it draws as a whole."""
    resources: Any = drawn.get("/Resources")
    objects: Any = None if resources is None else resources.get("/XObject")
    for name in objects or ():
        found: Any = objects[name]
        if id(found) in seen:
            continue
        seen.add(id(found))
        if found.get("/Subtype") == "/Image":
            yield sha256(found.get_data()).hexdigest()
        else:
            yield from _pictures_of(found, seen)


class _PageReader:
    """Reads the words of a page that somebody kept, and of the project's own."""

    def __init__(self, shown: list[bytes], kept: bytes) -> None:
        """Learn what a browser makes of the links within a page when it saves it."""
        saved_from = _SAVED_FROM.match(kept.removeprefix(_BYTE_ORDER_MARK).lstrip(_WHITE_SPACE))
        if saved_from is not None and saved_from[2] is not None:
            bases = [saved_from[2].decode("utf-8", "replace")]
        else:
            bases = [found[1].decode() for found in map(_CANONICAL.search, shown) if found is not None]
        self._known = frozenset(address for page in shown for address in _parsed(page, frozenset(), {}).addresses)
        self._own = {
            urljoin(unescape(base), address): address
            for address in self._known
            if not re.match(r"[\w+.-]+:", address)
            for base in bases
        }

    def __call__(self, page: bytes) -> list[_Word]:
        """Return the words of a page, its links, its pictures, and what could change them."""
        return _parsed(page, self._known, self._own).words


def _parsed(page: bytes, known: frozenset[str], own: Mapping[str, str]) -> _Page:
    parser = _Page(known, own)
    parser.feed(page.decode("utf-8-sig"))
    parser.close()
    return parser


_FOREIGN = frozenset(
    "applet audio base button canvas dialog embed form frame frameset iframe input math noscript object portal script "
    "select template textarea video".split()
)
"""Elements that no newsletter has, and with which a page shows something else, or runs a program."""

_ADDRESSES = ("action", "background", "data", "formaction", "href", "poster", "src", "xlink:href")
_SAID = ("alt", "label", "placeholder", "srcdoc", "title", "value")
_BESIDE = re.compile(r"(?:\./)?[^/:?#]+/[^/:?#]+")
"""Where a browser puts the pictures of a page that it saves: in a folder beside it."""


class _Page(HTMLParser):
    """The words of a page, its links and pictures, and what could change them: programs, styles, other elements."""

    def __init__(self, known: frozenset[str], own: Mapping[str, str]) -> None:
        """Take the addresses of the newsletter, and which of them others stand for."""
        super().__init__(convert_charrefs=True)
        self._known = known
        self._own = own
        self.words: list[_Word] = []
        self.addresses: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Take the links, pictures and programs that a tag holds."""
        given = {name: value or "" for name, value in attrs}
        if tag in _FOREIGN:
            self.words.append(_Word(tag, f"<{tag}>"))
        if tag == "meta" and given.get("http-equiv", "").lower() == "refresh":
            self.words.append(_Word(given.get("content", ""), "<meta>"))
        # What the tab of a browser shows, and what is said to programs: neither is in the letter.
        is_icon = tag == "link" and given.get("rel") == "icon"
        is_shown = tag not in ("link", "meta")
        for name, value in given.items():
            if name == "style" or name.startswith("on"):
                self._take_opaque(value, "style" if name == "style" else "program")
            elif name == "src" and tag == "img":
                self._take_picture(value)
            elif name == "srcset":
                self._take_choice([one.split()[0] for one in value.split(",") if one.strip()])
            elif name in _ADDRESSES and not is_icon:
                self.addresses.add(value)
                self.words += _words_in(self._named(value))
            elif name in _SAID and is_shown:
                self.words += _words_in(value)

    def handle_data(self, data: str) -> None:
        """Take words, styles and programs."""
        if self.cdata_elem in ("style", "script"):
            self._take_opaque(data, "style" if self.cdata_elem == "style" else "program")
        else:
            self.words += _words_in(data)

    def _named(self, address: str) -> str:
        """Return an address as the newsletter has it."""
        return address if address in self._known else self._own.get(address, address)

    def _take_picture(self, address: str) -> None:
        self.addresses.add(address)
        named = self._named(address)
        is_beside = named not in self._known and _BESIDE.fullmatch(named) is not None
        self.words.append(_ELSEWHERE if is_beside and self._known else _Word(named, _PICTURE))

    def _take_choice(self, addresses: list[str]) -> None:
        """Take the sizes of a picture. A browser that saves a page may leave some of them out."""
        self.addresses.update(addresses)
        for named in map(self._named, addresses if self._known else ()):
            if named not in self._known and _BESIDE.fullmatch(named) is None:
                self.words.append(_Word(named, "choice of pictures"))

    def _take_opaque(self, text: str, kind: str) -> None:
        self.words.append(_Word(" ".join(text.split()), kind))
