"""A week of a space, as its screen shows it."""

from __future__ import annotations

from ._base import Model
from .enums import MembershipRole
from .newsletters import Newsletter
from .profiles import Person
from .prompts import Prompt
from .responses import Response
from .spaces import Space


class AuthoredResponse(Response):
    """An answer with its author."""

    author: Person
    """Who wrote it."""


class AnsweredPrompt(Prompt):
    """A question with its answers."""

    responses: tuple[AuthoredResponse, ...]
    """The answers that you may see: published ones, and your own drafts."""


class SpaceWeek(Model):
    """All that a week's screen shows."""

    space: Space
    """The space."""
    week_number: int
    """The week."""
    is_open: bool
    """Whether it is the open week, in which prompts and answers can be written."""
    curator: Person | None
    """Who holds, or held, the pen."""
    my_role: MembershipRole | None
    """What you may do; ``None`` if you are not a member."""
    prompts: tuple[AnsweredPrompt, ...]
    """The questions in order."""
    newsletter: Newsletter | None
    """The week's newsletter, if there is one that you may see."""
