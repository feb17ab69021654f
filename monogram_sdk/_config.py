"""Where the project is and which key opens it: arguments, then the environment, then a ``.env`` file."""

from __future__ import annotations

import base64
import binascii
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import cast
from urllib.parse import urlsplit

from monogram_sdk.errors import ConfigError

URL = ("SUPABASE_URL",)
PUBLISHABLE_KEY = ("SUPABASE_PUBLISHABLE_KEY", "SUPABASE_ANON_KEY")
SECRET_KEY = ("SUPABASE_SECRET_KEY", "SUPABASE_SERVICE_ROLE_KEY")


@dataclass(frozen=True, slots=True)
class Config:
    """A project and a key to it."""

    url: str
    key: str = field(repr=False)

    @property
    def is_secret(self) -> bool:
        """Whether the key passes by the access rules."""
        return self.key.startswith("sb_secret_") or _jwt_role(self.key) == "service_role"

    @property
    def key_is_jwt(self) -> bool:
        """Whether the key is one of the older ones, which are tokens themselves."""
        return _jwt_role(self.key) is not None


@dataclass(frozen=True, slots=True)
class Options:
    """How a client calls: the deadline of a call in seconds, and how often it may try again within it."""

    timeout: float = 30.0
    retries: int = 3

    def __post_init__(self) -> None:
        if self.timeout <= 0:
            raise ConfigError(f"timeout is a number of seconds above 0, not {self.timeout}.")
        if self.retries < 0:
            raise ConfigError(f"retries is 0 or more, not {self.retries}.")


def resolve(url: str | None, key: str | None, *, secret: bool) -> Config:
    """Find the project's URL and key.

    Args:
        url: The URL, when the program gives it.
        key: The key, when the program gives it.
        secret: Whether to look for the secret key instead of the publishable one.

    Raises:
        ConfigError: Something is missing or malformed; the message says which variable to set.
    """
    environment: Mapping[str, str | None] = _environment() if url is None or key is None else {}
    url = url or _lookup(environment, URL)
    key = key or _lookup(environment, SECRET_KEY if secret else PUBLISHABLE_KEY)
    if not url:
        raise ConfigError(
            "The project's URL is missing.",
            hint="Pass url=..., or set SUPABASE_URL in the environment or a .env file.",
        )
    if not key:
        name, older = SECRET_KEY if secret else PUBLISHABLE_KEY
        hint = f"Pass key=..., or set {name} (or the older {older}) in the environment or a .env file."
        if not secret and _lookup(environment, SECRET_KEY):
            hint += " A secret key is set, but it is only used by admin_client(), or when passed as key=..."
        raise ConfigError(f"The project's {'secret' if secret else 'publishable'} key is missing.", hint=hint)
    config = Config(_checked_url(url), key.strip())
    if secret and not config.is_secret:
        raise ConfigError(
            "admin_client() was given a key that is not secret.",
            hint="Secret keys begin with sb_secret_ (or are the older service_role key).",
        )
    return config


def _environment() -> Mapping[str, str | None]:
    from dotenv import dotenv_values, find_dotenv  # Loaded by programs that have not named everything themselves.

    path = find_dotenv(usecwd=True)
    return {**(dotenv_values(path) if path else {}), **os.environ}


def _lookup(environment: Mapping[str, str | None], names: tuple[str, ...]) -> str | None:
    return next((value for name in names if (value := environment.get(name))), None)


def _checked_url(url: str) -> str:
    url = url.strip().rstrip("/")
    try:
        parts = urlsplit(url)
        valid = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:  # a malformed port or IPv6 address
        valid = False
    if not valid:
        raise ConfigError(
            f"{url!r} is not a project's URL.",
            hint="It looks like https://<project>.supabase.co, or http://127.0.0.1:<port> for the local stack.",
        )
    return url


def _jwt_role(key: str) -> str | None:
    """Return the role that an older, JWT-shaped key carries; the server, not this, checks its signature."""
    parts = key.split(".")
    if len(parts) != 3:
        return None
    try:
        claims: object = json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
    except (binascii.Error, ValueError):
        return None
    role = cast("dict[str, object]", claims).get("role") if isinstance(claims, dict) else None
    return role if isinstance(role, str) else None
