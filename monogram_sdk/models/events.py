"""What happens in a space. Each kind of event is a class, so that a program can match on it:

    match event:
        case ResponsePublished():
            print(event.payload.response_id)
        case WeekAdvanced():
            print("week", event.payload.week_number)

`SpaceEvent` is what they have in common. An event whose kind this version of the SDK does not know is a plain
`SpaceEvent` with its payload as it came: a newer server does not break an older program.
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
    """Tells it from another event that got its number after a backup was restored."""
    kind: str
    """What happened, such as ``response.published``. New kinds may come."""
    actor_id: UUID | None
    """Who did it; ``None`` for the clock."""
    subject_id: UUID | None
    """What it is about: the response, the member and so on."""
    payload: Any
    """Details that depend on the kind: a model for each kind below, a dictionary for kinds that are newer than this."""
    created_at: datetime
    """When."""

    @property
    def cursor(self) -> str:
        """What to store, to go on after this event: its number and its id, for the argument ``after`` of feeds."""
        return f"{self.seq}:{self.id}"

    _by_kind: ClassVar[dict[str, type[SpaceEvent]]] = {}
    """The classes below, by what they stand for."""

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
    """Which answer an event is about."""

    response_id: UUID
    """The answer; `responses.get` reads it, unless it has been deleted since."""
    prompt_id: UUID
    """What it answers."""
    user_id: UUID
    """Who wrote it."""
    week_number: int
    """The week of the prompt."""


class PromptsDetails(Model):
    """Which prompts an event is about."""

    prompt_ids: tuple[UUID, ...]
    """The prompts, in their order."""
    week_number: int
    """Their week."""


class NewsletterDetails(Model):
    """Which newsletter an event is about."""

    newsletter_id: UUID
    """The newsletter."""
    week_number: int
    """Its week."""


class CuratorDetails(Model):
    """Whom an event hands the pen."""

    user_id: UUID | None
    """The curator."""
    week_number: int
    """The week."""


class MemberDetails(Model):
    """Which member an event is about."""

    user_id: UUID
    """The person."""


class NewMemberDetails(MemberDetails):
    """Who an event brings."""

    role: MembershipRole
    """As what they joined."""


class WeekDetails(Model):
    """Which week an event is about."""

    week_number: int
    """The week."""


class ResponsePublished(SpaceEvent, kind="response.published"):
    """Somebody has published an answer."""

    payload: ResponseDetails
    """Which answer."""


class ResponseUpdated(SpaceEvent, kind="response.updated"):
    """Somebody has changed their published answer."""

    payload: ResponseDetails
    """Which answer."""


class ResponseDeleted(SpaceEvent, kind="response.deleted"):
    """Somebody has deleted their published answer."""

    payload: ResponseDetails
    """Which answer."""


class PromptsPublished(SpaceEvent, kind="prompts.published"):
    """The curator has published prompts."""

    payload: PromptsDetails
    """Which prompts."""


class NewsletterPublished(SpaceEvent, kind="newsletter.published"):
    """The leader has published the newsletter."""

    payload: NewsletterDetails
    """Which newsletter."""


class CuratorAssigned(SpaceEvent, kind="curator.assigned"):
    """Somebody holds the pen now."""

    payload: CuratorDetails
    """Who, and for which week."""


class MemberJoined(SpaceEvent, kind="member.joined"):
    """Somebody has joined."""

    payload: NewMemberDetails
    """Who."""


class MemberLeft(SpaceEvent, kind="member.left"):
    """Somebody has left, or was removed."""

    payload: MemberDetails
    """Who."""


class WeekAdvanced(SpaceEvent, kind="week.advanced"):
    """A new week has begun."""

    payload: WeekDetails
    """Which week."""


class Present(Model):
    """Somebody who is in a space right now, as their own program says: it is no proof of who it is."""

    user_id: UUID
    """The person."""
    is_writing: bool
    """Whether they are writing."""
    since: AwareDatetime | None
    """Since when; ``None`` when their program does not say."""
