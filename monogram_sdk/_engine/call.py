"""A call of the SDK. It may send several requests, which share one deadline and one span."""

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
    """A call in progress; it lasts as long as its ``with`` block.

    Attributes:
        options: The deadline and the retries of the call.
        seconds: The deadline, in seconds from the start of the call.
        acted: Whether the server has changed something for this call, or may have.
        epoch: The epoch of the session in which the call began (`SessionState`); ``None`` if nobody is signed in.
    """

    __slots__ = ("_end", "_name", "_outer", "_owner", "_share", "_span", "acted", "epoch", "options", "seconds")

    def __init__(self, name: str | None, options: Options, owner: object, epoch: int | None = None) -> None:
        self.options = options
        self.seconds = options.timeout
        self.acted = False
        self.epoch = epoch
        self._end = time.monotonic() + options.timeout
        # With retries, no single wait takes more than half the time, so that a hanging connection leaves time for one.
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
        # A task that was started during the call inherits this object, and must not use it after the call.
        self._owner = None
        _CURRENT.set(self._outer)
        if self.acted and isinstance(error, MonogramError):
            error.uncertain = True
        telemetry.call_ended(self._span, error)

    def start_span(self) -> None:
        """Start the span of the call, before its first request. A call that sends nothing gets no span."""
        if self._span is None and self._name is not None:
            self._span = telemetry.call_started(self._name)

    def belongs_to(self, owner: object) -> bool:
        """Return True if the call is in progress and belongs to the client with these connections."""
        return self._owner is owner

    # The deadline ---------------------------------------------------------------------------------------------------

    def extend(self, seconds: float) -> None:
        """Extend the deadline, for a file."""
        self.seconds += seconds
        self._end += seconds
        self._share += seconds

    def remaining(self) -> float:
        """Return how many seconds are left; below 0 after the deadline."""
        return self._end - time.monotonic()

    def longest_wait(self) -> float:
        """Return the longest that one wait for the network may take, in seconds; below 0 after the deadline."""
        return min(self.remaining(), self._share)

    def deadline_error(self, *, method: str | None = None, path: str | None = None) -> DeadlineExceededError:
        """Return the error for a call that has passed its deadline."""
        return DeadlineExceededError(
            f"No reply came in time (the deadline is {self.seconds:g} s).", method=method, path=path
        )


_CURRENT: ContextVar[Call | None] = ContextVar("monogram_sdk_call", default=None)


def current(owner: object) -> Call | None:
    """Return the call in progress of the client with these connections, if there is one."""
    call = _CURRENT.get()
    return call if call is not None and call.belongs_to(owner) else None


@contextmanager
def none() -> Generator[None]:
    """Suspend the call in progress: what the block calls is not part of it."""
    suspended = _CURRENT.get()
    _CURRENT.set(None)
    try:
        yield
    finally:
        _CURRENT.set(suspended)


@contextmanager
def side_effect(owner: object) -> Generator[None]:
    """Do not count what the block does as a change by the call: for example, uploading a file before its row exists."""
    call = current(owner)
    acted = call is not None and call.acted
    try:
        yield
    finally:
        if call is not None:
            call.acted = acted


def innermost() -> Call | None:
    """Return the innermost call in progress, of any client."""
    return _CURRENT.get()


def timeout_within_call(timeout: float | None = None) -> float | None:
    """Return how many seconds a wait for the network may take now; 0 or less after the deadline of the call.

    Args:
        timeout: The upper limit. Outside of a call, it alone counts.
    """
    call = _CURRENT.get()
    if call is None:
        return timeout
    return call.longest_wait() if timeout is None else min(timeout, call.longest_wait())


def connect_timeout_within_call() -> float | None:
    """Return how many seconds connecting may take now."""
    return timeout_within_call(_CONNECT_SECONDS)


# Methods that are calls ---------------------------------------------------------------------------------------------


class _Resource(Protocol):
    _engine: Any


R = TypeVar("R", bound=_Resource)


def async_call(
    method: Callable[Concatenate[R, P], Coroutine[Any, Any, T]],
) -> Callable[Concatenate[R, P], Coroutine[Any, Any, T]]:
    """Mark a method as a call: everything it does shares one deadline and one span.

    Its arguments are checked first. A marked method that another one calls is part of that call.
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
                await engine.sessions.raise_if_ended(error)
                raise

    mark_checked(call)
    return call


def call(method: Callable[Concatenate[R, P], T]) -> Callable[Concatenate[R, P], T]:
    """Mark a method as a call: everything it does shares one deadline and one span.

    Its arguments are checked first. A marked method that another one calls is part of that call.
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
                engine.sessions.raise_if_ended(error)
                raise

    mark_checked(call)
    return call


def _name(method: Callable[..., object]) -> str:
    # A part of a resource is in a module such as `_auth_account`.
    resource = method.__module__.rpartition(".")[2].lstrip("_").partition("_")[0]
    return f"{resource}.{method.__name__}"
