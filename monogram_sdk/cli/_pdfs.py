"""A PDF as a reader takes it apart, for comparing, and where Monogram writes into it what it is.

A program that saves a PDF anew numbers its objects, packs its streams and describes the file in its own way. All else
that the catalogue leads to is compared. Of links, a newsletter has those to an address and to a place within; every
other annotation, action, program, form and file in it differs.
"""

from __future__ import annotations

import io
import logging
import re
from collections.abc import Iterator
from decimal import Decimal
from hashlib import sha256
from typing import Any

from monogram_sdk.cli._words import DRAWING, PICTURE, Word

_KEYWORDS = re.compile(rb"/Keywords (\d+) 0 R\b")
"""As Monogram writes it. In a text of people, brackets are escaped, and no line ends."""

_PACKED = frozenset(("/FlateDecode", "/ASCII85Decode", "/ASCIIHexDecode", "/LZWDecode", "/RunLengthDecode"))
_HOW_PACKED = frozenset(("/Length", "/Filter", "/DecodeParms"))
_DESCRIBED = frozenset(("/Metadata", "/Version"))
"""In the catalogue: what describes the file, and shows nothing."""

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
"""A picture within the drawing of a page; Monogram writes none."""

_CATALOGUE = frozenset(
    (
        "/Type", "/Pages", "/Names", "/Dests", "/Outlines", "/Lang", "/MarkInfo", "/StructTreeRoot", "/Metadata",
        "/ViewerPreferences", "/PageMode", "/PageLayout", "/Version", "/PageLabels", "/Extensions",
    )
)  # fmt: skip


def marks_of(data: bytes) -> list[str]:
    """Return what a PDF says for programs that it is: in its information, or in its metadata."""
    try:
        reader = _opened(data)
        information: Any = reader.metadata
        found = "" if information is None else str(information.get("/Keywords") or "")
        if not found and reader.xmp_metadata is not None:
            found = str(reader.xmp_metadata.pdf_keywords or "")
    except Exception:  # What somebody made of a file may fail a reader in any way.
        found = ""
    if found:
        return [found]
    # Of a file that cannot be opened: what the object has that is named.
    named = {int(number) for number in _KEYWORDS.findall(data)}
    objects = (rb"\n%d 0 obj\n\((monogram:[\w:-]+)\)\nendobj\n" % number for number in named)
    return [mark.decode() for one in objects for mark in re.findall(one, data)]


def words_of(data: bytes) -> list[Word]:
    """Return all that a PDF is made of: words, links and pictures first, then the rest."""
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

    logging.getLogger("pypdf").setLevel(logging.CRITICAL)  # It says there what it thinks of a damaged file.
    return PdfReader(io.BytesIO(data))


def _annotation(note: Any) -> list[Word]:  # noqa: ANN401
    """Return the words and the address of a link; of all else what it is."""
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
    """Yield the digests of the pictures of a page, also in what it draws as a whole."""
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
    """Return a digest of all that a catalogue leads to, whatever numbers its objects have and however it is packed."""
    from pypdf.generic import ArrayObject, DictionaryObject, IndirectObject, StreamObject

    digest = sha256()
    # Objects are named by the order in which they are come by.
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
