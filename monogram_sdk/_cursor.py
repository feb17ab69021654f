"""A position in the feed of a space: the event after which to go on."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

from monogram_sdk._config import shown
from monogram_sdk.errors import HistoryReplacedError, InvalidValueError

if TYPE_CHECKING:
    from monogram_sdk.models.events import SpaceEvent

_FORM = re.compile(r"(\d{1,19})(?::([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}))?", re.ASCII | re.IGNORECASE)
_LARGEST = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Cursor:
    """The position after an event.

    Attributes:
        seq: The number of the event; 0 for the position before the first one.
        id: Its id, to tell it from another event with the same number; ``None`` if only the number is known.
    """

    seq: int
    id: UUID | None = None

    def __str__(self) -> str:
        """Return the cursor in the form in which programs store it: ``12:6b6d2a5c-...``."""
        return str(self.seq) if self.id is None else f"{self.seq}:{self.id}"

    @classmethod
    def parse(cls, after: int | str) -> Cursor:
        """Read a stored cursor, or the plain number of an event.

        Raises:
            InvalidValueError: It is neither.
        """
        if isinstance(after, int) and not isinstance(after, bool) and 0 <= after <= _LARGEST:
            return cls(after)
        match = _FORM.fullmatch(after) if isinstance(after, str) else None
        if match is None or int(match[1]) > _LARGEST:
            raise InvalidValueError(
                f"after must be the `cursor` of an event, or its number, 0 or more; not {shown(after)}.",
                detail="after",
                hint="Pass event.cursor or feed.cursor of this space, or 0 for all events.",
            )
        return cls(int(match[1]), UUID(match[2]) if match[2] else None)

    @classmethod
    def of(cls, event: SpaceEvent) -> Cursor:
        """Return the position after an event."""
        return cls(event.seq, event.id)

    def replaced(self, newest: SpaceEvent) -> HistoryReplacedError:
        """Return the error for a cursor that is not in the feed.

        Args:
            newest: The newest event in the feed.
        """
        newest_place = Cursor.of(newest)
        if newest.seq < self.seq:
            what = f"The feed ends with number {newest.seq}, and after={self} is beyond it"
        else:
            what = f"Number {self.seq} of the feed is another event than the one that after={self} names"
        error = HistoryReplacedError(
            f"{what}: a backup was restored, or the cursor is of another space.",
            detail=str(newest_place),
            hint=f"Read again what you store about the space, and go on with after=error.resume ({newest_place}).",
        )
        error.resume = str(newest_place)
        return error
