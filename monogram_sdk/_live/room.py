"""A room, which tracks who is present in a space, as a state machine."""

from __future__ import annotations

from collections.abc import Callable, Collection
from datetime import datetime
from typing import Any, cast
from uuid import UUID

from pydantic import ValidationError

from monogram_sdk.models.enums import LiveStatus
from monogram_sdk.models.events import Present


class RoomState:
    """The state of one room. Not thread-safe: callers hold a lock.

    Args:
        wake: Called when something has changed.
    """

    def __init__(self, wake: Callable[[], None] = lambda: None) -> None:
        self._wake = wake
        self._metas: dict[str, dict[str, dict[str, Any]]] = {}
        self.status = LiveStatus.CONNECTING
        """``LIVE`` while the channel is joined."""
        self.reason = ""
        """Why the status changed last, in words."""
        self.version = 0
        """Incremented with every change of who is present."""
        self.failure: BaseException | None = None
        """The error that ended the room."""

    @property
    def keys(self) -> Collection[str]:
        """The presence keys of those who are present. Our clients use the id of the person."""
        return self._metas.keys()

    def here(self) -> tuple[Present, ...]:
        """Return who is present, in the order in which they came. A person with several windows is listed once."""
        found = (_present(key, metas) for key, metas in self._metas.items())
        return tuple(present for present in found if present is not None)

    def joined(self) -> None:
        """Handle that the channel reports who is present from now on."""
        self.status, self.reason = LiveStatus.LIVE, "joined"
        self._wake()

    def lost(self, reason: str) -> None:
        """Handle that the channel delivers nothing any more."""
        self.status, self.reason = LiveStatus.OFFLINE, reason
        self._wake()

    def failed(self, error: BaseException) -> None:
        """End the room with an error."""
        self.failure = error
        self._wake()

    def received(self, event: str, payload: dict[str, Any]) -> None:
        """Handle a frame of the channel."""
        if event == "presence_state":
            self._metas = {}
            self._add(payload)
        elif event == "presence_diff":
            self._add(payload.get("joins"))
            self._remove(payload.get("leaves"))
        else:
            return
        self.version += 1
        self._wake()

    def _add(self, presences: object) -> None:
        for key, metas in _entries(presences):
            self._metas.setdefault(key, {}).update(metas)

    def _remove(self, presences: object) -> None:
        for key, metas in _entries(presences):
            known = self._metas.get(key, {})
            for reference in metas:
                known.pop(reference, None)
            if not known:
                self._metas.pop(key, None)


def presence(*, is_writing: bool, since: datetime) -> dict[str, Any]:
    """Return the presence to send."""
    return {"is_writing": is_writing, "since": since.isoformat()}


def _entries(presences: object) -> list[tuple[str, dict[str, dict[str, Any]]]]:
    """Return the presence keys, each with its metas by reference; malformed entries are left out."""
    found: list[tuple[str, dict[str, dict[str, Any]]]] = []
    if not isinstance(presences, dict):
        return found
    for key, entry in cast("dict[str, Any]", presences).items():
        metas: object = cast("dict[str, object]", entry).get("metas") if isinstance(entry, dict) else None
        if isinstance(metas, list):
            dicts = [cast("dict[str, Any]", meta) for meta in cast("list[object]", metas) if isinstance(meta, dict)]
            found.append((key, {str(meta.get("phx_ref")): meta for meta in dicts}))
    return found


def _present(key: str, metas: dict[str, dict[str, Any]]) -> Present | None:
    """Return a person; ``None`` if another program sent this presence."""
    try:
        user_id = UUID(key)
        windows = [
            Present.model_validate(
                {
                    "user_id": user_id,
                    "is_writing": meta.get("is_writing", False),
                    "since": meta.get("since"),
                }
            )
            for meta in metas.values()
        ]
    except (ValueError, ValidationError):
        return None
    since = [window.since for window in windows if window.since is not None]
    return Present(
        user_id=user_id,
        is_writing=any(window.is_writing for window in windows),
        since=min(since, default=None),
    )
