"""Keyset paging: a cursor is the sort key of the last row, so that changes to other rows do not shift the pages."""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Generic, NoReturn, TypeVar, cast
from uuid import UUID

from monogram_sdk import _query
from monogram_sdk._config import shown
from monogram_sdk._engine.request import Request
from monogram_sdk.errors import InvalidValueError
from monogram_sdk.models._base import Model

M = TypeVar("M", bound=Model)

PAGE_SIZE = 100
"""How many rows a page has by default."""

MAX_PAGE_SIZE = 1000


@dataclass(frozen=True, slots=True)
class Page(Generic[M]):
    """A part of a list.

    Attributes:
        items: The rows.
        cursor: Where the next page begins, for the ``after`` argument of the call that made the list, with the same
            other arguments; ``None`` at the end. (If the last page is full, an empty one follows.)
    """

    items: tuple[M, ...]
    cursor: str | None


@dataclass(frozen=True, slots=True)
class Listing(Generic[M]):
    """The definition of a list: its rows and their order.

    Attributes:
        source: The table, or the function.
        model: The model of a row.
        keys: The columns to sort by; together they are unique.
        descending: The direction, the same for all keys.
        filters: Filters for the rows.
        owner: The column that must have the id of the person who is signed in, for lists of one's own rows. Access
            rules ensure this as well, but with the filter the database uses its index, and a client with a secret key
            does not read everybody's rows.
        columns: The columns to read; by default the fields of the model.
        arguments: The function's arguments; ``None`` for a table.
        pages_itself: Whether the function takes the cursor and the number of rows as arguments, ``after_`` before each
            key and ``limit_count``. Filters of the request cannot reach into a function: without this, it computes all
            of its rows for each page.
        personal: Whether somebody must be signed in, whose rows the function returns.
    """

    source: str
    model: type[M]
    keys: tuple[str, ...]
    descending: bool = False
    filters: tuple[str, ...] = ()
    owner: str | None = None
    columns: str | None = None
    arguments: dict[str, Any] | None = field(default=None, hash=False)
    pages_itself: bool = False
    personal: bool = False

    def call(self, cursor: str | None, limit: int, me: UUID | None) -> Request:
        """Return the request for the rows after a cursor."""
        filters = self.filters
        if self.owner is not None:
            filters = (*filters, _query.equals(self.owner, me))
        place = None if cursor is None else self._place(cursor, me)
        if place is not None and not self.pages_itself:
            filters = (*filters, *_query.beyond(self.keys, place, descending=self.descending))
        direction = "desc" if self.descending else "asc"
        order = ",".join(f"{key}.{direction}" for key in self.keys)
        columns = self.columns or self.model.columns()
        if self.arguments is None:
            return _query.select(self.source, columns, filters, order=order, limit=limit)
        arguments = self.arguments
        if self.pages_itself:
            after = dict(zip((f"after_{key}" for key in self.keys), place or (), strict=False))
            arguments = {**arguments, **after, "limit_count": limit}
        return _query.rpc_rows(self.source, arguments, columns, filters, order=order, limit=limit)

    def cursor(self, row: M, me: UUID | None) -> str:
        """Return the cursor for the rows after this one. It identifies the list, so that no other list accepts it."""
        place = [self._name(me), *(_query.text(getattr(row, key)) for key in self.keys)]
        return base64.urlsafe_b64encode(json.dumps(place).encode()).decode().rstrip("=")

    def _place(self, cursor: str, me: UUID | None) -> list[str]:
        """Read a cursor.

        Raises:
            InvalidValueError: It is malformed, or of another list.
        """
        try:
            read: object = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        except (binascii.Error, ValueError, RecursionError) as exc:
            raise _foreign() from exc
        name, *place = cast("list[object]", read) if isinstance(read, list) and read else [None]
        texts = [value for value in place if isinstance(value, str)]
        if name != self._name(me) or len(texts) != len(self.keys) or len(place) != len(self.keys):
            raise _foreign()
        return texts

    def _name(self, me: UUID | None) -> str:
        """Return an identifier of this list, made from its rows and their order, but not from its columns."""
        facts = [self.source, self.keys, self.descending, self.filters, self.owner, me, self.arguments]
        return hashlib.sha256(json.dumps(facts, default=str, sort_keys=True).encode()).hexdigest()[:12]


class Unread:
    """Makes `bool` and `len` of a list that has not been read raise an error with advice.

    Without this, an empty list would be true, and Python's own errors would not say what to do.
    """

    __slots__ = ()

    def __bool__(self) -> NoReturn:
        raise TypeError(
            "A list that has not been read is neither true nor false: compare .first() with None, or call .all()."
        )

    if not TYPE_CHECKING:  # Hidden from type checkers, so that they report the mistake.

        def __len__(self) -> NoReturn:
            raise TypeError("A list that has not been read has no length: call len() on .all().")


class AsyncUnread(Unread):
    """The same for lists of the async client."""

    __slots__ = ()

    def __bool__(self) -> NoReturn:
        raise TypeError(
            "A list that has not been read is neither true nor false: compare await .first() with None, or call await "
            ".all()."
        )

    if not TYPE_CHECKING:

        def __len__(self) -> NoReturn:
            raise TypeError("A list that has not been read has no length: call len() on await .all().")

        def __await__(self) -> NoReturn:
            raise TypeError(
                "A list cannot be awaited: iterate over it with `async for`, or await .all(), .first() or .first_page()"
            )


def checked_page_size(size: int) -> int:
    """Return a page size, after checking it.

    Raises:
        InvalidValueError: It is not between 1 and 1,000.
    """
    if not 1 <= size <= MAX_PAGE_SIZE:
        raise InvalidValueError(
            f"page_size must be between 1 and {MAX_PAGE_SIZE}, not {shown(size)}.", detail="page_size"
        )
    return size


def _foreign() -> InvalidValueError:
    return InvalidValueError(
        "This cursor does not belong to this list.",
        detail="after",
        hint="Pass page.cursor back to the same call, with the same other arguments, as the same person.",
    )
