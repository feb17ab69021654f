"""What happens in a space. Each kind of event is a class, so that a program can match on it:

    match event:
        case ResponsePublished():
            print(event.payload.response_id)
        case WeekAdvanced():
            print("week", event.payload.week_number)

`SpaceEvent` is their base class. An event of a kind that this version of the SDK does not know is a plain `SpaceEvent`
whose payload is a dictionary, so that a newer server does not break an older program.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar, Self, Unpack, cast
from uuid import UUID

from pydantic import AwareDatetime, ConfigDict, ModelWrapValidatorHandler, model_validator

from ._base import Model
from .enums import MembershipRole


class SpaceEvent(Model):
    """Something that happened in a space."""

    space_id: UUID
    """The space."""
    seq: int
    """Its number: 1, 2, 3 and so on in each space, without a gap, in the order in which things happened."""
    id: UUID
    """Its id. After a backup is restored, another event may get the same number, but not the same id."""
    kind: str
    """What happened, such as ``response.published``. More kinds may be added."""
    actor_id: UUID | None
    """The person who did it; ``None`` for scheduled work."""
    subject_id: UUID | None
    """What it is about: the response, the member and so on."""
    payload: Any
    """Details that depend on the kind: a model for each kind below, a dictionary for newer kinds."""
    created_at: datetime
    """When."""

    @property
    def cursor(self) -> str:
        """The cursor to store in order to go on after this event: its number and id, for the argument ``after``."""
        return f"{self.seq}:{self.id}"

    _by_kind: ClassVar[dict[str, type[SpaceEvent]]] = {}
    """The classes below, by kind."""

    @classmethod
    def __init_subclass__(cls, *, kind: str, **kwargs: Unpack[ConfigDict]) -> None:
        super().__init_subclass__(**kwargs)
        SpaceEvent._by_kind[kind] = cls

    @model_validator(mode="wrap")
    @classmethod
    def _as_its_kind(cls, value: object, handler: ModelWrapValidatorHandler[Self]) -> Self:
        """Read an event as the class of its kind."""
        if cls is SpaceEvent and isinstance(value, dict):
            known = cls._by_kind.get(str(cast("dict[str, Any]", value).get("kind")))
            if known is not None:
                return cast("Self", known.model_validate(value))
        return handler(value)


class ResponseDetails(Model):
    """The response that an event is about."""

    response_id: UUID
    """The response; `responses.get` reads it, unless it has been deleted since."""
    prompt_id: UUID
    """The prompt that it responds to."""
    user_id: UUID
    """Who wrote it."""
    week_number: int
    """The week of the prompt."""


class PromptsDetails(Model):
    """The prompts that an event is about."""

    prompt_ids: tuple[UUID, ...]
    """The prompts, in their order."""
    week_number: int
    """Their week."""


class NewsletterDetails(Model):
    """The newsletter that an event is about."""

    newsletter_id: UUID
    """The newsletter."""
    week_number: int
    """Its week."""


class CuratorDetails(Model):
    """The new curator."""

    user_id: UUID | None
    """The curator."""
    week_number: int
    """The week."""


class MemberDetails(Model):
    """The member that an event is about."""

    user_id: UUID
    """The person."""


class NewMemberDetails(MemberDetails):
    """The member who has joined."""

    role: MembershipRole
    """The role with which they joined."""


class WeekDetails(Model):
    """The week that an event is about."""

    week_number: int
    """The week."""


class ResponsePublished(SpaceEvent, kind="response.published"):
    """Somebody has published a response."""

    payload: ResponseDetails
    """The response."""


class ResponseUpdated(SpaceEvent, kind="response.updated"):
    """Somebody has changed their published response."""

    payload: ResponseDetails
    """The response."""


class ResponseDeleted(SpaceEvent, kind="response.deleted"):
    """Somebody has deleted their published response."""

    payload: ResponseDetails
    """The response."""


class PromptsPublished(SpaceEvent, kind="prompts.published"):
    """The curator has published prompts."""

    payload: PromptsDetails
    """The prompts."""


class NewsletterPublished(SpaceEvent, kind="newsletter.published"):
    """The leader has published the newsletter."""

    payload: NewsletterDetails
    """The newsletter."""


class CuratorAssigned(SpaceEvent, kind="curator.assigned"):
    """Somebody has become the curator."""

    payload: CuratorDetails
    """The curator, and the week."""


class MemberJoined(SpaceEvent, kind="member.joined"):
    """Somebody has joined."""

    payload: NewMemberDetails
    """The member."""


class MemberLeft(SpaceEvent, kind="member.left"):
    """Somebody has left, or was removed."""

    payload: MemberDetails
    """The member."""


class WeekAdvanced(SpaceEvent, kind="week.advanced"):
    """A new week has begun."""

    payload: WeekDetails
    """The week."""


class Present(Model):
    """Somebody who is present in a space, as reported by their own program. It is not verified who they are."""

    user_id: UUID
    """The person."""
    is_writing: bool
    """Whether they are writing."""
    since: AwareDatetime | None
    """Since when; ``None`` if their program does not say."""
