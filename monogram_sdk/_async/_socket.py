"""The connection to Realtime, which all feeds and rooms of a client share."""

from __future__ import annotations

import threading
import time
from functools import partial
from typing import TYPE_CHECKING, Any

from monogram_sdk._engine._async.engine import AsyncEngine
from monogram_sdk._engine.telemetry import logger
from monogram_sdk._forks import importing, register_for_fork
from monogram_sdk._live.channels import BrokenConnection, Channels, Listener, pause
from monogram_sdk._live.runtime import AsyncSignal, AsyncWorker, began_before_the_fork
from monogram_sdk.errors import ClientClosedError, MonogramError

if TYPE_CHECKING:
    from monogram_sdk._live.wires import AsyncWire

# How often, in seconds, to check whether the token has changed and whether there is still a listener.
_TICK_SECONDS = 5.0


class AsyncSocket:
    """Keeps the connection while there is a listener, and connects again whenever it breaks.

    `channels` and the listeners are used while holding `mutex`, because in the sync client the connection has a thread
    of its own.

    Args:
        engine: Has the session and the project's URL.
    """

    def __init__(self, engine: AsyncEngine) -> None:
        self.mutex = threading.Lock()
        self.channels = Channels()
        self._engine = engine
        self._wire: AsyncWire | None = None
        self._worker: AsyncWorker | None = None
        self._wake_up = AsyncSignal()
        self._closed = False
        self._received_any = False
        self._abandoned: object = None
        # The person whose feeds and rooms these are, as the epoch of the session.
        self._epoch = engine.sessions.epoch
        engine.sessions.watch(self.session_changed)
        register_for_fork(self)

    def after_fork(self) -> None:
        """Drop the parent's connection, and end the feeds and rooms that began before the fork."""
        before = self.channels
        self.mutex = threading.Lock()
        self.channels = Channels()
        self._wake_up = AsyncSignal()
        # Kept alive: their finalizers would close what belongs to the parent's event loops.
        self._abandoned = self._abandoned, self._wire, self._worker
        self._wire = self._worker = None
        before.fail(began_before_the_fork())

    def session_changed(self) -> None:
        """End all feeds and rooms, and their connection: the person has signed out, or somebody else has signed in."""
        sessions = self._engine.sessions
        with self.mutex:
            before, self._epoch = self._epoch, sessions.epoch
            try:
                sessions.check(before)
            except MonogramError as exc:
                self.channels.fail(exc)
            self._wire = None
        self._wake_up.set()

    async def listen(self, topic: str, listener: Listener, config: dict[str, Any]) -> None:
        """Listen to a topic.

        Args:
            topic: The topic, as in the policies of the database.
            listener: The listener, until it is passed to `release`.
            config: How to join, for the first listener of a topic.

        Raises:
            ClientClosedError: The client has been closed.
        """
        # Imported here and not in the worker, because a fork during an import would leave it half done in the child.
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
        """Start a worker if there are listeners and no worker in this event loop: a worker ends with its loop."""
        with self.mutex:
            if self._closed or self.channels.empty or (self._worker is not None and self._worker.is_here()):
                return
            self._wire = None
            self._worker = AsyncWorker(self._run)

    async def release(self, listener: Listener) -> None:
        """Remove a listener."""
        self.channels.released.append(listener)
        await self.flush()

    async def flush(self) -> None:
        """Send all frames that are due. If that fails, the worker connects again, and sends them then."""
        self._wake_up.set()
        try:
            await self._send_due()
        except BrokenConnection as exc:
            logger.debug("realtime: %s", exc)

    async def aclose(self) -> None:
        """Disconnect for good. Feeds and rooms end with `ClientClosedError`."""
        with self.mutex:
            self._closed = True
            self.channels.fail(ClientClosedError())
            wire, worker = self._wire, self._worker
        self._wake_up.set()
        if wire is not None:
            await wire.aclose()
        if worker is not None:
            await worker.stop()

    async def _run(self) -> None:
        """Stay connected while there are listeners."""
        failures = 0
        try:
            while self._is_needed():
                try:
                    epoch = self._epoch
                    take = partial(self._take, epoch)
                    wire = await self._open_wire(self._engine.config, take, self._wake_up.set)
                    try:
                        await self._serve(wire, epoch)
                    finally:
                        failures = 0 if self._received_any else failures
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
            # Nothing awaits this worker, so the listeners get the error.
            with self.mutex:
                self._worker = None
                self.channels.fail(exc)
        except BaseException:
            # The loop or the program ends. A feed that goes on in another loop starts a new worker there.
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

    async def _serve(self, wire: AsyncWire, epoch: int) -> None:
        """Send and receive while there are listeners, and the person is the same.

        Raises:
            BrokenConnection: The connection has ended.
        """
        self._received_any = False
        with self.mutex:
            if self._epoch != epoch:
                return
            self._wire = wire
            self.channels.opened()
        while self._is_wanted() and self._wire is wire:
            wire.check()
            await self._send_due()
            with self.mutex:
                seconds = min(_TICK_SECONDS, self.channels.due())
            await self._wake_up.wait(seconds)

    def _take(self, epoch: int, frame: bytes) -> None:
        """Handle a received frame, unless it is for who was signed in before.

        Raises:
            BrokenConnection: The frame is malformed.
        """
        self._received_any = True
        with self.mutex:
            if self._epoch == epoch and self.channels.receive(frame):
                self._wake_up.set()

    async def _pause(self, seconds: float) -> None:
        """Wait before connecting again, however often there is something to send, while there is a listener."""
        until = time.monotonic() + seconds
        while self._is_wanted() and (left := until - time.monotonic()) > 0:
            await self._wake_up.wait(left)

    def _is_wanted(self) -> bool:
        with self.mutex:
            return not self._closed and not self.channels.empty

    async def _send_due(self) -> None:
        """Send all frames that are due.

        Raises:
            BrokenConnection: The connection has ended, or the session could not be refreshed.
        """
        if self._wire is None:
            return
        sessions, epoch = self._engine.sessions, self._epoch
        try:
            token = await sessions.token()
            with self.mutex:
                refused, self.channels.refused_token = self.channels.refused_token, None
            if token is not None and token == refused and await sessions.renew(token):
                token = await sessions.token()
        except MonogramError as exc:
            raise BrokenConnection(str(exc)) from exc
        wire, frames = self._frames(token, epoch)
        for frame in frames:
            await wire.send(frame)

    def _frames(self, token: str | None, epoch: int) -> tuple[AsyncWire, list[str]]:
        """Return the connection and the frames to send over it.

        Raises:
            BrokenConnection: The connection has ended meanwhile, or the token is that of who was signed in before.
        """
        with self.mutex:
            if self._wire is None or self._epoch != epoch:
                raise BrokenConnection("disconnected")
            return self._wire, self.channels.frames(token)
