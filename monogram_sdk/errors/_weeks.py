"""Errors about prompts, responses, newsletters and events."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any
from uuid import UUID

from ._api import ConflictError, InvalidValueError, NotFoundError

if TYPE_CHECKING:
    from monogram_sdk.models._base import Model

# Prompts ------------------------------------------------------------------------------------------------------------


class PromptNotFoundError(NotFoundError, code="MG201"):
    """No such prompt, or you cannot see it."""


class WeekClosedError(ConflictError, code="MG202"):
    """This week is not the open one, so its prompts, responses and newsletter cannot be changed."""


class WeekFullError(ConflictError, code="MG203"):
    """This week already has ten prompts: delete one first."""


class OrderTakenError(ConflictError, code="MG204"):
    """Another prompt of this week has this order: leave `order` out, or use `prompts.reorder`."""


class PromptAnsweredError(ConflictError, code="MG205"):
    """This prompt has responses, so it can be neither reworded nor deleted."""


class NoPromptsError(ConflictError, code="MG206"):
    """The open week has no prompts to publish: write one with `prompts.create` first."""


class PromptPublishedError(ConflictError, code="MG207"):
    """A published prompt cannot be made a draft again."""


# Responses ----------------------------------------------------------------------------------------------------------


class PromptNotOpenError(ConflictError, code="MG301"):
    """This prompt is not published yet: wait until the curator publishes it."""


class ResponseEmptyError(InvalidValueError, code="MG302"):
    """A published response needs text, an image or a piece of music."""


class ResponsePublishedError(ConflictError, code="MG303"):
    """A published response cannot be made a draft again."""


class ResponseExistsError(ConflictError, code="MG304"):
    """You have already responded to this prompt: edit the existing response."""


class ResponseNotSelectableError(ConflictError, code="MG305"):
    """Only published responses of this week can be selected."""


class ImagePathForeignError(InvalidValueError, code="MG306"):
    """The image is not in the author's own folder of this space: upload it there first."""


class ResponseNotFoundError(NotFoundError, code="MG307"):
    """No such response, or you cannot see it."""


class EditConflictError(ConflictError, code="MG308"):
    """This was changed meanwhile, on another device or by somebody else: merge both versions, and send the result.

    Attributes:
        mine: What the call wanted to write: column -> value.
        theirs: The present values, as the model that the call returns; ``None`` if they could not be read. Pass its
            `version` as `if_version` next.
    """

    mine: Mapping[str, Any] = MappingProxyType({})
    theirs: Model | None = None


class CaptionWithoutImageError(InvalidValueError, code="MG312"):
    """A caption needs an image, and this response has no image: add one, or leave the caption out."""


# Newsletters --------------------------------------------------------------------------------------------------------


class NewsletterNotFoundError(NotFoundError, code="MG401"):
    """No such newsletter, or you may not see or change it."""


class NewsletterDraftError(ConflictError, code="MG309"):
    """A draft has the visibility of its space until it is published: publish it first."""


class NewsletterPublishedError(ConflictError, code="MG402"):
    """This newsletter is published and cannot be changed any more."""


class NewsletterExistsError(ConflictError, code="MG208"):
    """This week already has a newsletter: change it, or generate it again."""


class NothingSelectedError(ConflictError, code="MG403"):
    """The week has responses, but none is selected: choose with `responses.select` first."""


class NewsletterStaleError(ConflictError, code="MG404"):
    """Its prompts or responses have changed since this draft was generated: generate it again, check it, and publish.

    `response_ids` and `prompt_ids` say what has changed.
    """

    @property
    def response_ids(self) -> tuple[UUID, ...]:
        """The responses that were edited or selected since the newsletter was generated."""
        return self._ids("responses")

    @property
    def prompt_ids(self) -> tuple[UUID, ...]:
        """The prompts that were reworded or moved since then."""
        return self._ids("prompts")

    def _ids(self, kind: str) -> tuple[UUID, ...]:
        found = re.search(rf"\b{kind}: ([0-9a-f, -]+)", self.detail or "")
        return tuple(UUID(one) for one in re.findall(r"[0-9a-f-]{36}", found[1])) if found else ()


# Events -------------------------------------------------------------------------------------------------------------


class HistoryReplacedError(ConflictError, code="HISTORY_REPLACED"):
    """The events up to this cursor have been replaced: read your data again, and go on with `error.resume`.

    Restoring a backup undoes later events, and gives their numbers to other events. So read again what your program
    stores about the space, and go on with ``after=error.resume``.

    Attributes:
        resume: The cursor of the newest event now. Take it before you read your data again, so that you miss nothing.
    """

    resume: str = "0"
