"""Find words in our prose that the vocabulary does not have: one thing has one name.

    python scripts/check_vocabulary.py [PATH ...]

Prose is what people read: comments, docstrings, messages, documentation. Code in it (between backticks, with an
underscore, a dot or brackets within) is left alone, and so are the texts that readers of newsletters see. The words and
what stands for them are those of docs/contributing/vocabulary.md.
"""

from __future__ import annotations

import io
import re
import subprocess
import sys
import tokenize
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parent.parent

# What is looked for, and what to write.
WORDS = {
    r"\banswer(s|ed|ing)?\b": "response (a member's), reply (a server's), result or 'return'",
    r"\bletters?\b": "newsletter (or character)",
    r"\bpens?\b": "curator",
    r"\bmails?\b(?! (server|client|program|provider|host|exchanger|worker)s?\b)": "email",
    r"\bmailed\b": "sent by email",
    r"\bworlds\b": "the sync and the async client",
    r"\b(there|it|that) (is|was) none\b": "say what is missing",
    r"(?<!here )\b(is|are|was|were) no (?!longer\b|more\b|one\b|different\b|better\b|worse\b)": "is not a ...",
    r"\bfor ever\b": "until ..., or without end",
}

# Folders and files whose prose is not ours, or is meant for readers of newsletters.
LEFT_ALONE = (
    "supabase/functions/_shared/words/",
    "supabase/functions/_shared/NOTICE",
    "tests/corpus/",
    "monogram_sdk/_sync/",
    "monogram_sdk/_engine/_sync/",
    "tests/sdk/_sync/",
    "LICENSE",
    "CHANGELOG.md",
    "docs/contributing/vocabulary.md",
    # A style sheet, with `letter-spacing`.
    "supabase/functions/_shared/render/page_style.ts",
    "scripts/check_vocabulary.py",
)

_CODE = re.compile(
    r"``[^`]*``|`[^`\n]*`|\b[\w.]*[a-z0-9][._][a-z]\w*(\(\))?|\b\w+\(\)|\b[a-z]+[A-Z]\w*"
    r"|https?://\S+|<[^>]*>|\{[^}]*\}"
)


class Finding(NamedTuple):
    """A word that the vocabulary does not have."""

    path: str
    line: int
    word: str
    better: str
    text: str


def findings(path: Path) -> Iterator[Finding]:
    """Yield what the prose of a file should not say."""
    name = str(path.relative_to(ROOT))
    for line, text in _prose(path, messages=not name.startswith("tests/") and not name.endswith("_test.ts")):
        prose = _CODE.sub(lambda code: "·" * len(code[0]), text)
        for pattern, better in WORDS.items():
            for found in re.finditer(pattern, prose, re.IGNORECASE):
                if found[0] not in ("Letter", "LETTER"):
                    yield Finding(name, line, found[0], better, text.strip())


def _prose(path: Path, *, messages: bool) -> Iterator[tuple[int, str]]:
    text = path.read_text(encoding="utf-8")
    match path.suffix:
        case ".py":
            yield from _of_python(text, messages=messages)
        case ".md":
            yield from _of_markdown(text)
        case ".sql":
            yield from _of_sql(text)
        case ".ts":
            yield from _of_typescript(text, messages=messages)
        case _:
            for number, line in enumerate(text.splitlines(), 1):
                if line.lstrip().startswith("#"):
                    yield number, line


def _of_python(text: str, *, messages: bool) -> Iterator[tuple[int, str]]:
    """Yield comments and strings; of strings that are not docstrings only those of several words, if at all."""
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        kind = tokenize.tok_name[token.type]
        is_string = kind in ("STRING", "FSTRING_MIDDLE")
        is_docstring = is_string and token.string.startswith(('"""', 'r"""'))
        if kind == "COMMENT" or is_docstring or (is_string and messages and " " in token.string.strip()):
            for offset, line in enumerate(token.string.splitlines()):
                yield token.start[0] + offset, line


def _of_markdown(text: str) -> Iterator[tuple[int, str]]:
    fenced = False
    for number, line in enumerate(text.splitlines(), 1):
        if line.lstrip().startswith("```"):
            fenced = not fenced
        elif not fenced:
            yield number, line
        elif "#" in line:
            yield number, line.partition("#")[2]


def _of_sql(text: str) -> Iterator[tuple[int, str]]:
    for number, line in enumerate(text.splitlines(), 1):
        for found in re.finditer(r"--.*|'(?:[^']|'')* (?:[^']|'')*'", line):
            yield number, found[0]


_TYPESCRIPT = re.compile(
    r"(?P<comment>/\*.*?\*/|//[^\n]*)"
    r"|(?P<string>\"(?:[^\"\\\n]|\\.)*\"|'(?:[^'\\\n]|\\.)*'|`(?:[^`\\]|\\.)*`)"
    # A regular expression, which may hold quotes.
    r"|(?<=[=(,:!&|?;\s\[])/(?![/*])(?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/\\\n])+/[a-z]*",
    re.DOTALL,
)


def _of_typescript(text: str, *, messages: bool) -> Iterator[tuple[int, str]]:
    for found in _TYPESCRIPT.finditer(text):
        if found["comment"] or (messages and found["string"] and " " in found["string"]):
            start = text.count("\n", 0, found.start()) + 1
            for offset, line in enumerate(found[0].strip("`").splitlines()):
                yield start + offset, line


def _files(paths: Iterable[str]) -> list[Path]:
    listed = subprocess.run(["git", "ls-files", *paths], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    kinds = {".py", ".md", ".sql", ".ts", ".sh", ".toml", ".yml"}
    names = [
        name
        for name in listed.splitlines()
        if Path(name).suffix in kinds and ".generated." not in name and not name.startswith(LEFT_ALONE)
    ]
    return [ROOT / name for name in names if (ROOT / name).is_file()]


def main(paths: list[str]) -> int:
    """Print what was found."""
    found = [one for path in _files(paths) for one in findings(path)]
    for one in found:
        print(f"{one.path}:{one.line}: {one.word!r}, write {one.better}: {one.text[:140]}")
    print(f"{len(found)} word(s) that the vocabulary does not have.")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
