"""Where the project is and which key opens it: arguments, the environment, then ``.env`` in the working folder."""

from __future__ import annotations

import base64
import binascii
import ipaddress
import json
import os
import re
import string
from collections.abc import Mapping
from dataclasses import dataclass, field
from io import StringIO
from pathlib import Path
from typing import cast
from urllib.parse import quote, urlsplit

from monogram_sdk.errors import ConfigError

URL = ("SUPABASE_URL",)
PUBLISHABLE_KEY = ("SUPABASE_PUBLISHABLE_KEY", "SUPABASE_ANON_KEY")
SECRET_KEY = ("SUPABASE_SECRET_KEY", "SUPABASE_SERVICE_ROLE_KEY")
ENV_FILE = ".env"

_LONGEST_TIMEOUT = 1_000_000
_LONGEST_SHOWN = 200

_BLANK = string.whitespace + "\u00a0\u200b\u2060\ufeff"
_CONTROL = re.compile(r"[\x00-\x20\x7f]")
_QUOTES = "\"'`\u2018\u2019\u201a\u201b\u201c\u201d\u201e\u201f\u00ab\u00bb\u2039\u203a"
_KEY = re.compile(r"[!-~]+")


@dataclass(frozen=True, slots=True)
class Config:
    """A project and a key to it."""

    url: str
    key: str = field(repr=False)
    allow_secret_over_http: bool = False
    key_source: str = "the argument key"
    """For people: from where the key came."""

    @property
    def host(self) -> str:
        """The host of the URL."""
        return urlsplit(self.url).hostname or ""

    @property
    def netloc(self) -> str:
        """The host of the URL, and its port if it names one."""
        return urlsplit(self.url).netloc

    @property
    def origin(self) -> tuple[bytes, bytes, int | None]:
        """Scheme, host and port of the URL, as they are connected to."""
        parts = urlsplit(self.url)
        return parts.scheme.encode(), (parts.hostname or "").encode(), parts.port

    @property
    def prefix(self) -> bytes:
        """The path of the URL, below which the project is: mostly nothing."""
        return urlsplit(self.url).path.encode()

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
        if not _is_timeout(self.timeout):
            raise ConfigError(f"timeout is a number of seconds above 0, up to a million, not {shown(self.timeout)}.")
        if not _is_count(self.retries):
            raise ConfigError(f"retries is 0 or more, not {shown(self.retries)}.")


def _is_timeout(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 < value <= _LONGEST_TIMEOUT


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def check_has(name: str, value: object, methods: tuple[str, ...], wanted: str) -> None:
    """Check that an argument of a client is an object with these methods.

    Raises:
        ConfigError: It is not.
    """
    if isinstance(value, type) or not all(callable(getattr(value, method, None)) for method in methods):
        raise ConfigError(f"{name} is {wanted}, not {shown(value)}.")


def _check_arguments(url: object, key: object, **switches: object) -> None:
    for name, value in (("url", url), ("key", key)):
        if value is not None and not isinstance(value, str):
            # Without the value: it may be a key.
            raise ConfigError(f"{name} is text, not a value of the type {type(value).__name__}.")
    for name, switch in switches.items():
        if not isinstance(switch, bool):
            raise ConfigError(f"{name} is True or False, not {shown(switch)}.")


@dataclass(frozen=True, slots=True)
class Found:
    """A value and where it came from: ``argument``, ``environment`` or ``file``, and the name that it has there."""

    value: str = field(repr=False)
    source: str
    name: str

    @property
    def place(self) -> str:
        """Where it came from, for people."""
        if self.source == "argument":
            return f"the argument {self.name}"
        return f"{self.name} in {'the environment' if self.source == 'environment' else ENV_FILE}"


def resolve(
    url: str | None,
    key: str | None,
    *,
    secret: bool,
    allow_secret_over_http: bool = False,
    allow_url_from_env_file: bool = False,
) -> Config:
    """Find the project's URL and key.

    Args:
        url: The URL, when the program gives it.
        key: The key, when the program gives it.
        secret: Whether to look for the secret key instead of the publishable one.
        allow_secret_over_http: Whether a secret key may go over ``http://`` to another host than this machine.
        allow_url_from_env_file: Whether a secret key from elsewhere may go to where a ``.env`` file says.

    Raises:
        ConfigError: Something is missing or malformed; the message says which variable to set.
    """
    _check_arguments(
        url, key, allow_secret_over_http=allow_secret_over_http, allow_url_from_env_file=allow_url_from_env_file
    )
    places = _Places()
    where = places.find("url", url, URL)
    which = places.find("key", key, SECRET_KEY if secret else PUBLISHABLE_KEY)
    if where is None:
        raise ConfigError(
            "The project's URL is missing.",
            hint=f"Pass url=..., or set SUPABASE_URL in the environment or in {ENV_FILE} in the working folder.",
        )
    if which is None:
        name, older = SECRET_KEY if secret else PUBLISHABLE_KEY
        hint = f"Pass key=..., or set {name} (or the older {older}) in the environment or in {ENV_FILE} in the working"
        hint += " folder."
        if not secret and places.find("key", None, SECRET_KEY):
            hint += " A secret key is set, but it is only used by admin_client(), or when passed as key=..."
        raise ConfigError(f"The project's {'secret' if secret else 'publishable'} key is missing.", hint=hint)
    config = Config(_checked_url(where.value), _checked_key(which), allow_secret_over_http, which.place)
    if not secret and key is None and config.is_secret:
        raise ConfigError(
            "The key that is set as the publishable one is secret: this client would pass by every access rule.",
            hint=f"Set {PUBLISHABLE_KEY[0]} to the publishable key; {SECRET_KEY[0]} is for this one. It came from"
            f" {which.place}.",
        )
    if secret and not config.is_secret:
        raise ConfigError(
            "admin_client() was given a key that is not secret.",
            hint=f"Secret keys begin with sb_secret_ (or are the older service_role key). It came from {which.place}.",
        )
    if config.is_secret:
        if config.url.startswith("http:") and not (is_loopback(config.host) or allow_secret_over_http):
            raise ConfigError(
                f"A secret key would travel unencrypted to {config.host}.",
                hint="Use https://. Where the network itself is trusted, pass allow_secret_over_http=True.",
            )
        if where.source == "file" and which.source != "file" and not allow_url_from_env_file:
            raise ConfigError(
                f"The secret key would be sent where {ENV_FILE} in the working folder says, and came from elsewhere.",
                hint="Pass url=... or set SUPABASE_URL in the environment. If you trust the file, pass"
                " allow_url_from_env_file=True.",
            )
    return config


def shown(value: object) -> str:
    """Return how a value is shown in an error, whatever it is."""
    try:
        text = repr(value)
    except Exception:  # A number with thousands of digits, for one, has no text.
        return f"a value of the type {type(value).__name__}"
    return text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}..."


def is_loopback(host: str) -> bool:
    """Return True if a host is this machine."""
    host = host.lower().rstrip(".")
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


class _Places:
    """Where values are looked for: arguments, the environment, then a file, which is read when it is needed."""

    def __init__(self) -> None:
        self._file: Mapping[str, str | None] | None = None

    def find(self, argument: str, given: str | None, names: tuple[str, ...]) -> Found | None:
        """Return a value, and where it was found."""
        if given is not None and not isinstance(given, str):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise ConfigError(f"{argument} is a text, not {type(given).__name__}.")
        if given is not None:
            if not given:  # A variable that is not set, say. Another project's may be in the environment.
                raise ConfigError(
                    f"{argument} is empty.", hint=f"Give it, or leave {argument}= out: {names[0]} counts then."
                )
            return Found(given, "argument", argument)
        for name in names:
            if value := os.environ.get(name):
                return Found(value, "environment", name)
        if self._file is None:
            self._file = _env_file()
        for name in names:
            if value := self._file.get(name):
                return Found(value, "file", name)
        return None


def _env_file() -> Mapping[str, str | None]:
    """Read `.env` of the working folder. Those of folders above may be other programs'."""
    try:
        path = Path.cwd() / ENV_FILE
        if not path.exists() or path.is_dir():
            return {}
        raw = path.read_bytes()
    except FileNotFoundError:  # It was deleted meanwhile, or the working folder was.
        return {}
    except OSError as exc:
        raise ConfigError(
            f"{ENV_FILE} in the working folder cannot be read: {exc.strerror}.",
            hint="Make it readable, or pass url=... and key=..., or set the variables in the environment.",
        ) from exc
    from dotenv import dotenv_values  # Loaded by programs that have not named everything themselves.

    return dotenv_values(stream=StringIO(_decoded(raw).replace("\x00", "")))


def _decoded(raw: bytes) -> str:
    if raw.startswith((b"\xff\xfe", b"\xfe\xff")):  # as some shells write files
        return raw.decode("utf-16", "replace")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        # What concerns us is ASCII in every other encoding, too; the rest may be another program's.
        return raw.decode("latin-1")


# What people copy with it.
_SERVICE = re.compile(r"/(?:rest|auth|storage|realtime|functions)/v1(?:/.*)?$")


# What stands for something else in examples and instructions.
_PLACEHOLDER = re.compile(r"<[^<>]*>|\{[^{}]*\}|\$\w+|\byour[-_](?:project|ref)[\w-]*", re.IGNORECASE)


def _checked_url(url: str) -> str:
    url = url.strip(_BLANK).rstrip("/")
    placeholder = _PLACEHOLDER.search(url.rpartition("@")[2])
    if placeholder is not None:
        raise ConfigError(
            f"The project's URL still holds the placeholder {placeholder[0]}.",
            hint="Put what it stands for in its place: the dashboard shows the project's URL, and "
            "`monogram dev status` that of the local stack.",
        )
    try:
        if _CONTROL.search(url):
            raise ValueError("it holds blanks or control characters")
        parts = urlsplit(url)
        host, port = ascii_host(parts.hostname or ""), parts.port
        plain = not parts.query and not parts.fragment and parts.username is None and "?" not in url and "#" not in url
        valid = parts.scheme in ("http", "https") and bool(host) and port != 0 and plain
        path = quote(parts.path, safe="/%:@!$&'()*+,;=~-._")
    except ValueError as exc:  # a malformed port, IPv6 address or name
        raise _no_url(url) from exc
    if not valid:
        raise _no_url(url)
    service = _SERVICE.search(path)
    if service is not None:
        raise ConfigError(
            f"{shown(url)} is the address of one of the project's services, not the project's URL.",
            hint=f"Leave {service[0]} out.",
        )
    netloc = f"[{host}]" if ":" in host else host
    return f"{parts.scheme}://{netloc}{'' if port is None else f':{port}'}{path.rstrip('/')}"


def _no_url(url: str) -> ConfigError:
    # A password in it must not show.
    text = shown(url if "@" not in url else f"...@{url.rpartition('@')[2]}")
    return ConfigError(
        f"{text} is not a project's URL.",
        hint="It looks like https://<project>.supabase.co, or http://127.0.0.1:<port> for the local stack.",
    )


def _checked_key(found: Found) -> str:
    key = found.value.strip(_BLANK)
    if key and (key[0] in _QUOTES or key[-1] in _QUOTES):
        raise ConfigError(
            "The project's key stands in quotes.",
            hint=f"Take them out: they are not part of the key. It came from {found.place}.",
        )
    if not _KEY.fullmatch(key):
        raise ConfigError(
            "The project's key holds characters that no key has.",
            hint="Copy it anew from the project's settings: letters, digits, dots, - and _ only. "
            f"It came from {found.place}.",
        )
    return key


def ascii_host(host: str) -> str:
    """Return a host as it is looked up.

    Raises:
        ValueError: It cannot be one.
    """
    if not host.isascii():
        host = host.encode("idna").decode("ascii")
    if len(host) > 253 or any(len(label) > 63 or not label for label in host.rstrip(".").split(".")):
        raise ValueError(f"{host!r} is not a host")
    return host


def _jwt_role(key: str) -> str | None:
    """Return the role that an older, JWT-shaped key carries; the server, not this, checks its signature."""
    parts = key.split(".")
    if len(parts) != 3:
        return None
    try:
        claims: object = json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
    except (binascii.Error, ValueError, RecursionError):
        return None
    role = cast("dict[str, object]", claims).get("role") if isinstance(claims, dict) else None
    return role if isinstance(role, str) else None
