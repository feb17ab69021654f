"""An HTTP server on loopback that replies at once, and then a byte at a time, until it is closed."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading

DRIPPED_HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nx-padding: "
"""The rest of the headers is dripped."""

DRIPPED_CHUNK = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n2;padding="
"""The rest of the line that announces the first part of the body is dripped."""

WHOLE = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n[]"
"""Nothing is missing."""

_PAUSE = 0.05


class DrippingServer:
    """Serves one connection after the other, until its client hangs up. Used as a context manager.

    Args:
        beginning: What it sends at once.
        tls: How it encrypts; not at all unless given.
    """

    def __init__(self, beginning: bytes, tls: ssl.SSLContext | None = None) -> None:
        self._beginning = beginning
        self._tls = tls
        self._socket = socket.create_server(("127.0.0.1", 0))
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._serve, name="dripping server", daemon=True)
        self.url = f"http{'s' if tls else ''}://127.0.0.1:{self._socket.getsockname()[1]}"
        self.sent = 0
        """How many bytes it has sent in all."""

    def __enter__(self) -> DrippingServer:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self._thread.join()

    def _serve(self) -> None:
        while not self._ended.is_set():
            try:
                connection, _ = self._socket.accept()
            except OSError:  # It has been closed.
                return
            with connection, contextlib.suppress(ConnectionError, ssl.SSLError):
                if self._tls is None:
                    self._reply(connection)
                else:
                    with self._tls.wrap_socket(connection, server_side=True) as encrypted:
                        self._reply(encrypted)

    def _reply(self, connection: socket.socket) -> None:
        request = b""
        while b"\r\n\r\n" not in request:
            request += connection.recv(65536)
        reply = self._beginning
        while not self._ended.wait(_PAUSE):
            connection.sendall(reply)
            self.sent += len(reply)
            reply = b"x"
