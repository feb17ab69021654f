"""Email addresses for the people of tests."""

from __future__ import annotations

import re
import unicodedata
from hashlib import sha256

_DOMAIN = "example.test"
_PLAIN = re.compile(r"[a-z0-9]+(?:[._+-][a-z0-9]+)*")
_LONGEST = 48
"""Of the readable part, in characters; with what makes it unique it stays below the 64 that may be before the @."""


def address_of(name: str) -> str:
    """Return a valid email address for a person's name: the same for the same name, and another for another one.

    Characters without an ASCII form are left out, so where the name is more than plain words, a digest of it follows.
    """
    words = "-".join(name.lower().split())
    if len(words) <= _LONGEST and _PLAIN.fullmatch(words):
        return f"{words}@{_DOMAIN}"
    ascii_only = unicodedata.normalize("NFKD", words).encode("ascii", "ignore").decode()
    readable = "-".join(re.findall("[a-z0-9]+", ascii_only))[:_LONGEST].rstrip("-") or "person"
    return f"{readable}-{sha256(name.encode('utf-8', 'surrogatepass')).hexdigest()[:8]}@{_DOMAIN}"
