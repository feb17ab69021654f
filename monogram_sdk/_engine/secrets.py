"""Find the secrets in a request, and remove them from what a server says about it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import cast

from monogram_sdk._engine.request import Request

# The fields of requests to the auth service that hold secrets.
_SECRET_FIELDS = frozenset(
    {"access_token", "auth_code", "code_verifier", "nonce", "password", "refresh_token", "token", "token_hash"}
)

_AUTH = "/auth/v1/"

_REDACT_ANYWHERE = 8
"""A secret of at least this length is removed inside of words, too. A shorter one, such as a one-time code, is removed
only where it stands by itself."""

_SHORTEST_REDACTED = 4
"""Shorter secrets stay: they occur by chance in ordinary words, and removing them there would give them away."""

_REPLACEMENT = "[secret]"


def secrets_of(request: Request, headers: Mapping[str, str]) -> tuple[str, ...]:
    """Return the secrets in a request, which must not show in an error even if the server repeats them."""
    found = {headers["apikey"]} if "apikey" in headers else set[str]()
    authorization = headers.get("authorization")
    if authorization is not None:
        found.add(authorization.removeprefix("Bearer "))
    if request.body and request.path.startswith(_AUTH):
        try:
            _collect(json.loads(request.body), found)
        except (ValueError, RecursionError):  # not JSON
            pass
    return tuple(found)


def redact(text: str, secrets: Iterable[str]) -> str:
    """Return a text with the secrets replaced, in plain form and as escaped in JSON."""
    # Longest first, in case one secret is part of another.
    for secret in sorted((one for one in secrets if len(one) >= _SHORTEST_REDACTED), key=len, reverse=True):
        for form in {secret, json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1]}:
            if len(secret) >= _REDACT_ANYWHERE:
                text = text.replace(form, _REPLACEMENT)
            else:
                text = re.sub(rf"(?<!\w){re.escape(form)}(?!\w)", _REPLACEMENT, text)
    return text


def _collect(value: object, found: set[str]) -> None:
    pending = [value]
    while pending:
        one = pending.pop()
        if not isinstance(one, dict):
            continue
        for name, entry in cast("dict[str, object]", one).items():
            if isinstance(entry, str) and name in _SECRET_FIELDS and entry:
                found.add(entry)
            pending.append(entry)
