"""What all resources build on: send one call, read the answer, recognise one's own work after a retry."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from typing import Any, NoReturn, TypeVar
from uuid import UUID

from monogram_sdk import _query
from monogram_sdk._paging import Listing
from monogram_sdk._parse import parse, parse_all_rows, parse_rows, total_of
from monogram_sdk._query import Call
from monogram_sdk._runtime import async_as_call
from monogram_sdk.errors import (
    APIError,
    ConflictError,
    MonogramError,
    NotFoundError,
    PermissionDeniedError,
    SecretKeyRequiredError,
)
from monogram_sdk.models._base import Model

from ._files import AsyncFiles
from ._pages import AsyncPages
from ._transport import AsyncTransport

M = TypeVar("M", bound=Model)
T = TypeVar("T")


class AsyncCalls:
    """A class whose public methods are calls, each with one deadline for whatever it does (see `_calls`)."""

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        resource = cls.__module__.rpartition(".")[2]
        for name, method in tuple(vars(cls).items()):
            if not name.startswith("_") and inspect.isfunction(method):
                setattr(cls, name, async_as_call(f"{resource}.{name}", method))


class AsyncResource(AsyncCalls):
    """A part of the API."""

    def __init__(self, transport: AsyncTransport) -> None:
        self._transport = transport
        self._sessions = transport.sessions

    def _require_secret(self) -> None:
        """Refuse what only a service may do.

        Raises:
            SecretKeyRequiredError: The client has no secret key.
        """
        if not self._sessions.secret:
            raise SecretKeyRequiredError

    def _pages(self, listing: Listing[M], after: str | None, page_size: int) -> AsyncPages[M]:
        return AsyncPages(self._transport, listing, after=after, page_size=page_size)

    async def _rpc(self, shape: type[T], name: str, arguments: Mapping[str, Any], *, repeatable: bool = True) -> T:
        reply = await self._transport.send(_query.rpc(name, arguments, repeatable=repeatable))
        return parse(shape, reply)

    async def _rpc_rows(
        self,
        model: type[M],
        name: str,
        arguments: Mapping[str, Any],
        *,
        expected: int | None = None,
        repeatable: bool = True,
    ) -> list[M]:
        """Call a function that answers all its rows at once.

        Args:
            model: What a row is.
            name: The function.
            arguments: Its arguments.
            expected: How many rows there must be; the server counts them unless given.
            repeatable: Whether calling it twice has the effect of calling it once.
        """
        call = _query.rpc(name, arguments, repeatable=repeatable, counted=expected is None)
        reply = await self._transport.send(call)
        total = total_of(reply.headers.get("content-range")) if expected is None else expected
        return parse_all_rows(model, reply, total=total)

    async def _find(self, model: type[M], table: str, *filters: str) -> M | None:
        reply = await self._transport.send(_query.select(table, model.columns(), filters, limit=1))
        rows = parse_rows(model, reply)
        return rows[0] if rows else None

    async def _get(self, model: type[M], table: str, missing: type[NotFoundError], *filters: str) -> M:
        row = await self._find(model, table, *filters)
        if row is None:
            raise missing(method="GET", path=f"{_query.REST}/{table}")
        return row

    async def _insert(self, model: type[M], table: str, row: Mapping[str, Any], *own: str) -> M:
        """Insert a row.

        Args:
            model: What to read it back as.
            table: Where.
            row: Its values.
            own: Filters that only this row can pass. When an attempt went unanswered and the next one is refused,
                such as for being there already, the row is looked up by them: if it is there, all went well. A row
                with an id of its own is also looked up when something on the way sent the request twice.
        """
        try:
            reply = await self._transport.send(_query.insert(table, row, model.columns()))
        except APIError as error:
            if not error.uncertain and not (isinstance(error, ConflictError) and "id" in row):
                raise
            try:
                found = await self._find(model, table, *own)
            except MonogramError as failure:
                if error.uncertain:  # This refusal may be due to the call's own work, so it would mislead.
                    failure.uncertain = True
                    raise
                error.uncertain = True
                raise error from failure
            if found is None:
                raise
            return found
        return parse_rows(model, reply)[0]

    async def _update(
        self, model: type[M], table: str, missing: type[NotFoundError], values: Mapping[str, Any], *filters: str
    ) -> M:
        call = _query.update(table, values, model.columns(), filters)
        rows = parse_rows(model, await self._transport.send(call))
        if not rows:
            await self._explain_nothing(model, table, missing, call, filters)
        return rows[0]

    async def _delete(self, model: type[M], table: str, missing: type[NotFoundError], *filters: str) -> None:
        call = _query.delete(table, model.columns(), filters)
        reply = await self._transport.send(call)
        # After an attempt that went unanswered, nothing left to delete means that it did its work.
        if not parse_rows(model, reply) and not reply.uncertain:
            await self._explain_nothing(model, table, missing, call, filters)

    async def _discard(
        self, error: APIError, files: AsyncFiles, bucket: str, path: str, model: type[M], table: str, column: str
    ) -> None:
        """Delete an uploaded file whose row was refused.

        After an attempt that went unanswered, a row may hold it all the same: then it stays. If deleting fails, that is
        noted on the error, which matters more.
        """
        try:
            if error.uncertain and await self._find(model, table, _query.equals(column, path)) is not None:
                return
            await files.remove(bucket, path)
        except Exception as exc:
            error.add_note(f"The uploaded file {bucket}/{path} could not be deleted again: {exc}")

    async def _explain_nothing(
        self, model: type[M], table: str, missing: type[NotFoundError], call: Call, filters: Sequence[str]
    ) -> NoReturn:
        """Say why a change met no row: access rules hide what one may not change, also if one may see it."""
        path = call.path.partition("?")[0]
        if await self._find(model, table, *filters) is None:
            raise missing(method=call.method, path=path)
        raise PermissionDeniedError(
            "You can see this, but you are not allowed to change it.", method=call.method, path=path
        )


def is_own_uncertain(error: MonogramError, *kinds: type[MonogramError]) -> bool:
    """Whether an error is what a second attempt gets when a first, unanswered one did its work."""
    return error.uncertain and isinstance(error, kinds)


def by_id(value: UUID) -> str:
    """Return the filter for a row by its id."""
    return _query.equals("id", value)
