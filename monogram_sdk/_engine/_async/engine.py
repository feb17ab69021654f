"""The entry point of the engine: resources and feeds send through it."""

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
    """Sends requests as the person who is signed in, within the deadline of a call, and retries them.

    Args:
        sender: Makes the attempts.
        sessions: The session.
    """

    def __init__(self, sender: AsyncSender, sessions: AsyncSessions) -> None:
        self.sender = sender
        self.sessions = sessions

    @property
    def config(self) -> Config:
        """The project's URL and key."""
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
        """Return an engine with other options that shares everything else."""
        return AsyncEngine(self.sender.with_options(options), self.sessions)

    def call(self, name: str | None, epoch: int | None = None) -> Call:
        """Return a call that begins now, for a ``with`` block: all requests in it share one deadline.

        Args:
            name: The name of its span; ``None`` for no span.
            epoch: The epoch of the session (`SessionState`) in which the person began what the call is part of.
        """
        return self.sender.call(name, epoch)

    async def send(self, request: Request) -> Reply:
        """Send a request as the person who is signed in, or anonymously if nobody is.

        Raises:
            MonogramError: The request failed; the class says how.
        """
        call = calls.current(self.network)
        try:
            reply = await self.sender.send(request, self.sessions)
        except MonogramError as error:
            if call is not None and error.uncertain:
                call.acted = True
            raise
        # Even if a later step of the call fails, such as deleting a file, this change has been made.
        if call is not None and request.changes:
            call.acted = call.acted or reply.uncertain or not _matched_no_row(request, reply)
        return reply


def _matched_no_row(request: Request, reply: Reply) -> bool:
    """Return True if an update or a deletion matched no row that the person may change, so that nothing was done."""
    return request.method in ("PATCH", "DELETE") and reply.content == b"[]"
