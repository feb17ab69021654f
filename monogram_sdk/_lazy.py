"""What is imported when it is first used: public names of a package (PEP 562), and parts of a client."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property
from importlib import import_module
from typing import TYPE_CHECKING

from monogram_sdk._forks import importing

if TYPE_CHECKING:
    late = cached_property
else:

    class late(cached_property):
        """A property that is made when it is first used, by a function that may import modules.

        In Python 3.11 `cached_property` holds a lock meanwhile, and a forked child would wait for it without end. So a
        fork waits until the property is made.
        """

        def __get__(self, instance: object, owner: type | None = None) -> object:
            with importing():
                return super().__get__(instance, owner)


def lazily(package: str, modules: Mapping[str, str]) -> tuple[Callable[[str], object], Callable[[], list[str]]]:
    """Return the ``__getattr__`` and the ``__dir__`` of a package.

    Type checkers do not run this: the package imports the same names under ``if TYPE_CHECKING``, and a test compares
    the two.

    Args:
        package: The name of the package.
        modules: For each public name, the module that defines it, as `import_module` takes it: ``.errors`` is in the
            package. For a module, itself.
    """

    def getattr_(name: str) -> object:
        where = modules.get(name)
        if where is None:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        with importing():
            module = import_module(where, package)
        value: object = module if where == f".{name}" else getattr(module, name)
        setattr(import_module(package), name, value)
        return value

    def dir_() -> list[str]:
        return sorted({*vars(import_module(package)), *modules})

    return getattr_, dir_
