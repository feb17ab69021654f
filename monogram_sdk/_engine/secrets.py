"""Which secrets a request holds, and how to take them out of what a server says about it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import cast

from monogram_sdk._engine.request import Request

# What requests to the auth service carry under these names is a secret.
_SECRET_FIELDS = frozenset(
    {"access_token", "auth_code", "code_verifier", "nonce", "password", "refresh_token", "token", "token_hash"}
)

_AUTH = "/auth/v1/"

_ANYWHERE = 8
"""From this length on a secret is looked for inside of words, too. A shorter one, such as a one-time code, is taken out
where it stands by itself."""

_SHORTEST = 4
"""What is shorter is left alone: it is in words that say what went wrong, and taking it out would tell what it is."""

_REPLACEMENT = "[secret]"


def secrets_of(request: Request, headers: Mapping[str, str]) -> tuple[str, ...]:
    """Return what a request holds that must not come back in an error, should the server repeat it."""
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


def without(text: str, secrets: Iterable[str]) -> str:
    """Return a text without secrets, also where they are written as JSON writes them."""
    # Longest first, so that none is left half.
    for secret in sorted((one for one in secrets if len(one) >= _SHORTEST), key=len, reverse=True):
        for form in {secret, json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1]}:
            if len(secret) >= _ANYWHERE:
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
