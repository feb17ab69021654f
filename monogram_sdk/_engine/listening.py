"""Check the functions that a program passes to be called later."""

from __future__ import annotations

import inspect
from collections.abc import Callable


def check_listener(listener: Callable[..., object] | None) -> None:
    """Check that a listener is a plain function.

    Raises:
        TypeError: It is a coroutine function: nothing awaits what it returns, so it would never run.
    """
    for function in (listener, getattr(listener, "__call__", None)):  # noqa: B004
        if inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function):
            raise TypeError("A listener must be a plain function: nothing would await this coroutine function.")
