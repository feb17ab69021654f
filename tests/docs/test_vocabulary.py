"""The check of words finds them where people read them, and nowhere else."""

from __future__ import annotations

from pathlib import Path

import pytest

from scripts import check_vocabulary as words


@pytest.mark.parametrize(
    ("name", "text", "found"),
    [
        ("a.py", '"""Return the answer."""\n', ["answer"]),
        ("a.py", '# The letter goes out.\nanswer = "answer"\n', ["letter"]),
        ("a.py", 'raise ValueError("There is none.")\n', ["There is none"]),
        ("a.py", '"""Call `answer()` or private.answer."""\n', []),
        ("a.sql", "-- Who holds the pen.\nselect 'the mail goes out';\n", ["pen", "mail"]),
        ("a.ts", "/** Lasts for ever. */\nconst answer = 1; // two worlds\n", ["for ever", "worlds"]),
        ("a.ts", 'fail("The name is no JSON");\n', ["is no "]),
        ("a.md", "Members mailed it.\n\n```python\nanswer = 1  # the letters\n```\n", ["mailed", "letters"]),
        ("a.md", "A mail server, the mailbox, no longer, there is no space.\n", []),
    ],
)
def test_what_is_found(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str, text: str, found: list[str]) -> None:
    monkeypatch.setattr(words, "ROOT", tmp_path)
    (tmp_path / name).write_text(text, encoding="utf-8")
    assert [finding.word for finding in words.findings(tmp_path / name)] == found
