"""A call of the SDK, which may take several requests: one deadline for all of them, and one account of what it did."""

from __future__ import annotations

import time
from collections.abc import Callable, Coroutine, Generator
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar
from functools import wraps
from types import TracebackType
from typing import Any, Concatenate, ParamSpec, Protocol, TypeVar

from monogram_sdk._arguments import Arguments, mark_checked
from monogram_sdk._config import Options
from monogram_sdk._engine import telemetry
from monogram_sdk.errors import APIError, DeadlineExceededError, MonogramError

P = ParamSpec("P")
T = TypeVar("T")

_CONNECT_SECONDS = 5.0


class Call:
    """A call that is under way, while its ``with`` block runs.

    Attributes:
        options: What it may take.
        seconds: Its deadline, in seconds from its beginning.
        acted: Whether the server has carried out, or may have carried out, something that it was asked for.
    """

    __slots__ = ("_end", "_name", "_outer", "_owner", "_share", "_span", "acted", "options", "seconds")

    def __init__(self, name: str | None, options: Options, owner: object) -> None:
        self.options = options
        self.seconds = options.timeout
        self.acted = False
        self._end = time.monotonic() + options.timeout
        # With retries left, no wait lasts longer than half the time: a connection that hangs must not eat it all.
        self._share = options.timeout if options.retries == 0 else options.timeout / 2
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
        telemetry.call_ended(self._span, error)

    def sends(self) -> None:
        """Note that there is something to send, before it is: what only looks like a call gets no span."""
        if self._span is None and self._name is not None:
            self._span = telemetry.call_started(self._name)

    def is_of(self, owner: object) -> bool:
        """Return True if this is under way, and of a client with these connections."""
        return self._owner is owner

    # The deadline ---------------------------------------------------------------------------------------------------

    def extend(self, seconds: float) -> None:
        """Allow more time, for a file."""
        self.seconds += seconds
        self._end += seconds
        self._share += seconds

    def left(self) -> float:
        """Return the seconds that are left, below 0 when the time is over."""
        return self._end - time.monotonic()

    def wait(self) -> float:
        """Return how long to wait for the network at most, below 0 when the time is over."""
        return min(self.left(), self._share)

    def too_late(self, *, method: str | None = None, path: str | None = None) -> DeadlineExceededError:
        """Return the error for when the time is over."""
        return DeadlineExceededError(
            f"No reply came in time (the deadline is {self.seconds:g} s).", method=method, path=path
        )


_CURRENT: ContextVar[Call | None] = ContextVar("monogram_sdk_call", default=None)


def current(owner: object) -> Call | None:
    """Return the call under way, of a client with these connections."""
    call = _CURRENT.get()
    return call if call is not None and call.is_of(owner) else None


@contextmanager
def aside(owner: object) -> Generator[None]:
    """Leave `acted` as it was: storing a file before its row, say, is not what the call is for."""
    call = current(owner)
    acted = call is not None and call.acted
    try:
        yield
    finally:
        if call is not None:
            call.acted = acted


def under_way() -> Call | None:
    """Return whatever call is under way."""
    return _CURRENT.get()


def allowed(timeout: float | None = None) -> float | None:
    """Return how long to wait for the network now; 0 or less when the time of the call is over.

    Args:
        timeout: The most, if the call allows more, or if there is none.
    """
    call = _CURRENT.get()
    if call is None:
        return timeout
    return call.wait() if timeout is None else min(timeout, call.wait())


def allowed_to_connect() -> float | None:
    """Return how long to wait for a connection now."""
    return allowed(_CONNECT_SECONDS)


# Methods that are calls ---------------------------------------------------------------------------------------------


class _Resource(Protocol):
    _engine: Any


R = TypeVar("R", bound=_Resource)


def async_call(
    method: Callable[Concatenate[R, P], Coroutine[Any, Any, T]],
) -> Callable[Concatenate[R, P], Coroutine[Any, Any, T]]:
    """Mark a method as a call: one deadline and one span for all that it does. Those within another are part of it.

    Its arguments are checked first.
    """
    name, arguments = _name(method), Arguments(method)

    @wraps(method)
    async def call(self: R, /, *args: P.args, **kwargs: P.kwargs) -> T:
        arguments.check(args, kwargs)
        engine = self._engine  # pyright: ignore[reportPrivateUsage]
        if current(engine.network) is not None:
            return await method(self, *args, **kwargs)
        with engine.call(name):
            try:
                return await method(self, *args, **kwargs)
            except APIError as error:
                await engine.sessions.explain(error)
                raise

    mark_checked(call)
    return call


def call(method: Callable[Concatenate[R, P], T]) -> Callable[Concatenate[R, P], T]:
    """Mark a method as a call: one deadline and one span for all that it does. Those within another are part of it.

    Its arguments are checked first.
    """
    name, arguments = _name(method), Arguments(method)

    @wraps(method)
    def call(self: R, /, *args: P.args, **kwargs: P.kwargs) -> T:
        arguments.check(args, kwargs)
        engine = self._engine  # pyright: ignore[reportPrivateUsage]
        if current(engine.network) is not None:
            return method(self, *args, **kwargs)
        with engine.call(name):
            try:
                return method(self, *args, **kwargs)
            except APIError as error:
                engine.sessions.explain(error)
                raise

    mark_checked(call)
    return call


def _name(method: Callable[..., object]) -> str:
    return f"{method.__module__.rpartition('.')[2]}.{method.__name__}"
