"""What two files of a newsletter are compared by, piece by piece, and how people are told where they differ."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import takewhile, zip_longest

PICTURE = "picture"
ELSEWHERE = "\0"
"""Stands for the address of a picture where a browser put it. No attribute holds this sign."""

DRAWING = "drawing"
"""How a page of a PDF is drawn: where only this differs, nothing is known of what it shows."""

_WORDS_BEFORE = 2
_WORDS_AFTER = 8
_EXCERPT = 60
_BEFORE = 20


@dataclass(frozen=True)
class Word:
    """What is compared, and what people are told of it: of styles, programs and data only what they are.

    Attributes:
        text: What it says; of an element its name.
        kind: What it is, where it is not said to people: an element begins with "<", what has no name is a space.
        attributes: Those of an element, by name.
        is_elsewhere: It is a picture that is in another file.
    """

    text: str
    kind: str = ""
    attributes: tuple[tuple[str, str], ...] = ()
    is_elsewhere: bool = field(default=False, compare=False)

    @property
    def told(self) -> str:
        """The word for people. What cannot be seen, or steers a terminal, is written as its number."""
        if self.kind:
            return "" if self.kind == " " or self.kind.startswith("<") else f"[{self.kind}]"
        if self.text.lower().startswith("data:") or ";base64," in self.text:
            return "[data]"
        return "".join(sign if sign.isprintable() else f"\\u{ord(sign):04x}" for sign in self.text)

    def stands_for(self, original: Word) -> bool:
        """Return true if it is the original, or what a browser that saves a page makes of it."""
        if self == original:
            return True
        if (self.text, self.kind) != (original.text, original.kind) or self.kind not in ("<img>", "<source>"):
            return False
        mine, theirs = dict(self.attributes), dict(original.attributes)
        if "srcset" in theirs:
            mine.setdefault("srcset", theirs["srcset"])
        return mine.keys() == theirs.keys() and all(_is_picture(mine[name], theirs[name]) for name in mine)


def _is_picture(mine: str, theirs: str) -> bool:
    """Return true if a value is the original, but for pictures in other files that are in another file now."""
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
    """Return the place from which on they differ; None where they are the same."""
    for place, (mine, theirs) in enumerate(zip_longest(ours, original)):
        if mine is None or theirs is None or not mine.stands_for(theirs):
            return place
    return None


def difference(ours: list[Word], original: list[Word], place: int) -> str:
    """Say for people what differs at a place."""
    mine, theirs = (words[place] if place < len(words) else None for words in (ours, original))
    if mine is not None and theirs is not None and mine.kind and mine.kind == theirs.kind:
        if mine.attributes != theirs.attributes:
            return _of_attributes(dict(mine.attributes), dict(theirs.attributes))
        if not mine.kind.startswith("<"):
            return f"it has another {'spacing' if mine.kind == ' ' else mine.kind} than the newsletter"
    for one, has in ((mine, "has"), (theirs, "lacks")):
        if one is not None and one.kind not in ("", " ") and not one.kind.startswith("</"):
            # Between words, it is these that people look for.
            if has == "lacks" and mine is not None and mine.told:
                break
            what = f"an element {_short(one.kind)}" if one.kind.startswith("<") else f"a {one.kind}"
            return f"it {has} {what}, which the newsletter {'does not have' if has == 'has' else 'has'} there"
    same = 0 if mine is None or theirs is None else _same_letters(mine.told, theirs.told)
    return f"it says {_from(ours, place, same)} where the newsletter says {_from(original, place, same)}"


def _of_attributes(mine: dict[str, str], theirs: dict[str, str]) -> str:
    name = next(name for name in sorted({*mine, *theirs}) if mine.get(name) != theirs.get(name))
    if name == "style" or name.startswith("on"):
        return f"it has another {'style' if name == 'style' else 'program'} than the newsletter"
    if name in ("src", "srcset"):
        return f"it has another {PICTURE} than the newsletter"
    if name not in theirs:
        return f"it has an attribute {_short(Word(name).told)}, which the newsletter does not have there"
    if name not in mine:
        return f"it lacks an attribute {name}, which the newsletter has there"
    words = [Word(mine[name])], [Word(theirs[name])]
    same = _same_letters(words[0][0].told, words[1][0].told)
    return f"it says {_from(words[0], 0, same)} where the newsletter says {_from(words[1], 0, same)}"


def _same_letters(one: str, other: str) -> int:
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False)))


def _from(words: list[Word], place: int, same: int) -> str:
    """Return the words around a place, short; of a long word the part after as many letters as are the same."""
    after = [word.told for word in words[place : place + 8 * _WORDS_AFTER] if word.told][:_WORDS_AFTER]
    if not after:
        return "nothing more"
    around = [word.told for word in words[max(place - 8 * _WORDS_BEFORE, 0) : place] if word.told]
    before, found = " ".join(around[-_WORDS_BEFORE:]), " ".join(after)
    if same > _BEFORE:
        found = f"…{found[same - _BEFORE // 2 :]}"
    if len(before) > _BEFORE:
        before = f"…{before[-_BEFORE:]}"
    return f"“{_short(f'{before} {found}'.strip())}”"


def _short(text: str) -> str:
    return text if len(text) <= _EXCERPT else f"{text[:_EXCERPT]}…"
