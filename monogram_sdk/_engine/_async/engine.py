"""The door of the engine: what resources and feeds send through."""

from __future__ import annotations

from monogram_sdk._config import Config, Options
from monogram_sdk._engine import call as calls
from monogram_sdk._engine.call import Call
from monogram_sdk._engine.reply import Reply
from monogram_sdk._engine.request import Request
from monogram_sdk.errors import MonogramError

from .network import AsyncNetwork
from .sender import AsyncSender
from .sessions import AsyncSessions


class AsyncEngine:
    """Sends requests as the person who is signed in, within the deadline of a call, again if need be.

    Args:
        sender: What makes the attempts.
        sessions: Who is signed in.
    """

    def __init__(self, sender: AsyncSender, sessions: AsyncSessions) -> None:
        self.sender = sender
        self.sessions = sessions

    @property
    def config(self) -> Config:
        """Where the project is, and which key opens it."""
        return self.sender.config

    @property
    def options(self) -> Options:
        """The deadline and the retries of calls."""
        return self.sender.options

    @property
    def network(self) -> AsyncNetwork:
        """The connections."""
        return self.sender.network

    def with_options(self, options: Options) -> AsyncEngine:
        """Return an engine that shares all but the options."""
        return AsyncEngine(self.sender.with_options(options), self.sessions)

    def call(self, name: str | None) -> Call:
        """Return a call that begins now, for a ``with`` block: all that it sends has one deadline."""
        return self.sender.call(name)

    async def send(self, request: Request) -> Reply:
        """Send a request as the person who is signed in, or as a stranger.

        Raises:
            MonogramError: The request failed; the class says how.
        """
        under_way = calls.current(self.network)
        try:
            reply = await self.sender.send(request, self.sessions)
        except MonogramError as error:
            if under_way is not None and error.uncertain:
                under_way.acted = True
            raise
        # What the call may still do, such as deleting a file, can fail; this is done.
        if under_way is not None and request.changes:
            under_way.acted = under_way.acted or reply.uncertain or not _met_nothing(request, reply)
        return reply


def _met_nothing(request: Request, reply: Reply) -> bool:
    """Return True if a change or deletion met no row that one may change: nothing was done."""
    return request.method in ("PATCH", "DELETE") and reply.content == b"[]"
