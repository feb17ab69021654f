"""Parse PDFs as viewers do, for a comparison, and find the mark that identifies the newsletter.

A program that saves a PDF numbers the objects, compresses the streams and describes the file in its own way. Everything
else that the catalogue refers to is compared. A newsletter has links to URLs and to places within the document; any
other annotation, action, program, form or file counts as a difference.
"""

from __future__ import annotations

import io
import logging
import re
from collections.abc import Iterator
from decimal import Decimal
from hashlib import sha256
from typing import Any

from monogram_sdk.cli._differences import DRAWING, PICTURE, Word

_KEYWORDS = re.compile(rb"/Keywords (\d+) 0 R\b")
"""As Monogram writes it. Text by people cannot contain it: its parentheses are escaped, and it has no line ends."""

_PACKED = frozenset(("/FlateDecode", "/ASCII85Decode", "/ASCIIHexDecode", "/LZWDecode", "/RunLengthDecode"))
_HOW_PACKED = frozenset(("/Length", "/Filter", "/DecodeParms"))
_DESCRIBED = frozenset(("/Metadata", "/Version"))
"""Entries of the catalogue that describe the file, and are not shown."""

_LINK = frozenset(
    (
        "/Type",
        "/Subtype",
        "/A",
        "/Dest",
        "/Rect",
        "/Border",
        "/C",
        "/F",
        "/Contents",
        "/StructParent",
        "/P",
        "/H",
        "/NM",
    )
)
_PAGE = frozenset(
    (
        "/Type", "/Parent", "/Resources", "/MediaBox", "/CropBox", "/TrimBox", "/BleedBox", "/ArtBox", "/Rotate",
        "/Contents", "/Annots", "/Tabs", "/StructParents", "/Group", "/UserUnit",
    )
)  # fmt: skip
_INLINE = re.compile(rb"(?<![^\s])BI\s[^\x00]*?\sID\s")
"""An inline image in a page's content stream; Monogram writes none."""

_CATALOGUE = frozenset(
    (
        "/Type", "/Pages", "/Names", "/Dests", "/Outlines", "/Lang", "/MarkInfo", "/StructTreeRoot", "/Metadata",
        "/ViewerPreferences", "/PageMode", "/PageLayout", "/Version", "/PageLabels", "/Extensions",
    )
)  # fmt: skip


def marks_of(data: bytes) -> list[str]:
    """Return the marks in a PDF: in its information dictionary, or in its metadata."""
    try:
        reader = _opened(data)
        information: Any = reader.metadata
        found = "" if information is None else str(information.get("/Keywords") or "")
        if not found and reader.xmp_metadata is not None:
            found = str(reader.xmp_metadata.pdf_keywords or "")
    except Exception:  # A damaged or forged file can raise any error in a parser.
        found = ""
    if found:
        return [found]
    # If the file cannot be opened, search for the object that the keywords refer to.
    named = {int(number) for number in _KEYWORDS.findall(data)}
    objects = (rb"\n%d 0 obj\n\((monogram:[\w:-]+)\)\nendobj\n" % number for number in named)
    return [mark.decode() for one in objects for mark in re.findall(one, data)]


def words_of(data: bytes) -> list[Word]:
    """Return everything in a PDF: words, links and pictures first, then a digest of the rest."""
    reader = _opened(data)
    words: list[Word] = []
    for page in reader.pages:
        words.append(Word(repr([_number(side) for side in page.mediabox]), "page"))
        words += [Word(word) for word in page.extract_text().split()]
        words += [Word(digest, PICTURE) for digest in sorted(_pictures_of(page, set()))]
        for reference in page.get("/Annots") or ():
            words += _annotation(reference.get_object())
        strange = [name for name in page if name not in _PAGE]
        strange += ["picture"] * bool(_INLINE.search(page.get_contents().get_data() if "/Contents" in page else b""))
        words += [Word(name, "program") for name in sorted(strange)]
    root: Any = reader.trailer["/Root"]
    programs = [name for name in root if name not in _CATALOGUE]
    programs += [name for name in root.get("/Names", {}) if name != "/Dests"]
    words += [Word(name, "program") for name in sorted(programs)]
    return [*words, Word(_digest_of(root), DRAWING)]


def _opened(data: bytes) -> Any:  # noqa: ANN401
    from pypdf import PdfReader

    logging.getLogger("pypdf").setLevel(logging.CRITICAL)  # It logs warnings about damaged files.
    return PdfReader(io.BytesIO(data))


def _annotation(note: Any) -> list[Word]:  # noqa: ANN401
    """Return the words and the URL of a link; for other annotations, the subtype."""
    words = [Word(word) for word in str(note.get("/Contents", "")).split()]
    if note.get("/Subtype") != "/Link":
        return [*words, Word(str(note.get("/Subtype")), "note")]
    strange = sorted(name for name in note if name not in _LINK)
    action = note.get("/A")
    if action is not None:
        action = action.get_object()
        strange += sorted(name for name in action if name not in ("/Type", "/S", "/URI", "/D"))
        words.append(Word(str(action.get("/URI", ""))))
        if action.get("/S") not in ("/URI", "/GoTo"):
            strange.append(str(action.get("/S")))
    return words + [Word(name, "program") for name in strange]


def _pictures_of(drawn: Any, seen: set[int]) -> Iterator[str]:  # noqa: ANN401
    """Yield the digests of the pictures of a page, including those inside form objects."""
    resources: Any = drawn.get("/Resources")
    objects: Any = None if resources is None else resources.get_object().get("/XObject")
    for name in objects or ():
        found: Any = objects[name]
        if id(found) in seen:
            continue
        seen.add(id(found))
        if found.get("/Subtype") == "/Image":
            yield sha256(found.get_data()).hexdigest()
        else:
            yield from _pictures_of(found, seen)


def _digest_of(root: Any) -> str:  # noqa: ANN401
    """Return a digest of everything that a catalogue refers to, independent of object numbers and compression."""
    from pypdf.generic import ArrayObject, DictionaryObject, IndirectObject, StreamObject

    digest = sha256()
    # Objects are numbered in the order in which they are found.
    numbers: dict[tuple[int, int], int] = {}
    left: list[Any] = [root]
    while left:
        value = left.pop()
        if isinstance(value, IndirectObject):
            name = (value.idnum, value.generation)
            is_new = name not in numbers
            digest.update(f"@{numbers.setdefault(name, len(numbers))} ".encode())
            if is_new:
                left.append(value.get_object())
        elif isinstance(value, DictionaryObject):
            is_stream = isinstance(value, StreamObject)
            skipped: frozenset[str] = _HOW_PACKED if is_stream else frozenset()
            if value is root:
                skipped = _DESCRIBED
            names = sorted(key for key in value if key not in skipped)
            digest.update(f"<{len(names)}{names!r}".encode())
            if is_stream:
                stream: Any = value
                filters: Any = value.get("/Filter") or []
                kinds = re.findall(r"/\w+", str(filters))
                content = stream.get_data()
                content = content if isinstance(content, bytes) else bytes(content, "latin-1")
                digest.update(repr([one for one in kinds if one not in _PACKED]).encode())
                digest.update(sha256(content).digest())
            left += [value.raw_get(name) for name in reversed(names)]
        elif isinstance(value, ArrayObject):
            digest.update(f"[{len(value)}".encode())
            items: list[Any] = [*list.__iter__(value)]  # pyright: ignore[reportUnknownMemberType, reportUnknownArgumentType]
            left += reversed(items)
        else:
            digest.update(_plain(value).encode())
    return digest.hexdigest()


def _plain(value: Any) -> str:  # noqa: ANN401
    if isinstance(value, int | float | Decimal) and not isinstance(value, bool):
        return f"#{_number(value)} "
    original = getattr(value, "original_bytes", None)
    return f"{type(value).__name__[:4]}{original if original is not None else str(value)!r} "


def _number(value: Any) -> str:  # noqa: ANN401
    return f"{float(value):.5f}"
