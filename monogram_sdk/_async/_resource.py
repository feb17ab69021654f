"""The base of all resources: send a request, read the reply, and recognise the call's own work after a retry."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NoReturn, TypeVar
from uuid import UUID

from monogram_sdk import _contents as contents
from monogram_sdk import _query
from monogram_sdk._arguments import ChecksArguments
from monogram_sdk._engine import call as calls
from monogram_sdk._engine._async.engine import AsyncEngine
from monogram_sdk._engine.request import Request
from monogram_sdk._paging import Listing
from monogram_sdk._parse import parse, parse_all_rows, parse_rows, total_of
from monogram_sdk.errors import (
    APIError,
    ConflictError,
    EditConflictError,
    InvalidReplyError,
    MonogramError,
    NotFoundError,
    PermissionDeniedError,
    SecretKeyRequiredError,
)
from monogram_sdk.models._base import Model

from ._files import AsyncFiles
from ._pages import AsyncPages

M = TypeVar("M", bound=Model)
T = TypeVar("T")


class AsyncResource(ChecksArguments):
    """A part of the API. Its public methods that send something are marked as calls (`monogram_sdk._engine.call`)."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        self._sessions = engine.sessions

    def _require_secret(self) -> None:
        """Check that the client has a secret key.

        Raises:
            SecretKeyRequiredError: It does not.
        """
        if not self._sessions.is_secret:
            raise SecretKeyRequiredError

    def _pages(self, listing: Listing[M], after: str | None, page_size: int) -> AsyncPages[M]:
        return AsyncPages(self._engine, listing, after=after, page_size=page_size)

    async def _rpc(self, shape: type[T], name: str, arguments: Mapping[str, Any], *, repeatable: bool = True) -> T:
        request = _query.rpc(name, arguments, repeatable=repeatable, content=contents.of(shape))
        return parse(shape, await self._engine.send(request))

    async def _rpc_rows(
        self,
        model: type[M],
        name: str,
        arguments: Mapping[str, Any],
        *,
        expected: int | None = None,
        repeatable: bool = True,
        may_be_cut: bool = False,
    ) -> list[M]:
        """Call a function that returns all its rows at once.

        Args:
            model: The model of a row.
            name: The function.
            arguments: Its arguments.
            expected: How many rows there must be; by default the server counts them.
            repeatable: Whether calling it twice has the same effect as once.
            may_be_cut: Whether the reply may be incomplete, because the caller reads on until nothing is left.
        """
        counted = expected is None and not may_be_cut
        request = _query.rpc(name, arguments, repeatable=repeatable, counted=counted, content=contents.ROWS)
        reply = await self._engine.send(request)
        if may_be_cut:
            return parse_rows(model, reply)
        total = total_of(reply.headers.get("content-range")) if expected is None else expected
        return parse_all_rows(model, reply, total=total)

    async def _find(self, model: type[M], table: str, *filters: str) -> M | None:
        reply = await self._engine.send(_query.select(table, model.columns(), filters, limit=1))
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
            model: The model to read it back as.
            table: The table.
            row: Its values.
            own: Filters that only this row matches. When no reply came to an attempt and the next one is refused, for
                example because the row exists, the row is looked up by them; if it is there, the insert has succeeded.
                A row with an id of its own is looked up after any conflict: a proxy may have sent the request twice.
        """
        try:
            reply = await self._engine.send(_query.insert(table, row, model.columns()))
        except APIError as error:
            if not error.uncertain and not (isinstance(error, ConflictError) and "id" in row):
                raise
            try:
                found = await self._find(model, table, *own)
            except MonogramError as failure:
                if error.uncertain:  # The refusal may be caused by the call's own insert, so it would mislead.
                    failure.uncertain = True
                    raise
                error.uncertain = True
                raise error from failure
            if found is None:
                raise
            return found
        rows = parse_rows(model, reply)
        if not rows:
            raise InvalidReplyError(
                "The server inserted a row and did not return it.", status=reply.status, method="POST", uncertain=True
            )
        return rows[0]

    async def _update(
        self, model: type[M], table: str, missing: type[NotFoundError], values: Mapping[str, Any], *filters: str
    ) -> M:
        request = _query.update(table, values, model.columns(), filters)
        try:
            reply = await self._engine.send(request)
        except EditConflictError as error:
            error.mine = {name: value for name, value in values.items() if name != "version"}
            try:
                error.theirs = await self._find(model, table, *filters)
            except MonogramError as failure:
                error.add_note(f"The present values could not be read: {failure}")
            raise
        rows = parse_rows(model, reply)
        if not rows:
            await self._raise_for_no_rows(model, table, missing, request, filters)
        return rows[0]

    async def _delete(self, model: type[M], table: str, missing: type[NotFoundError], *filters: str) -> None:
        request = _query.delete(table, model.columns(), filters)
        reply = await self._engine.send(request)
        # If no reply came to an earlier attempt, nothing left to delete means that it succeeded.
        if not parse_rows(model, reply) and not reply.uncertain:
            await self._raise_for_no_rows(model, table, missing, request, filters)

    async def _discard(
        self, error: APIError, files: AsyncFiles, bucket: str, path: str, model: type[M], table: str, column: str
    ) -> None:
        """Delete an uploaded file whose row was refused.

        If the error is uncertain, the row may exist all the same: then the file stays. If deleting fails, that becomes
        a note on the error.
        """
        try:
            if error.uncertain and await self._find(model, table, _query.equals(column, path)) is not None:
                return
            with calls.side_effect(self._engine.network):
                await files.remove(bucket, path)
        except Exception as exc:
            error.add_note(f"The uploaded file {bucket}/{path} could not be deleted: {exc}")

    async def _raise_for_no_rows(
        self, model: type[M], table: str, missing: type[NotFoundError], request: Request, filters: Sequence[str]
    ) -> NoReturn:
        """Raise the error for a change that matched no row: the row is missing, or the person may only see it."""
        path = request.bare_path()
        if await self._find(model, table, *filters) is None:
            raise missing(method=request.method, path=path)
        raise PermissionDeniedError(
            "You can see this, but you are not allowed to change it.", method=request.method, path=path
        )


def is_own_uncertain(error: MonogramError, *kinds: type[MonogramError]) -> bool:
    """Return True if an error may be caused by an earlier attempt of the same call, to which no reply came."""
    return error.uncertain and isinstance(error, kinds)


def by_id(value: UUID) -> str:
    """Return the filter for a row by its id."""
    return _query.equals("id", value)
