"""A call of the SDK, which may take several requests: one deadline for all of them, and one answer to what it did.

Every public method of a resource is a call, see `_resource`. Requests that it makes, refreshing the session among them,
find it here.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from contextvars import ContextVar
from types import TracebackType

from monogram_sdk import _telemetry
from monogram_sdk._config import Options
from monogram_sdk._retry import Deadline
from monogram_sdk.errors import MonogramError


class Call:
    """A call that is under way, while its ``with`` block runs.

    Attributes:
        deadline: When it must have ended.
        options: What it may take.
        acted: Whether the server has carried out, or may have carried out, something that it was asked for.
    """

    __slots__ = ("_name", "_outer", "_owner", "_span", "acted", "deadline", "options")

    def __init__(self, name: str, options: Options, owner: object) -> None:
        self.options = options
        self.deadline = Deadline(options.timeout, retries=options.retries)
        self.acted = False
        self._name = name
        self._owner: object = owner
        self._span: AbstractContextManager[object] | None = None

    def __enter__(self) -> Call:
        self._outer = _CURRENT.get()
        _CURRENT.set(self)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        # A task that began during the call keeps seeing it, though it is over.
        self._owner = None
        _CURRENT.set(self._outer)
        if self.acted and isinstance(error, MonogramError):
            error.uncertain = True
        _telemetry.call_ended(self._span, error)

    def sends(self) -> None:
        """Note that there is something to send, before it is: what only looks like a call gets no span."""
        if self._span is None:
            self._span = _telemetry.call_started(self._name)

    def is_of(self, owner: object) -> bool:
        """Whether this is under way, and of a client with these connections."""
        return self._owner is owner


_CURRENT: ContextVar[Call | None] = ContextVar("monogram_sdk_call", default=None)


def current(owner: object) -> Call | None:
    """Return the call under way, of a client with these connections."""
    call = _CURRENT.get()
    return call if call is not None and call.is_of(owner) else None


def seconds_left() -> float | None:
    """Return how long whatever call is under way may still take, or ``None`` when there is none."""
    call = _CURRENT.get()
    return call.deadline.left() if call is not None else None
