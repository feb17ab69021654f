"""Read the settings in a project's config.toml that the embedded stack supports."""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, TypedDict, cast

from dotenv import dotenv_values

from supabase_embedded.errors import FolderError
from supabase_embedded.project import Project

FunctionSettings = dict[str, bool | str]


def functions(project: Project) -> dict[str, FunctionSettings]:
    """Read the settings of edge functions (`[functions.<name>]`), with absolute paths.

    A function without settings has the platform's default, `verify_jwt = true`.

    Raises:
        FolderError: The file is damaged, or a value is of the wrong kind.
    """
    given = _table(project, "functions")
    return {name: _function(project, name, settings) for name, settings in given.items()}


class AuthSettings(TypedDict, total=False):
    """The settings below `[auth]`, under the names that the API server uses. Settings that are not given are absent."""

    site_url: str
    jwt_expiry: int
    enable_signup: bool
    minimum_password_length: int
    enable_email_signup: bool
    confirm_email: bool
    double_confirm_changes: bool
    secure_password_change: bool
    otp_expiry: int


_SUPPORTED = {
    "site_url": ("site_url", str),
    "jwt_expiry": ("jwt_expiry", int),
    "enable_signup": ("enable_signup", bool),
    "minimum_password_length": ("minimum_password_length", int),
    "email.enable_signup": ("enable_email_signup", bool),
    "email.enable_confirmations": ("confirm_email", bool),
    "email.double_confirm_changes": ("double_confirm_changes", bool),
    "email.secure_password_change": ("secure_password_change", bool),
    "email.otp_expiry": ("otp_expiry", int),
}
_KIND_NAMES = {str: "a string", int: "a whole number", bool: "true or false"}

# The API server accepts only values in these ranges.
_RANGES = {"jwt_expiry": (1, 604_800), "minimum_password_length": (6, 72), "email.otp_expiry": (1, 86_400)}

_VARIABLE = re.compile(r"env\((.*)\)")

# What the embedded stack always does, whatever the file says.
_FIXED: dict[str, object] = {
    "enabled": True,
    "enable_refresh_token_rotation": True,
    "refresh_token_reuse_interval": 10,
    "email.max_frequency": "1s",
    "email.otp_length": 6,
}

# These have an effect only together with another setting.
_DEPENDENT = frozenset({"mfa.max_enrolled_factors"})


def auth(project: Project) -> AuthSettings:
    """Read the settings of accounts and sessions (`[auth]`) that the embedded stack supports.

    Raises:
        FolderError: The file is damaged, a value is of the wrong kind or out of range, or it names a variable that is
            not set.
    """
    found: dict[str, object] = {}
    for name, given in _leaves(_table(project, "auth")):
        if name not in _SUPPORTED:
            continue
        known_as, kind = _SUPPORTED[name]
        value = _expanded(project, name, given, kind)
        where = f"{_path(project)}: `{name}` below `[auth]`"
        if type(value) is not kind:
            raise FolderError(f"{where} has to be {_KIND_NAMES[kind]}.")
        least, most = _RANGES.get(name, (None, None))
        if isinstance(value, int) and least is not None and most is not None and not least <= value <= most:
            raise FolderError(f"{where} has to be between {least} and {most:,}, not {value}.")
        if isinstance(value, str) and (not value.isprintable() or " " in value):
            raise FolderError(f"{where} has to be a URL without spaces.")
        found[known_as] = value
    return cast("AuthSettings", found)


def unsupported(project: Project) -> list[str]:
    """Return the names of the settings below `[auth]` that the embedded stack does not support.

    Raises:
        FolderError: The file is damaged.
    """
    return list(dict.fromkeys(_unsupported_in(_table(project, "auth"))))


def _unsupported_in(table: Mapping[str, Any], prefix: str = "") -> Iterator[str]:
    """Yield the names of unsupported settings. If a nested table has several, only the name of the table is yielded."""
    switches = [value for name, value in table.items() if "enable" in name and isinstance(value, bool)]
    is_off = prefix not in ("", "email.") and bool(switches) and not any(switches)
    found: list[str] = []
    for key, value in table.items():
        name = prefix + key
        if isinstance(value, dict) or name in _SUPPORTED or name in _DEPENDENT or is_off:
            continue
        # A setting that is off or empty asks for nothing, unless the stack cannot switch the feature off.
        if value != _FIXED[name] if name in _FIXED else bool(value):
            found.append(name)
    yield from [prefix.removesuffix(".")] if len(found) > 1 and prefix not in ("", "email.") else found
    for key, value in table.items():
        if isinstance(value, dict):
            yield from _unsupported_in(cast("dict[str, Any]", value), f"{prefix}{key}.")


def _expanded(project: Project, name: str, value: object, kind: type) -> object:
    """Return a value, with `env(NAME)` replaced as the CLI does: from the environment, or from a `.env` file."""
    found = _VARIABLE.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        return value
    text = os.environ.get(found[1])
    for folder in (project.supabase_dir, project.supabase_dir.parent):
        if text is None and (folder / ".env").is_file():
            text = dotenv_values(folder / ".env", interpolate=False).get(found[1])
    if text is None:
        raise FolderError(
            f"{_path(project)}: `{name}` below `[auth]` uses the variable {found[1]}, which is not set. "
            "Set it in the environment, or in a `.env` file next to config.toml or in the folder above."
        )
    if kind is int and re.fullmatch(r"[+-]?\d{1,9}", text):
        return int(text)
    if kind is bool and text.lower() in ("true", "false"):
        return text.lower() == "true"
    return text


def _leaves(table: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, object]]:
    for name, value in table.items():
        if isinstance(value, dict):
            yield from _leaves(cast("dict[str, Any]", value), f"{prefix}{name}.")
        else:
            yield prefix + name, value


def _path(project: Project) -> Path:
    return project.supabase_dir / "config.toml"


def _read(project: Project) -> dict[str, Any]:
    path = _path(project)
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except UnicodeDecodeError as error:
        raise FolderError(f"{path} is not encoded in UTF-8. Save it as UTF-8, which TOML requires.") from error
    except tomllib.TOMLDecodeError as error:
        raise FolderError(f"{path} is not valid TOML: {error}") from error


def _table(project: Project, name: str) -> dict[str, Any]:
    table: object = _read(project).get(name, {})
    if not isinstance(table, dict):
        raise FolderError(f"{_path(project)}: `[{name}]` has to be a table.")
    return cast("dict[str, Any]", table)


def _function(project: Project, function: str, settings: object) -> FunctionSettings:
    where = f"{_path(project)}: `[functions.{function}]`"
    if not isinstance(settings, dict):
        raise FolderError(f"{where} has to be a table.")
    given = cast("dict[str, object]", settings)
    known: FunctionSettings = {}
    for name in ("verify_jwt", "enabled"):
        value = given.get(name, True)
        if not isinstance(value, bool):
            raise FolderError(f"{where}: `{name}` has to be true or false.")
        known[name] = value
    for name in ("entrypoint", "import_map"):
        if name in given:
            known[name] = str((project.supabase_dir / str(given[name])).resolve())
    return known
