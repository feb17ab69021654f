"""Check the values that callers pass, and collect them for a request."""

from __future__ import annotations

import re
from enum import Enum
from typing import Any, Final, TypeAlias
from uuid import UUID, uuid4

from monogram_sdk._config import shown
from monogram_sdk.errors import InvalidValueError


class NotGiven(Enum):
    """The type of `NOT_GIVEN`."""

    NOT_GIVEN = "NOT_GIVEN"

    def __repr__(self) -> str:
        return "NOT_GIVEN"


NOT_GIVEN: Final = NotGiven.NOT_GIVEN
"""The default of arguments for which ``None`` has a meaning of its own, such as "remove the description"."""

DAY_SECONDS = 86_400
MOST_AT_ONCE = 1000

Id: TypeAlias = UUID | str
"""An id, as a UUID or as text."""


def as_uuid(value: Id, name: str) -> UUID:
    """Return an id as a UUID.

    Raises:
        InvalidValueError: It is not a UUID.
    """
    if isinstance(value, UUID):
        return value
    try:
        return UUID(value)
    except (ValueError, AttributeError, TypeError) as exc:
        raise InvalidValueError(
            f"{name} must be a UUID, not {shown(value)}.",
            detail=name,
            hint="Pass the id of a model, such as space.id.",
        ) from exc


_LANGUAGE = re.compile(r"([A-Za-z]{2,3})(?:-([A-Za-z]{4}))?(?:-([A-Za-z]{2}|[0-9]{3}))?")


def as_language(value: str | NotGiven | None) -> str | NotGiven | None:
    """Return a language tag in its usual case, such as ``pt-BR`` for ``pt-br``. The database checks anything else."""
    found = _LANGUAGE.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        return value
    language, script, region = found.groups()
    return "-".join([language.lower(), *([script.title()] if script else []), *([region.upper()] if region else [])])


def as_int(value: int, name: str) -> int:
    """Return a whole number, after checking it.

    Raises:
        InvalidValueError: It is not a whole number.
    """
    checked: object = value
    if not isinstance(checked, int) or isinstance(checked, bool):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise InvalidValueError(f"{name} must be a whole number, not {shown(value)}.", detail=name)
    return value


def check_worker(worker: str, lease_seconds: int = 0, limit: int = 1, provider: str = "-") -> None:
    """Check the arguments with which a worker claims jobs or emails.

    Raises:
        InvalidValueError: A name is blank, or the lease or the limit is out of range.
    """
    for name, text in (("worker", worker), ("provider", provider)):
        if not text.strip():
            raise InvalidValueError(f"{name} is blank.", detail=name, hint="Pass a name.")
    if not 0 <= lease_seconds <= DAY_SECONDS:
        raise InvalidValueError(
            f"lease_seconds must be between 0 and {DAY_SECONDS}, not {lease_seconds}.", detail="lease_seconds"
        )
    if not 0 <= limit <= MOST_AT_ONCE:
        raise InvalidValueError(f"limit must be between 0 and {MOST_AT_ONCE}, not {limit}.", detail="limit")


def check_pause(pause_seconds: float) -> None:
    """Check how long a provider is to be paused.

    Raises:
        InvalidValueError: It is not between 0 seconds and a day.
    """
    if not 0 <= pause_seconds <= DAY_SECONDS:
        raise InvalidValueError(
            f"pause_seconds must be between 0 and {DAY_SECONDS}, not {shown(pause_seconds)}.", detail="pause_seconds"
        )


def own_key(idempotency_key: str | None) -> str:
    """Return an idempotency key: the given one, or a new one."""
    return str(uuid4()) if idempotency_key is None else idempotency_key


def given(**values: object) -> dict[str, Any]:
    """Return the values that the caller passed, including ``None``."""
    return {name: value for name, value in values.items() if value is not NOT_GIVEN}


def changes(**values: object) -> dict[str, Any]:
    """Return the values that the caller passed for an update.

    Raises:
        InvalidValueError: No value was passed.
    """
    found = given(**values)
    if not found:
        raise InvalidValueError("There is nothing to change.", hint=f"Pass at least one of {', '.join(values)}.")
    return found


def versioned(values: dict[str, Any], if_version: int | None) -> dict[str, Any]:
    """Return the values of an update, with the version of the row that they are based on, if it was passed.

    Raises:
        InvalidValueError: It is not the version of a row.
    """
    if if_version is None:
        return values
    if isinstance(if_version, bool) or not isinstance(if_version, int) or not 1 <= if_version < 2**31:  # pyright: ignore[reportUnnecessaryIsInstance]
        raise InvalidValueError(
            f"if_version must be the `version` of a row, not {shown(if_version)}.",
            detail="if_version",
            hint="Pass row.version.",
        )
    return {**values, "version": if_version}


def set_values(**values: object) -> dict[str, Any]:
    """Return the values that are not ``None``; for the others the database uses its defaults."""
    return {name: value for name, value in values.items() if value is not None}
