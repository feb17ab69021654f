"""A week of a space, with everything that its screen shows."""

from __future__ import annotations

from ._base import Model
from .enums import MembershipRole
from .newsletters import Newsletter
from .profiles import Person
from .prompts import Prompt
from .responses import Response
from .spaces import Space


class AuthoredResponse(Response):
    """A response with its author."""

    author: Person
    """Who wrote it."""


class AnsweredPrompt(Prompt):
    """A question with its responses."""

    responses: tuple[AuthoredResponse, ...]
    """The responses that you may see: published ones, and your own drafts."""


class SpaceWeek(Model):
    """Everything that the screen of a week shows."""

    space: Space
    """The space."""
    week_number: int
    """The week."""
    is_open: bool
    """Whether it is the open week, in which prompts and responses can be written."""
    curator: Person | None
    """The curator of the week."""
    my_role: MembershipRole | None
    """What you may do; ``None`` if you are not a member."""
    prompts: tuple[AnsweredPrompt, ...]
    """The questions in order."""
    newsletter: Newsletter | None
    """The week's newsletter, if there is one that you may see."""
