"""The session as text in the session storage, which several programs may share."""

from __future__ import annotations

import json
import time
from typing import NamedTuple

from pydantic import ValidationError

from monogram_sdk._engine.telemetry import logger
from monogram_sdk.models._base import Model
from monogram_sdk.models.auth import Session


class Version(NamedTuple):
    """The order of a person's sessions: the greater one is the newer one.

    Attributes:
        sign_in: When the person signed in, in microseconds. It also tells one sign-in from another.
        refreshes: How often the session has been refreshed since.
    """

    sign_in: int
    refreshes: int

    def refreshed(self) -> Version:
        """Return the version of the next session of the same sign-in."""
        return Version(self.sign_in, self.refreshes + 1)


class Stored(NamedTuple):
    """What is in the storage.

    Attributes:
        session: The session.
        version: Its version; ``None`` if something other than this SDK stored it.
    """

    session: Session
    version: Version | None

    def is_newer_than(self, version: Version | None) -> bool:
        """Return True unless it is known to be older: the storage counts, and not what a program remembers."""
        return self.version is None or version is None or self.version >= version

    def replaces(self, session: Session, version: Version) -> bool:
        """Return True if a session must not be stored over it: somebody else has signed in, or the person has again."""
        if self.session.user.id != session.user.id:
            return True
        return self.version is not None and self.version > version

    def is_same_sign_in(self, session: Session, version: Version | None) -> bool:
        """Return True if it comes from the same sign-in as another session."""
        if self.session.user.id != session.user.id:
            return False
        return self.version is None or version is None or self.version.sign_in == version.sign_in


class _Fields(Model):
    sign_in: int | None = None
    refreshes: int = 0


def new_version(*earlier: Version | None) -> Version:
    """Return the version of a new sign-in, which is greater than all earlier ones even if the clock is wrong."""
    now = time.time_ns() // 1000
    return Version(max([now, *(one.sign_in + 1 for one in earlier if one is not None)]), 0)


def to_text(session: Session, version: Version) -> str:
    """Return the text to store."""
    return json.dumps({**session.model_dump(mode="json"), **version._asdict()})


def from_text(text: str) -> Stored | None:
    """Return what a text says, or ``None`` if it cannot be read."""
    try:
        session, fields = Session.model_validate_json(text), _Fields.model_validate_json(text)
    except ValidationError:
        logger.warning("The stored session cannot be read; it may be from another version. Sign in again.")
        return None
    return Stored(session, None if fields.sign_in is None else Version(fields.sign_in, fields.refreshes))
