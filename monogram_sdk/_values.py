"""Check and write the values that callers pass."""

from __future__ import annotations

from enum import Enum
from typing import Any, Final, TypeAlias
from uuid import UUID

from monogram_sdk.errors import InvalidValueError


class NotGiven(Enum):
    """The type of `NOT_GIVEN`."""

    NOT_GIVEN = "NOT_GIVEN"

    def __repr__(self) -> str:
        return "NOT_GIVEN"


NOT_GIVEN: Final = NotGiven.NOT_GIVEN
"""The default of arguments for which ``None`` has a meaning of its own, such as "take the description away"."""

Id: TypeAlias = UUID | str
"""An id, as a UUID or in the form of text."""


def as_uuid(value: Id, name: str) -> UUID:
    """Return an id as a UUID.

    Raises:
        InvalidValueError: It is not one.
    """
    if isinstance(value, UUID):
        return value
    try:
        return UUID(value)
    except (ValueError, AttributeError, TypeError) as exc:
        raise InvalidValueError(
            f"{name} must be a UUID, not {value!r}.",
            detail=name,
            hint="Pass the id of a model, such as space.id.",
        ) from exc


def given(**values: object) -> dict[str, Any]:
    """Return the values that the caller gave, ``None`` included."""
    return {name: value for name, value in values.items() if value is not NOT_GIVEN}


def changes(**values: object) -> dict[str, Any]:
    """Return the values that the caller gave for an update.

    Raises:
        InvalidValueError: There are none.
    """
    found = given(**values)
    if not found:
        raise InvalidValueError("There is nothing to change.", hint=f"Give at least one of {', '.join(values)}.")
    return found


def set_values(**values: object) -> dict[str, Any]:
    """Return the values that are not ``None``, so that the database's defaults stand for the others."""
    return {name: value for name, value in values.items() if value is not None}
