"""Split a file of SQL into statements, as PostgreSQL would.

Only the parts of the grammar that may hide a semicolon matter: quotes, dollar quotes, comments, parentheses and the
bodies of `begin atomic` functions.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

# The alternatives are tried in order at each position; the last one matches any single character.
_TOKEN = re.compile(
    r"""
      (?P<line_comment> --[^\n]* )
    | (?P<block_comment> /\* )
    | (?P<dollar> (?<![\w$]) \$ (?: [^\W\d]\w* )? \$ )
    | (?P<escape_string> (?<![\w$]) [eE] ' (?: [^'\\] | \\. | '' )* ' )
    | (?P<string> ' (?: [^'] | '' )* ' )
    | (?P<identifier> " (?: [^"] | "" )* " )
    | (?P<word> [^\W\d] [\w$]* )
    | (?P<other> . )
    """,
    re.VERBOSE | re.DOTALL,
)
_COMMENT_EDGE = re.compile(r"/\*|\*/")


@dataclass(frozen=True)
class Statement:
    """One statement of a file."""

    text: str
    """The statement without its semicolon and surrounding white space; comments before and inside it are kept."""

    offset: int
    """Where `text` begins in the file, in characters."""


def split(source: str) -> list[Statement]:
    """Return the statements of `source` in order."""
    statements: list[Statement] = []
    begin = 0
    for end in (*_ends(source), len(source)):
        piece = source[begin:end].rstrip(";")
        text = piece.strip()
        if text:
            statements.append(Statement(text, begin + len(piece) - len(piece.lstrip())))
        begin = end
    return statements


def line_of(source: str, offset: int) -> int:
    """Return the number of the line, from 1, that holds the character at `offset`."""
    return source.count("\n", 0, offset) + 1


def _ends(source: str) -> Iterator[int]:
    """Yield the position after each semicolon that ends a statement."""
    position, depth, previous_word = 0, 0, ""
    atomic = 0  # How many `begin atomic` and `case` are open, each waiting for its `end`.
    while position < len(source):
        match = _TOKEN.match(source, position)
        assert match is not None, "the last alternative matches any character"
        kind, text = match.lastgroup, match[0]
        position = match.end()
        if kind == "block_comment":
            position = _end_of_block_comment(source, position)
        elif kind == "dollar":
            closing = source.find(text, position)
            position = len(source) if closing < 0 else closing + len(text)
        elif kind == "word":
            word = text.lower()
            if (word == "atomic" and previous_word == "begin") or (atomic and word == "case"):
                atomic += 1
            elif atomic and word == "end":
                atomic -= 1
            previous_word = word
        elif text == "(":
            depth += 1
        elif text == ")":
            depth -= 1
        elif text == ";" and depth <= 0 and not atomic:
            yield position


def _end_of_block_comment(source: str, position: int) -> int:
    """Return the position after the comment whose `/*` ends at `position`; such comments nest."""
    depth = 1
    while depth:
        edge = _COMMENT_EDGE.search(source, position)
        if edge is None:
            return len(source)
        depth += 1 if edge[0] == "/*" else -1
        position = edge.end()
    return position
