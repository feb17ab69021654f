"""Keyset paging: a place in a list is the sort key of the row before it, so changes elsewhere move nothing."""

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
"""How many rows a page has unless the caller says otherwise."""

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

    def call(self, cursor: str | None, limit: int, me: UUID | None) -> Request:
        """Return the request for the rows after a cursor."""
        filters = self.filters
        if self.owner is not None:
            filters = (*filters, _query.equals(self.owner, me))
        if cursor is not None:
            place = self._place(cursor, me)
            filters = (*filters, _query.beyond(self.keys, place, descending=self.descending))
        direction = "desc" if self.descending else "asc"
        order = ",".join(f"{key}.{direction}" for key in self.keys)
        columns = self.columns or self.model.columns()
        if self.arguments is None:
            return _query.select(self.source, columns, filters, order=order, limit=limit)
        return _query.rpc_rows(self.source, self.arguments, columns, filters, order=order, limit=limit)

    def cursor(self, row: M, me: UUID | None) -> str:
        """Return the cursor for the rows after this one. It names the list, too: no other one takes it."""
        place = [self._name(me), *(_query.text(getattr(row, key)) for key in self.keys)]
        return base64.urlsafe_b64encode(json.dumps(place).encode()).decode().rstrip("=")

    def _place(self, cursor: str, me: UUID | None) -> list[str]:
        """Read a cursor.

        Raises:
            InvalidValueError: It is none, or of another list.
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
        """Return what tells this list from others: by what is in it and how it is sorted, not by what is read."""
        facts = [self.source, self.keys, self.descending, self.filters, self.owner, me, self.arguments]
        return hashlib.sha256(json.dumps(facts, default=str, sort_keys=True).encode()).hexdigest()[:12]


class Unread:
    """What a list that is read as it is used is not: something that has been read.

    Without this it would be true also where it is empty, and the errors of the others would not say what to do.
    """

    __slots__ = ()

    def __bool__(self) -> NoReturn:
        raise TypeError(
            "A list that is read as it is used is neither true nor false: compare .first() with None, or take .all()."
        )

    if not TYPE_CHECKING:  # To type checkers it has none, so they find the mistake.

        def __len__(self) -> NoReturn:
            raise TypeError("A list that is read as it is used has no length before that: take len() of .all().")


class AsyncUnread(Unread):
    """The same of a list of the client for asyncio."""

    __slots__ = ()

    def __bool__(self) -> NoReturn:
        raise TypeError(
            "A list that is read as it is used is neither true nor false: compare await .first() with None, or take "
            "await .all()."
        )

    if not TYPE_CHECKING:

        def __len__(self) -> NoReturn:
            raise TypeError("A list that is read as it is used has no length before that: take len() of await .all().")

        def __await__(self) -> NoReturn:
            raise TypeError(
                "A list is not awaited: iterate over it with `async for`, or await .all(), .first() or .first_page()."
            )


def checked_page_size(size: int) -> int:
    """Return a page size.

    Raises:
        InvalidValueError: It is not between 1 and 1,000.
    """
    if not 1 <= size <= MAX_PAGE_SIZE:
        raise InvalidValueError(f"page_size is between 1 and {MAX_PAGE_SIZE}, not {shown(size)}.", detail="page_size")
    return size


def _foreign() -> InvalidValueError:
    return InvalidValueError(
        "This cursor does not belong to this list.",
        detail="after",
        hint="Pass page.cursor back to the same call, with the same other arguments, as the same person.",
    )
