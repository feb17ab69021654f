"""The project's URL and key: from arguments, the environment, or ``.env`` in the working folder, in this order."""

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
    """A project's URL and a key for it."""

    url: str
    key: str = field(repr=False)
    allow_secret_over_http: bool = False
    key_source: str = "the argument key"
    """Where the key came from, in words."""

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
        """Scheme, host and port of the URL, to connect to."""
        parts = urlsplit(self.url)
        return parts.scheme.encode(), (parts.hostname or "").encode(), parts.port

    @property
    def prefix(self) -> bytes:
        """The path of the URL, which is usually empty."""
        return urlsplit(self.url).path.encode()

    @property
    def is_secret(self) -> bool:
        """Whether the key bypasses the access rules."""
        return self.key.startswith("sb_secret_") or _jwt_role(self.key) == "service_role"

    @property
    def key_is_jwt(self) -> bool:
        """Whether the key is of the older kind, which is a token itself."""
        return _jwt_role(self.key) is not None


@dataclass(frozen=True, slots=True)
class Options:
    """The deadline of a call in seconds, and how often it may be retried within the deadline."""

    timeout: float = 30.0
    retries: int = 3

    def __post_init__(self) -> None:
        if not _is_timeout(self.timeout):
            raise ConfigError(
                f"timeout must be a number of seconds above 0, up to a million, not {shown(self.timeout)}."
            )
        if not _is_count(self.retries):
            raise ConfigError(f"retries must be 0 or more, not {shown(self.retries)}.")


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
        raise ConfigError(f"{name} must be {wanted}, not {shown(value)}.")


def _check_arguments(url: object, key: object, **switches: object) -> None:
    for name, value in (("url", url), ("key", key)):
        if value is not None and not isinstance(value, str):
            # Without the value: it may be a key.
            raise ConfigError(f"{name} must be text, not a value of the type {type(value).__name__}.")
    for name, switch in switches.items():
        if not isinstance(switch, bool):
            raise ConfigError(f"{name} must be True or False, not {shown(switch)}.")


@dataclass(frozen=True, slots=True)
class Found:
    """A value, and where it came from: ``argument``, ``environment`` or ``file``, and its name there."""

    value: str = field(repr=False)
    source: str
    name: str

    @property
    def place(self) -> str:
        """Where it came from, in words."""
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
        url: The URL, if the program passes it.
        key: The key, if the program passes it.
        secret: Whether to look for the secret key instead of the publishable one.
        allow_secret_over_http: Whether a secret key may be sent over ``http://`` to another machine.
        allow_url_from_env_file: Whether a secret key that is not from a ``.env`` file may be sent to the URL in one.

    Raises:
        ConfigError: The URL or the key is missing or malformed; the hint says which variable to set.
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
            hint += " A secret key is set, but it is used only by admin_client(), or when it is passed as key=..."
        raise ConfigError(f"The project's {'secret' if secret else 'publishable'} key is missing.", hint=hint)
    config = Config(_checked_url(where.value), _checked_key(which), allow_secret_over_http, which.place)
    if not secret and key is None and config.is_secret:
        raise ConfigError(
            "The key that is set as the publishable key is a secret key, which would bypass every access rule.",
            hint=f"Set {PUBLISHABLE_KEY[0]} to the publishable key, and {SECRET_KEY[0]} to this one. It came from"
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
                f"The secret key would be sent unencrypted to {config.host}.",
                hint="Use https://. If you trust the network, pass allow_secret_over_http=True.",
            )
        if where.source == "file" and which.source != "file" and not allow_url_from_env_file:
            raise ConfigError(
                f"The secret key would be sent to the URL in {ENV_FILE} in the working folder, but is not from there.",
                hint="Pass url=... or set SUPABASE_URL in the environment. If you trust the file, pass"
                " allow_url_from_env_file=True.",
            )
    return config


def shown(value: object) -> str:
    """Return a value in the form in which an error message shows it."""
    try:
        text = repr(value)
    except Exception:  # For example, a number with thousands of digits cannot be converted to text.
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
    """Looks for values in the arguments, the environment, and then a file, which is read only if needed."""

    def __init__(self) -> None:
        self._file: Mapping[str, str | None] | None = None

    def find(self, argument: str, given: str | None, names: tuple[str, ...]) -> Found | None:
        """Return a value, and where it was found."""
        if given is not None and not isinstance(given, str):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise ConfigError(f"{argument} must be text, not {type(given).__name__}.")
        if given is not None:
            if not given:  # Perhaps from an unset variable. Do not use the environment, which may name another project.
                raise ConfigError(
                    f"{argument} is empty.", hint=f"Pass a value, or leave {argument}= out, to use {names[0]}."
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
    """Read `.env` in the working folder. Files in parent folders may belong to other programs."""
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
    from dotenv import dotenv_values  # Imported only if the file is needed.

    return dotenv_values(stream=StringIO(_decoded(raw).replace("\x00", "")))


def _decoded(raw: bytes) -> str:
    if raw.startswith((b"\xff\xfe", b"\xfe\xff")):  # Some shells write UTF-16.
        return raw.decode("utf-16", "replace")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        # Our variables are ASCII, which is the same in every other encoding; the rest may be another program's.
        return raw.decode("latin-1")


# The path of a service, which people copy together with the URL.
_SERVICE = re.compile(r"/(?:rest|auth|storage|realtime|functions)/v1(?:/.*)?$")


# Placeholders in examples and instructions.
_PLACEHOLDER = re.compile(r"<[^<>]*>|\{[^{}]*\}|\$\w+|\byour[-_](?:project|ref)[\w-]*", re.IGNORECASE)


def _checked_url(url: str) -> str:
    url = url.strip(_BLANK).rstrip("/")
    placeholder = _PLACEHOLDER.search(url.rpartition("@")[2])
    if placeholder is not None:
        raise ConfigError(
            f"The project's URL still contains the placeholder {placeholder[0]}.",
            hint="Replace it: the dashboard shows a project's URL, and `monogram dev status` that of the local stack.",
        )
    try:
        if _CONTROL.search(url):
            raise ValueError("it contains spaces or control characters")
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
            hint=f"Leave out {service[0]}.",
        )
    netloc = f"[{host}]" if ":" in host else host
    return f"{parts.scheme}://{netloc}{'' if port is None else f':{port}'}{path.rstrip('/')}"


def _no_url(url: str) -> ConfigError:
    # A password in the URL must not show.
    text = shown(url if "@" not in url else f"...@{url.rpartition('@')[2]}")
    return ConfigError(
        f"{text} is not a project's URL.",
        hint="A URL looks like https://<project>.supabase.co, or http://127.0.0.1:<port> for the local stack.",
    )


def _checked_key(found: Found) -> str:
    key = found.value.strip(_BLANK)
    if key and (key[0] in _QUOTES or key[-1] in _QUOTES):
        raise ConfigError(
            "The project's key has quotes around it.",
            hint=f"Remove them: they are not part of the key. It came from {found.place}.",
        )
    if not _KEY.fullmatch(key):
        raise ConfigError(
            "The project's key contains characters that are not allowed in a key.",
            hint="Copy it again from the project's settings; it consists of a-z, A-Z, digits, dots, - and _. "
            f"It came from {found.place}.",
        )
    return key


def ascii_host(host: str) -> str:
    """Return the name of a host in the form in which it is looked up.

    Raises:
        ValueError: It is not a valid name.
    """
    if not host.isascii():
        host = host.encode("idna").decode("ascii")
    if len(host) > 253 or any(len(label) > 63 or not label for label in host.rstrip(".").split(".")):
        raise ValueError(f"{host!r} is not a host")
    return host


def _jwt_role(key: str) -> str | None:
    """Return the role in a key of the older kind, a JWT, without checking its signature; ``None`` for other keys."""
    parts = key.split(".")
    if len(parts) != 3:
        return None
    try:
        claims: object = json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
    except (binascii.Error, ValueError, RecursionError):
        return None
    role = cast("dict[str, object]", claims).get("role") if isinstance(claims, dict) else None
    return role if isinstance(role, str) else None
