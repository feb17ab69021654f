"""Tell objects, in a process that has been forked off, to forget what belongs to its parent.

Such a process begins with copies of its parent's connections and locks. The connections are the parent's all the same:
two processes that read from one get each other's replies. A lock that another thread held stays locked for good. So
whatever has either is told, in the child, before anything else runs there.

A module that another thread is just importing stays half imported in the child, and whoever imports it there waits for
that thread. So no process is forked off while one of our modules that are loaded late is being imported.
"""

from __future__ import annotations

import os
import threading
import weakref
from contextlib import AbstractContextManager
from typing import Protocol


class Forked(Protocol):
    """What has something that belongs to one process."""

    def forked(self) -> None:
        """Forget what belongs to the parent, without waiting for anything. Called in the child."""


_TOLD: weakref.WeakSet[Forked] = weakref.WeakSet()
_IMPORTS = threading.RLock()
_present = object()


def tell_of_forks(one: Forked) -> None:
    """Have an object told in every process that is forked off from now on, as long as somebody refers to it."""
    _TOLD.add(one)


def importing() -> AbstractContextManager[object]:
    """Return a context in which modules are loaded that are loaded late: no process is forked off meanwhile."""
    return _IMPORTS


def this_process() -> object:
    """Return what stands for this process: another object in each one that is forked off."""
    return _present


def _tell() -> None:
    global _present
    _present = object()
    _IMPORTS.release()
    for one in tuple(_TOLD):
        one.forked()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_IMPORTS.acquire, after_in_parent=_IMPORTS.release, after_in_child=_tell)
