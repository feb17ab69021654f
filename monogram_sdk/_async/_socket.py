"""The one connection to Realtime that everything live of a client shares."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any

from monogram_sdk._engine._async.engine import AsyncEngine
from monogram_sdk._engine.telemetry import logger
from monogram_sdk._forks import importing, tell_of_forks
from monogram_sdk._live.channels import BrokenConnection, Channels, Listener, pause
from monogram_sdk._live.runtime import AsyncSignal, AsyncWorker, began_before_the_fork
from monogram_sdk.errors import ClientClosedError, MonogramError

if TYPE_CHECKING:
    from monogram_sdk._live.wires import AsyncWire

# How often, in seconds, it looks whether the token has been renewed and whether somebody still listens.
_TICK_SECONDS = 5.0


class AsyncSocket:
    """Connects while somebody listens, and connects again for ever when the connection breaks.

    Whoever touches `channels`, or a listener, holds `mutex`: in the world of threads the connection has its own.

    Args:
        engine: Who is signed in, and where Realtime is.
    """

    def __init__(self, engine: AsyncEngine) -> None:
        self.mutex = threading.Lock()
        self.channels = Channels()
        self._engine = engine
        self._wire: AsyncWire | None = None
        self._worker: AsyncWorker | None = None
        self._nudge = AsyncSignal()
        self._closed = False
        self._heard = False
        self._abandoned: object = None
        tell_of_forks(self)

    def forked(self) -> None:
        """Leave the connection to the parent, and tell whoever listened here that it is gone."""
        before = self.channels
        self.mutex = threading.Lock()
        self.channels = Channels()
        self._nudge = AsyncSignal()
        # What they refer to belongs to the parent's event loops, which must not be told that it ends.
        self._abandoned = self._abandoned, self._wire, self._worker
        self._wire = self._worker = None
        before.fail(began_before_the_fork())

    async def listen(self, topic: str, listener: Listener, config: dict[str, Any]) -> None:
        """Listen to a topic.

        Args:
            topic: The topic, as the policies of the database know it.
            listener: Who listens, until given to `release`.
            config: How to join, if nobody listens to this topic yet.

        Raises:
            ClientClosedError: The client has been closed.
        """
        # What the worker needs is loaded here: a process that is forked off now would get it half loaded from there.
        with importing():
            from monogram_sdk._live.wires import async_open_wire

            self._open_wire = async_open_wire
        with self.mutex:
            if self._closed:
                raise ClientClosedError
            self.channels.attach(topic, listener, config)
        self.keep()
        await self.flush()

    def keep(self) -> None:
        """See to it that somebody keeps the connection as long as somebody listens: a worker ends with its loop."""
        with self.mutex:
            if self._closed or self.channels.empty or (self._worker is not None and self._worker.is_here()):
                return
            self._wire = None
            self._worker = AsyncWorker(self._run)

    async def release(self, listener: Listener) -> None:
        """Listen no more."""
        self.channels.released.append(listener)
        await self.flush()

    async def flush(self) -> None:
        """Send what there is to send; if that does not work, the connection is about to be replaced."""
        self._nudge.set()
        try:
            await self._send_due()
        except BrokenConnection as exc:
            logger.debug("realtime: %s", exc)

    async def aclose(self) -> None:
        """Disconnect for good. Who listens is told that the client has been closed."""
        with self.mutex:
            self._closed = True
            self.channels.fail(ClientClosedError())
            wire, worker = self._wire, self._worker
        self._nudge.set()
        if wire is not None:
            await wire.aclose()
        if worker is not None:
            await worker.stop()

    async def _run(self) -> None:
        """Keep connected until nobody listens."""
        failures = 0
        try:
            while self._is_needed():
                try:
                    wire = await self._open_wire(self._engine.config, self._take, self._nudge.set)
                    try:
                        await self._serve(wire)
                    finally:
                        failures = 0 if self._heard else failures
                        self._wire = None
                        await wire.aclose()
                except BrokenConnection as exc:
                    if self._closed:
                        return
                    logger.info("realtime: disconnected (%s); connecting again", exc)
                    with self.mutex:
                        self.channels.lost(str(exc))
                    await self._pause(pause(failures))
                    failures += 1
        except Exception as exc:
            # Nobody waits for this worker, so whoever listens must hear of it.
            with self.mutex:
                self._worker = None
                self.channels.fail(exc)
        except BaseException:
            # The loop, or the program, ends. Whoever goes on listening in another loop finds no worker there.
            with self.mutex:
                self._worker = self._wire = None
                self.channels.lost("the event loop has ended")
            raise

    def _is_needed(self) -> bool:
        with self.mutex:
            needed = not self._closed and not self.channels.empty
            if not needed:
                self._worker = None
            return needed

    async def _serve(self, wire: AsyncWire) -> None:
        """Send and receive until nobody listens.

        Raises:
            BrokenConnection: The connection has ended.
        """
        self._heard = False
        with self.mutex:
            self._wire = wire
            self.channels.opened()
        while self._is_wanted():
            wire.check()
            await self._send_due()
            with self.mutex:
                seconds = min(_TICK_SECONDS, self.channels.due())
            await self._nudge.wait(seconds)

    def _take(self, frame: bytes) -> None:
        """Take a frame that came.

        Raises:
            BrokenConnection: It is none.
        """
        self._heard = True
        with self.mutex:
            if self.channels.receive(frame):
                self._nudge.set()

    async def _pause(self, seconds: float) -> None:
        """Wait before connecting again, whatever there is to send meanwhile, but not longer than somebody listens."""
        until = time.monotonic() + seconds
        while self._is_wanted() and (left := until - time.monotonic()) > 0:
            await self._nudge.wait(left)

    def _is_wanted(self) -> bool:
        with self.mutex:
            return not self._closed and not self.channels.empty

    async def _send_due(self) -> None:
        """Send what there is to send.

        Raises:
            BrokenConnection: The connection has ended, or nobody says who is signed in.
        """
        if self._wire is None:
            return
        sessions = self._engine.sessions
        try:
            token = await sessions.token()
            with self.mutex:
                refused, self.channels.refused_token = self.channels.refused_token, None
            if token is not None and token == refused and await sessions.renew(token):
                token = await sessions.token()
        except MonogramError as exc:
            raise BrokenConnection(str(exc)) from exc
        wire, frames = self._frames(token)
        for frame in frames:
            await wire.send(frame)

    def _frames(self, token: str | None) -> tuple[AsyncWire, list[str]]:
        """Return the connection and what to send over it.

        Raises:
            BrokenConnection: There is none any more.
        """
        with self.mutex:
            if self._wire is None:
                raise BrokenConnection("disconnected")
            return self._wire, self.channels.frames(token)
