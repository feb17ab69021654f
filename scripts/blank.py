"""Write the list of characters that nobody sees into the database's definition of a blank text and the renderer's.

The list is one: `private.is_blank` in the migration of values and `blank.generated.ts` beside the renderer hold the
same ranges. It comes from Unicode's categories (white space, controls, format characters) and from what is below,
which no category names. `--check` fails when one of the files is out of date. A newer Unicode than the one that Python
knows may have more; ranges that Unicode reserves for such characters are in the list already.

What is not in the list: code points that Unicode has not given to a character yet. Programs draw a box for them, the
next Unicode may make alphabetic characters of them, and the list would depend on the Python that wrote it. Marks of
one script, such as vowel signs, are drawn on a dotted circle where they stand alone.
"""

from __future__ import annotations

import re
import sys
import unicodedata
from collections.abc import Iterable
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parent.parent
MIGRATION = ROOT / "supabase" / "migrations" / "20261123000120_values.sql"
MODULE = ROOT / "supabase" / "functions" / "_shared" / "render" / "blank.generated.ts"

INVISIBLE_CATEGORIES = {"Cc", "Cf", "Zs", "Zl", "Zp"}

# Format characters that are drawn: signs of Arabic, Syriac and Kaithi that enclose numbers.
DRAWN = {*range(0x0600, 0x0606), 0x06DD, 0x070F, 0x0890, 0x0891, 0x08E2, 0x110BD, 0x110CD}

# Nothing is drawn for these, whatever their category says.
FILLERS: tuple[tuple[int, int], ...] = (
    (0x00AD, 0x00AD),  # soft hyphen
    (0x0300, 0x036F),  # marks for characters of any alphabet, which need such a character; so do those below
    (0x115F, 0x1160),  # Hangul fillers
    (0x17B4, 0x17B5),  # Khmer inherent vowels
    (0x180B, 0x180F),  # Mongolian variation selectors and vowel separator
    (0x1AB0, 0x1AFF),  # combining marks, extended
    (0x1DC0, 0x1DFF),  # combining marks, supplement
    (0x2028, 0x2029),  # line and paragraph separators
    (0x2060, 0x206F),  # invisible operators, and what is reserved beside them
    (0x20D0, 0x20FF),  # combining marks for symbols
    (0x2800, 0x2800),  # Braille pattern without a dot
    (0x3164, 0x3164),  # Hangul filler
    (0xE000, 0xF8FF),  # private use: no font but one's own draws it
    (0xFDD0, 0xFDEF),  # code points that are not characters
    (0xFE00, 0xFE0F),  # variation selectors
    (0xFE20, 0xFE2F),  # combining half marks
    (0xFFA0, 0xFFA0),  # halfwidth Hangul filler
    (
        0xFFF0,
        0xFFFC,
    ),  # interlinear annotation, what is reserved beside it, and the place of an object that is not there
    (0xFFFE, 0xFFFF),
    (0x13430, 0x1343F),  # joiners of Egyptian hieroglyphs
    (0x16FE4, 0x16FE4),  # Khitan filler
    (0x1D159, 0x1D159),  # null notehead
    (0x1D173, 0x1D17A),  # beams, ties and slurs of music
    (0x1FFFE, 0x1FFFF),
    (0x2FFFE, 0x2FFFF),
    (0x3FFFE, 0xDFFFF),  # planes without characters
    (0xE0000, 0xEFFFF),  # tags, variation selectors, and what is reserved beside them
    (0xF0000, 0x10FFFF),  # private use
)

_LINE = 100


@cache
def invisible() -> set[int]:
    """Return the code points for which nothing is drawn."""
    named = {
        point
        for point in range(1, sys.maxunicode + 1)
        if point not in DRAWN and unicodedata.category(chr(point)) in INVISIBLE_CATEGORIES
    }
    return named.union(*(range(first, last + 1) for first, last in FILLERS))


def ranges(points: Iterable[int]) -> list[tuple[int, int]]:
    """Return code points as ranges, first to last."""
    found: list[tuple[int, int]] = []
    for point in sorted(points):
        if found and found[-1][1] == point - 1:
            found[-1] = (found[-1][0], point)
        else:
            found.append((point, point))
    return found


def _wrapped(parts: Iterable[str], indent: str, quote: str, joiner: str) -> str:
    lines = [""]
    for part in parts:
        if len(lines[-1]) + len(part) > _LINE:
            lines.append("")
        lines[-1] += part
    return joiner.join(f"{indent}{quote}{line}{quote}" for line in lines)


def _in_sql() -> str:
    def sign(point: int) -> str:
        return f"\\u{point:04X}" if point < 0x10000 else f"\\U{point:08X}"

    found = ranges(invisible())
    parts = (sign(first) if first == last else f"{sign(first)}-{sign(last)}" for first, last in found)
    return _wrapped(parts, "    ", "'", "\n")


def _in_typescript() -> str:
    def sign(point: int) -> str:
        return f"\\\\u{{{point:x}}}"

    found = ranges(invisible())
    parts = (sign(first) if first == last else f"{sign(first)}-{sign(last)}" for first, last in found)
    return _wrapped(parts, "  ", '"', " +\n")


def migration(text: str) -> str:
    """Return the migration of values with the present list in it."""
    return re.sub(
        r"(?<=-- begin of scripts/blank\.py\n).*?(?= *-- end of scripts/blank\.py)",
        lambda _: f"{_in_sql()}\n",
        text,
        count=1,
        flags=re.DOTALL,
    )


def module() -> str:
    """Return the renderer's module."""
    return (
        "// Generated by scripts/blank.py, as is private.is_blank in the database. Do not change it here.\n\n"
        "/** The characters for which nothing is drawn, for use within the brackets of a regular expression. */\n"
        f"export const INVISIBLE_RANGES =\n{_in_typescript()};\n"
    )


def main(arguments: list[str]) -> int:
    """Write both files, or with `--check` say which of them is out of date."""
    wanted = {MIGRATION: migration(MIGRATION.read_text(encoding="utf-8")), MODULE: module()}
    stale = [path for path, text in wanted.items() if not path.exists() or path.read_text(encoding="utf-8") != text]
    if arguments == ["--check"]:
        for path in stale:
            print(f"{path.relative_to(ROOT)} is out of date: run `make generate`.", file=sys.stderr)
        return 1 if stale else 0
    for path in stale:
        path.write_text(wanted[path], encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
