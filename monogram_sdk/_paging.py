"""Keyset paging: a place in a list is the sort key of the row before it, so changes elsewhere move nothing."""

from __future__ import annotations

import base64
import binascii
import json
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar, cast
from uuid import UUID

from monogram_sdk import _query
from monogram_sdk.errors import InvalidValueError
from monogram_sdk.models._base import Model

M = TypeVar("M", bound=Model)

PAGE_SIZE = 100
"""How many rows a page has unless the caller says otherwise."""

MAX_PAGE_SIZE = 1000


@dataclass(frozen=True, slots=True)
class Page(Generic[M]):
    """A part of a list.

    Attributes:
        items: The rows.
        cursor: Where the next page begins, for the ``after`` argument of the call that made the list; ``None`` at the
            end. (If the last page is full, an empty one follows.)
    """

    items: tuple[M, ...]
    cursor: str | None


@dataclass(frozen=True, slots=True)
class Listing(Generic[M]):
    """What a list consists of and how it is sorted.

    Attributes:
        source: The table, or the function.
        model: The model of a row.
        keys: The columns to sort by; together they are unique.
        descending: The direction, the same for all keys.
        filters: What restricts the rows.
        owner: The column that must hold the id of who is signed in, for lists of one's own things. Access rules see
            to it as well, but a filter makes the database use its index, and keeps a secret key from reading
            everybody's.
        columns: What to read; the model's fields unless given.
        arguments: The function's arguments; ``None`` for a table.
    """

    source: str
    model: type[M]
    keys: tuple[str, ...]
    descending: bool = False
    filters: tuple[str, ...] = ()
    owner: str | None = None
    columns: str | None = None
    arguments: dict[str, Any] | None = field(default=None, hash=False)

    def call(self, cursor: str | None, limit: int, me: UUID | None) -> _query.Call:
        """Return the request for the rows after a cursor."""
        filters = self.filters
        if self.owner is not None:
            filters = (*filters, _query.equals(self.owner, me))
        if cursor is not None:
            place = _decode(cursor, len(self.keys))
            filters = (*filters, _query.beyond(self.keys, place, descending=self.descending))
        direction = "desc" if self.descending else "asc"
        order = ",".join(f"{key}.{direction}" for key in self.keys)
        columns = self.columns or self.model.columns()
        if self.arguments is None:
            return _query.select(self.source, columns, filters, order=order, limit=limit)
        return _query.rpc_rows(self.source, self.arguments, columns, filters, order=order, limit=limit)

    def cursor(self, row: M) -> str:
        """Return the cursor for the rows after this one."""
        return _encode([getattr(row, key) for key in self.keys])


def checked_page_size(size: int) -> int:
    """Return a page size.

    Raises:
        InvalidValueError: It is not between 1 and 1,000.
    """
    if not 1 <= size <= MAX_PAGE_SIZE:
        raise InvalidValueError(f"page_size is between 1 and {MAX_PAGE_SIZE}, not {size}.", detail="page_size")
    return size


def _encode(place: list[object]) -> str:
    return base64.urlsafe_b64encode(json.dumps([_query.text(value) for value in place]).encode()).decode().rstrip("=")


def _decode(cursor: str, length: int) -> list[str]:
    try:
        place: object = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (binascii.Error, ValueError) as exc:
        raise _unreadable() from exc
    values = cast("list[object]", place) if isinstance(place, list) else []
    texts = [value for value in values if isinstance(value, str)]
    if len(texts) != length or len(values) != length:
        raise _unreadable()
    return texts


def _unreadable() -> InvalidValueError:
    return InvalidValueError("This cursor does not belong to this list.", detail="after", hint="Pass page.cursor back.")
