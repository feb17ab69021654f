"""`client.prompts`: the curator's questions."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID, uuid4

from monogram_sdk import _query
from monogram_sdk._engine.call import async_call
from monogram_sdk._paging import PAGE_SIZE, Listing
from monogram_sdk._parse import Rows, parse_all_rows, parse_rows
from monogram_sdk._query import equals
from monogram_sdk._values import NOT_GIVEN, Id, NotGiven, as_int, as_uuid, changes, set_values, versioned
from monogram_sdk.errors import (
    APIError,
    ConflictError,
    InvalidValueError,
    MonogramError,
    PromptNotFoundError,
    WeekFullError,
)
from monogram_sdk.models.prompts import Prompt

from ._pages import AsyncPages
from ._resource import AsyncResource, by_id

TABLE = "prompts"
MOST_PROMPTS = 10


class AsyncPromptsAPI(AsyncResource):
    """The prompts of a space's weeks. The curator writes those of the open week; members see what is published."""

    @async_call
    async def create(self, space_id: Id, *, question: str, order: int | None = None) -> Prompt:
        """Write a prompt for the open week. Members see it when it is published.

        Args:
            space_id: A space whose curator you are.
            question: The question, 1-500 characters.
            order: Its place in the week, 1-10; the lowest free one unless given.

        Raises:
            WeekFullError: The week has ten prompts.
            OrderTakenError: Another prompt has this place.
            PermissionDeniedError: You are not the curator of the open week.
        """
        prompt_id = uuid4()
        row = _row(prompt_id, as_uuid(space_id, "space_id"), question, order)
        return await self._insert(Prompt, TABLE, row, by_id(prompt_id))

    @async_call
    async def create_many(self, space_id: Id, questions: Sequence[str]) -> Rows[Prompt]:
        """Write several prompts for the open week, into its lowest free places: all of them, or none.

        Where the prompts that are there leave no gap, the new ones come after them.

        Args:
            space_id: A space whose curator you are.
            questions: The questions in order, up to ten, 1-500 characters each.

        Raises:
            WeekFullError: The week would have more than ten prompts.
            PermissionDeniedError: You are not the curator of the open week.
        """
        if not questions:
            raise InvalidValueError(
                "questions is empty.", detail="questions", hint="Pass a list of at least one question."
            )
        if len(questions) > MOST_PROMPTS:
            raise WeekFullError(
                f"A week can have {MOST_PROMPTS} prompts, and these are {len(questions)}.", detail="questions"
            )
        space = as_uuid(space_id, "space_id")
        ids = [uuid4() for _ in questions]
        rows = [_row(prompt_id, space, question, None) for prompt_id, question in zip(ids, questions, strict=True)]
        try:
            reply = await self._engine.send(_query.insert(TABLE, rows, Prompt.columns()))
        except APIError as error:
            # The ids are random, so rows with them are our own: a proxy may have sent the request twice.
            if not error.uncertain and not isinstance(error, ConflictError):
                raise
            call = _query.select(TABLE, Prompt.columns(), [f"id=in.({','.join(map(str, ids))})"])
            try:
                reply = await self._engine.send(call)
            except MonogramError as failure:
                error.uncertain = True
                raise error from failure
            if not parse_rows(Prompt, reply):
                raise
        return sorted(parse_all_rows(Prompt, reply, total=len(ids)), key=lambda prompt: prompt.order)

    @async_call
    async def get(self, prompt_id: Id) -> Prompt:
        """Return a prompt.

        Raises:
            PromptNotFoundError: No such prompt, or you cannot see it.
        """
        return await self._get(Prompt, TABLE, PromptNotFoundError, by_id(as_uuid(prompt_id, "prompt_id")))

    def list(
        self, space_id: Id, *, week_number: int | None = None, after: str | None = None, page_size: int = PAGE_SIZE
    ) -> AsyncPages[Prompt]:
        """List the prompts of a space that you may see, by week and order.

        Args:
            space_id: A space that you are a member of.
            week_number: One week only.
            after: Where to begin: a cursor from `Page`.
            page_size: How many to read at once, 1-1,000.
        """
        filters = [equals("space_id", as_uuid(space_id, "space_id"))]
        if week_number is not None:
            filters.append(equals("week_number", as_int(week_number, "week_number")))
        return self._pages(Listing(TABLE, Prompt, ("week_number", "order"), filters=tuple(filters)), after, page_size)

    @async_call
    async def update(
        self,
        prompt_id: Id,
        *,
        question: str | NotGiven = NOT_GIVEN,
        order: int | NotGiven = NOT_GIVEN,
        if_version: int | None = None,
    ) -> Prompt:
        """Reword a prompt of the open week, or move it to a free place.

        Args:
            prompt_id: The prompt.
            question: The question, 1-500 characters.
            order: Its place, 1-10. To swap places use `reorder`.
            if_version: The `version` that your change is based on. If it has changed since, nothing is written.

        Raises:
            EditConflictError: It was changed since `if_version`; the error has both texts.
            PromptAnsweredError: Somebody has responded to it.
            OrderTakenError: Another prompt has this place.
            WeekClosedError: Its week is over.
            PermissionDeniedError: You are not the curator of the open week.
        """
        values = changes(question=question, order=order)
        own = by_id(as_uuid(prompt_id, "prompt_id"))
        return await self._update(Prompt, TABLE, PromptNotFoundError, versioned(values, if_version), own)

    @async_call
    async def delete(self, prompt_id: Id) -> None:
        """Delete a prompt of the open week.

        Raises:
            PromptAnsweredError: Somebody else has responded to it; people who were removed since do not count.
            WeekClosedError: Its week is over.
            PermissionDeniedError: You are not the curator of the open week.
        """
        await self._delete(Prompt, TABLE, PromptNotFoundError, by_id(as_uuid(prompt_id, "prompt_id")))

    @async_call
    async def publish(self, space_id: Id) -> Rows[Prompt]:
        """Publish all prompts of the open week. Doing so again changes nothing.

        Args:
            space_id: A space whose curator you are.

        Returns:
            The week's prompts in order.

        Raises:
            NoPromptsError: The open week has no prompts.
            PermissionDeniedError: You are not the curator of the open week.
        """
        return await self._rpc_rows(Prompt, "publish_prompts", {"space_id": as_uuid(space_id, "space_id")})

    @async_call
    async def publish_one(self, prompt_id: Id) -> Prompt:
        """Publish a single prompt. Doing so again changes nothing.

        Raises:
            WeekClosedError: Its week is over.
            PermissionDeniedError: You are not the curator of the open week.
        """
        filters = by_id(as_uuid(prompt_id, "prompt_id"))
        return await self._update(Prompt, TABLE, PromptNotFoundError, {"is_published": True}, filters)

    @async_call
    async def reorder(self, space_id: Id, prompt_ids: Sequence[Id]) -> Rows[Prompt]:
        """Put the prompts of the open week into this order.

        Args:
            space_id: A space whose curator you are.
            prompt_ids: The prompts, first to last.

        Raises:
            PromptNotFoundError: One of them is not in the open week.
            PermissionDeniedError: You are not the curator of the open week.
        """
        ids = [as_uuid(prompt_id, "prompt_ids") for prompt_id in prompt_ids]
        arguments = {"space_id": as_uuid(space_id, "space_id"), "prompt_ids": ids}
        return await self._rpc_rows(Prompt, "reorder_prompts", arguments)


def _row(prompt_id: UUID, space_id: UUID, question: str, order: int | None) -> dict[str, object]:
    return set_values(id=prompt_id, space_id=space_id, question=question, order=order)
