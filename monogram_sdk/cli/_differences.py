"""The pieces by which two files of a newsletter are compared, and the description of their first difference."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import takewhile, zip_longest

PICTURE = "picture"
ELSEWHERE = "\0"
"""Stands for the URL of a picture in a browser's folder. No attribute contains this character."""

DRAWING = "drawing"
"""How a PDF is drawn. If only this differs, what it shows cannot be compared."""

_WORDS_BEFORE = 2
_WORDS_AFTER = 8
_EXCERPT = 60
_BEFORE = 20


@dataclass(frozen=True)
class Word:
    """A piece of a file: a word, an element, or something else of which messages show only the kind.

    Attributes:
        text: The word; for an element, its name.
        kind: Empty for a word; ``<...>`` for an element; a space for white space; otherwise its name for messages.
        attributes: The attributes of an element, by name.
        is_elsewhere: Whether it is a picture in another file.
    """

    text: str
    kind: str = ""
    attributes: tuple[tuple[str, str], ...] = ()
    is_elsewhere: bool = field(default=False, compare=False)

    @property
    def shown(self) -> str:
        """The word for messages. Invisible and control characters are escaped."""
        if self.kind:
            return "" if self.kind == " " or self.kind.startswith("<") else f"[{self.kind}]"
        if self.text.lower().startswith("data:") or ";base64," in self.text:
            return "[data]"
        return "".join(char if char.isprintable() else f"\\u{ord(char):04x}" for char in self.text)

    def stands_for(self, original: Word) -> bool:
        """Return True if it is the original, or what a browser makes of it when it saves a page."""
        if self == original:
            return True
        if (self.text, self.kind) != (original.text, original.kind) or self.kind not in ("<img>", "<source>"):
            return False
        mine, theirs = dict(self.attributes), dict(original.attributes)
        if "srcset" in theirs:
            mine.setdefault("srcset", theirs["srcset"])
        return mine.keys() == theirs.keys() and all(_is_picture(mine[name], theirs[name]) for name in mine)


def _is_picture(mine: str, theirs: str) -> bool:
    """Return True if a value is the original, apart from pictures that a browser has saved in its folder."""
    if mine == theirs:
        return True
    pairs = list(zip_longest(mine.split(", "), theirs.split(", "), fillvalue=""))
    return all(
        one == other
        or (
            one.partition(" ")[0] == ELSEWHERE
            and one.partition(" ")[2] == other.partition(" ")[2]
            and not other.startswith("data:")
        )
        for one, other in pairs
    )


def first_difference(ours: list[Word], original: list[Word]) -> int | None:
    """Return the position of the first difference; None if they are the same."""
    for place, (mine, theirs) in enumerate(zip_longest(ours, original)):
        if mine is None or theirs is None or not mine.stands_for(theirs):
            return place
    return None


def difference(ours: list[Word], original: list[Word], place: int) -> str:
    """Return in words what differs at a position."""
    mine, theirs = (words[place] if place < len(words) else None for words in (ours, original))
    if mine is not None and theirs is not None and mine.kind and mine.kind == theirs.kind:
        if mine.attributes != theirs.attributes:
            return _of_attributes(dict(mine.attributes), dict(theirs.attributes))
        if not mine.kind.startswith("<"):
            return f"it has another {'spacing' if mine.kind == ' ' else mine.kind} than the newsletter"
    for one, has in ((mine, "has"), (theirs, "lacks")):
        if one is not None and one.kind not in ("", " ") and not one.kind.startswith("</"):
            # If a word is there instead, showing the words is more helpful.
            if has == "lacks" and mine is not None and mine.shown:
                break
            what = f"an element {_short(one.kind)}" if one.kind.startswith("<") else f"a {one.kind}"
            return f"it {has} {what}, which the newsletter {'does not have' if has == 'has' else 'has'} there"
    same = 0 if mine is None or theirs is None else _same_length(mine.shown, theirs.shown)
    return f"it says {_from(ours, place, same)} where the newsletter says {_from(original, place, same)}"


def _of_attributes(mine: dict[str, str], theirs: dict[str, str]) -> str:
    name = next(name for name in sorted({*mine, *theirs}) if mine.get(name) != theirs.get(name))
    if name == "style" or name.startswith("on"):
        return f"it has another {'style' if name == 'style' else 'program'} than the newsletter"
    if name in ("src", "srcset"):
        return f"it has another {PICTURE} than the newsletter"
    if name not in theirs:
        return f"it has an attribute {_short(Word(name).shown)}, which the newsletter does not have there"
    if name not in mine:
        return f"it lacks an attribute {name}, which the newsletter has there"
    words = [Word(mine[name])], [Word(theirs[name])]
    same = _same_length(words[0][0].shown, words[1][0].shown)
    return f"it says {_from(words[0], 0, same)} where the newsletter says {_from(words[1], 0, same)}"


def _same_length(one: str, other: str) -> int:
    """Return how many characters at the start of two texts are the same."""
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False)))


def _from(words: list[Word], place: int, same: int) -> str:
    """Return an excerpt around a position; of a long word, the part from about where it differs."""
    after = [word.shown for word in words[place : place + 8 * _WORDS_AFTER] if word.shown][:_WORDS_AFTER]
    if not after:
        return "nothing more"
    around = [word.shown for word in words[max(place - 8 * _WORDS_BEFORE, 0) : place] if word.shown]
    before, found = " ".join(around[-_WORDS_BEFORE:]), " ".join(after)
    if same > _BEFORE:
        found = f"…{found[same - _BEFORE // 2 :]}"
    if len(before) > _BEFORE:
        before = f"…{before[-_BEFORE:]}"
    return f"“{_short(f'{before} {found}'.strip())}”"


def _short(text: str) -> str:
    return text if len(text) <= _EXCERPT else f"{text[:_EXCERPT]}…"
