"""Parse pages as browsers do, for a comparison, and find the mark that identifies the newsletter.

Only these changes count as made by a browser that saved the page: the comment "saved from url"; a tag with the
encoding, as the first of the head; absolute URLs in place of relative ones; pictures in a folder beside the page.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import unescape
from typing import Any
from urllib.parse import urljoin, urlsplit
from uuid import UUID

from monogram_sdk.cli._differences import ELSEWHERE, Word

_SAVED_FROM = re.compile(r" saved from url=\(\d{4}\)([^<>\s]+) ")
_CANONICAL = re.compile(rb'<link rel="canonical" href="([^"]*)">')
_PDF_LINK = re.compile(rb'<a href="([^"?]*)\.pdf[?"]')
_ENCODING = {"http-equiv": "content-type", "content": "text/html; charset=utf-8"}
_ADDRESSES = ("href", "src", "srcset")
_BESIDE = re.compile(r"(?:\./)?[^/:?#\\]+/[^/:?#\\]+")
"""The path of a picture of a saved page: in a folder beside it."""

_OPAQUE = {"style": "style", "script": "program"}


def marks_of(page: bytes) -> list[str]:
    """Return the marks in a page's head, which never contains text written by people."""
    root = _parsed(page.decode("utf-8-sig", "replace"))
    heads = [node for element in _elements(root, "html") for node in _elements(element, "head")]
    tags = [node.attrs for head in heads for node in _elements(head, "meta")]
    return [str(tag.get("content") or "") for tag in tags if tag.get("name") == "monogram"]


class Reader:
    """Parses a copy of a page, and the project's own pages."""

    def __init__(self, shown: list[bytes], kept: bytes, newsletter_id: UUID) -> None:
        """Collect the links of the project's pages, and their absolute form."""
        self._known = frozenset(address for page in shown for address in _addresses_in(_root(page)))
        own = {
            unescape(found[1].decode())
            for page in shown
            for found in [*_CANONICAL.finditer(page), *_PDF_LINK.finditer(page)]
        }
        bases = {base for base in own if str(newsletter_id) in base}
        saved_from = _SAVED_FROM.search(kept[:4096].decode("utf-8", "replace"))
        if saved_from is not None:
            # The page may have been opened with the token of a reading link, or below a folder.
            parts = urlsplit(unescape(saved_from[1]))
            if parts._replace(query="", fragment="", path=parts.path.rstrip("/")).geturl() in bases:
                bases = {parts.geturl()}
        self._own = {
            urljoin(base, address): address
            for address in self._known
            if not re.match(r"[\w+.-]+:", address)
            for base in bases
        }

    def __call__(self, page: bytes) -> list[Word]:
        """Return everything in a page, as a browser parses it."""
        words: list[Word] = []
        root = _root(page)
        saved = _saved(root)
        open_nodes: list[tuple[Any, bool]] = [(root, False)]
        while open_nodes:
            node, is_closed = open_nodes.pop()
            name = str(node.name)
            if is_closed:
                words.append(Word(name, f"</{name}>"))
                continue
            if name == "#text":
                words += _words_in(str(node.data), _OPAQUE.get(str(node.parent.name)) if node.parent else None)
            elif any(node is one for one in saved):
                continue
            elif name == "!doctype":
                kind = node.data
                given = (kind.name, kind.public_id, kind.system_id, kind.force_quirks)
                words.append(Word(repr(given), "document type"))
            elif getattr(node, "attrs", None) is not None:
                words.append(self._element(node))
            elif name not in ("#document", "#document-fragment"):
                words.append(Word(repr((name, node.data)), "comment"))
            open_nodes.append((node, True))
            if getattr(node, "template_content", None) is not None:
                open_nodes.append((node.template_content, False))
            open_nodes += [(child, False) for child in reversed(_children(node))]
        return words

    def _element(self, node: Any) -> Word:  # noqa: ANN401
        given = _attributes(node)
        is_elsewhere = False
        if node.name in ("a", "link") and "href" in given:
            given["href"] = self._named(given["href"])
        if node.name in ("img", "source"):
            for name in ("src", "srcset"):
                if name in given:
                    given[name] = ", ".join(map(self._picture, given[name].split(", ")))
            is_elsewhere = node.name == "img" and not given.get("src", "").startswith("data:")
        text = f"{node.namespace}:{node.name}"
        return Word(text, f"<{node.name}>", tuple(sorted(given.items())), is_elsewhere)

    def _named(self, address: str) -> str:
        """Return a URL in the form in the newsletter."""
        return address if address in self._known else self._own.get(address, address)

    def _picture(self, choice: str) -> str:
        """Return the URL of a picture in the form in the newsletter, with the width that follows it."""
        address, gap, width = choice.partition(" ") if not _BESIDE.fullmatch(choice) else (choice, "", "")
        named = self._named(address)
        is_beside = named not in self._known and _BESIDE.fullmatch(named) is not None
        return f"{ELSEWHERE if is_beside else named}{gap}{width}"


def _words_in(text: str, opaque: str | None) -> list[Word]:
    if opaque is not None:
        return [Word(text, opaque)]
    return [Word(part, " " if part.isspace() else "") for part in re.findall(r"\s+|\S+", text)]


def _root(page: bytes) -> Any:  # noqa: ANN401
    return _parsed(page.decode("utf-8-sig"))


def _parsed(page: str) -> Any:  # noqa: ANN401
    from justhtml import JustHTML

    return JustHTML(page, sanitize=False).root


def _children(node: Any) -> list[Any]:  # noqa: ANN401
    return node.children or []


def _attributes(node: Any) -> dict[str, str]:  # noqa: ANN401
    given: dict[str, str | None] = getattr(node, "attrs", None) or {}
    return {name: value or "" for name, value in given.items()}


def _elements(parent: Any, name: str) -> Iterator[Any]:  # noqa: ANN401
    return (node for node in _children(parent) if node.name == name)


def _addresses_in(root: Any) -> Iterator[str]:  # noqa: ANN401
    nodes: list[Any] = [root]
    while nodes:
        node = nodes.pop()
        nodes += _children(node)
        for name, value in _attributes(node).items():
            if name in _ADDRESSES and value:
                yield from (one.partition(" ")[0] for one in value.split(", "))


def _saved(root: Any) -> list[Any]:  # noqa: ANN401
    """Return the nodes that a browser adds to a page when it saves it."""
    comments = [node for node in _elements(root, "#comment") if _SAVED_FROM.fullmatch(str(node.data))]
    found = comments[:1]
    for element in _elements(root, "html"):
        for head in _elements(element, "head"):
            seen = (node for node in _children(head) if not str(node.data or "").isspace())
            for first in [*seen][:1]:
                given = {name: value.lower() for name, value in _attributes(first).items()}
                if first.name == "meta" and given == _ENCODING:
                    found.append(first)
    return found
