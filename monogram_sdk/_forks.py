"""What happens to connections, locks and imports when the process is forked.

The child begins with copies of its parent's connections and locks. If both processes read from a connection, they get
each other's replies. A lock that another thread of the parent held stays locked without end. So every object that has
either is told to drop them, in the child, before anything else runs there.

A module that another thread was importing stays half imported in the child, where importing it waits for that thread
without end. So a fork waits until no module of ours is being imported late.
"""

from __future__ import annotations

import os
import threading
import weakref
from contextlib import AbstractContextManager
from typing import Protocol


class ForkAware(Protocol):
    """Something with connections or locks that belong to one process."""

    def after_fork(self) -> None:
        """Drop what belongs to the parent, without waiting for anything. Called in the child."""


_REGISTERED: weakref.WeakSet[ForkAware] = weakref.WeakSet()
_IMPORTS = threading.RLock()
_present = object()


def register_for_fork(one: ForkAware) -> None:
    """Call the `after_fork` of an object in every child process from now on. This does not keep the object alive."""
    _REGISTERED.add(one)


def importing() -> AbstractContextManager[object]:
    """Return a context for importing a module late: a fork waits until it ends."""
    return _IMPORTS


def this_process() -> object:
    """Return an object that stands for this process: a forked child has another one."""
    return _present


def _after_fork() -> None:
    global _present
    _present = object()
    _IMPORTS.release()
    for one in tuple(_REGISTERED):
        one.after_fork()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_IMPORTS.acquire, after_in_parent=_IMPORTS.release, after_in_child=_after_fork)
