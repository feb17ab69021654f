"""Parse the bytes of a reply into models, without a dictionary in between."""

from __future__ import annotations

import gc
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from monogram_sdk._forks import register_for_fork
from monogram_sdk.errors import InvalidReplyError, TruncatedReplyError

if TYPE_CHECKING:
    from monogram_sdk._engine.reply import Reply
    from monogram_sdk.models._base import Model

T = TypeVar("T")
M = TypeVar("M", bound="Model")

# For annotations in classes that have a method `list`.
Rows = list

# From this size on, in bytes, it pays to pause the garbage collector.
_LONG = 10_000

# PostgREST cuts longer replies without saying so (`db-max-rows`; this is the platform's default).
ROW_CAP = 1000


# A traceback shows pydantic's error, too, and the values may be private.
_HIDING = ConfigDict(hide_input_in_errors=True)

# Making an adapter takes as long as reading thousands of rows. Two threads that make the same one do no harm.
_ADAPTERS: dict[object, TypeAdapter[Any]] = {}
_ROW_ADAPTERS: dict[object, TypeAdapter[Any]] = {}


def _adapter(shape: type[T]) -> TypeAdapter[T]:
    adapter = _ADAPTERS.get(shape)
    if adapter is None:
        adapter = _ADAPTERS[shape] = TypeAdapter(shape, config=None if _is_model(shape) else _HIDING)
    return adapter


def _is_model(shape: object) -> bool:
    """Return True if this is a model, which has a config of its own. `list[int]`, for example, is not a class."""
    return isinstance(shape, type) and issubclass(shape, BaseModel)


def _row_adapter(model: type[M]) -> TypeAdapter[list[M]]:
    adapter = _ROW_ADAPTERS.get(model)
    if adapter is None:
        rows: Any = list[model]  # type: ignore[valid-type]  # pyright: ignore[reportInvalidTypeForm]
        adapter = _ROW_ADAPTERS[model] = TypeAdapter(rows, config=_HIDING)
    return adapter


def parse(shape: type[T], reply: Reply) -> T:
    """Read one value, such as a row that is returned as an object.

    Raises:
        InvalidReplyError: The reply does not fit the type.
    """
    try:
        return _read(_adapter(shape), reply.content)
    except ValidationError as exc:
        raise _mismatch(shape, exc, reply) from exc


def parse_optional(shape: type[T], reply: Reply) -> T | None:
    """Read one value that may be null.

    Raises:
        InvalidReplyError: The reply does not fit the type.
    """
    if reply.content in (b"", b"null"):
        return None
    return parse(shape, reply)


def parse_rows(model: type[M], reply: Reply) -> list[M]:
    """Read rows.

    Raises:
        InvalidReplyError: The reply does not fit the model.
    """
    try:
        return _read(_row_adapter(model), reply.content)
    except ValidationError as exc:
        raise _mismatch(model, exc, reply) from exc


def parse_all_rows(model: type[M], reply: Reply, *, total: int | None = None) -> list[M]:
    """Read rows that must be complete.

    Args:
        model: The model of a row.
        reply: The reply.
        total: How many rows there must be, if that is known.

    Raises:
        InvalidReplyError: The reply does not fit the model.
        TruncatedReplyError: The server cut the reply, or may have.
    """
    rows = parse_rows(model, reply)
    if total is not None and len(rows) < total:
        raise _truncated(f"The server sent {len(rows)} of {total} rows and cut off the rest.", reply)
    if total is None and len(rows) >= ROW_CAP:
        raise _truncated(f"The server sent {len(rows)} rows, and may have cut off more.", reply)
    return rows


def total_of(content_range: str | None) -> int | None:
    """Return the total number of rows from ``Content-Range: 0-99/2500``; ``None`` if it is ``*``."""
    total = (content_range or "").rpartition("/")[2]
    return int(total) if total.isdecimal() else None


def _read(adapter: TypeAdapter[T], content: bytes) -> T:
    """Read JSON.

    A long reply becomes many objects at once, none of which is garbage. The garbage collector would check them again
    and again, which takes as long as reading them. So it is paused meanwhile.
    """
    if len(content) < _LONG or not gc.isenabled():
        return adapter.validate_json(content)
    _PAUSE.is_on = True
    gc.disable()
    try:
        return adapter.validate_json(content)
    finally:
        gc.enable()
        _PAUSE.is_on = False


class _Pause:
    """Whether the garbage collector is paused by `_read`."""

    def __init__(self) -> None:
        self.is_on = False
        register_for_fork(self)

    def after_fork(self) -> None:
        """End the pause, which a thread of the parent may have begun."""
        if self.is_on:
            self.is_on = False
            gc.enable()


_PAUSE = _Pause()


def _truncated(message: str, reply: Reply) -> TruncatedReplyError:
    request = reply.request
    return TruncatedReplyError(
        message,
        status=reply.status,
        method=request.method if request else None,
        path=request.bare_path() if request else None,
        # The server has carried out the request.
        uncertain=request is not None and request.changes,
    )


def _mismatch(shape: type[Any], exc: ValidationError, reply: Reply) -> InvalidReplyError:
    # Only where and why, because the values may be private.
    problems = "; ".join(
        f"{'.'.join(map(str, problem['loc'])) or 'reply'}: {problem['msg']}"
        for problem in exc.errors(include_input=False, include_url=False, include_context=False)[:3]
    )
    request = reply.request
    return InvalidReplyError(
        f"The server's reply does not fit {getattr(shape, '__name__', shape)}: {problems}.",
        hint=(
            "If the SDK and the project's migrations are of different versions, update the older one. The reply may"
            " also come from something in between, such as a proxy or a network's login page."
        ),
        status=reply.status,
        method=request.method if request else None,
        path=request.bare_path() if request else None,
        # The server has carried out the request; only its reply is of no use.
        uncertain=request is not None and request.changes,
    )
