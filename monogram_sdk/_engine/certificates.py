"""The CA certificates that servers are checked against."""

from __future__ import annotations

import os
import ssl
import threading
from collections.abc import Callable

import certifi

from monogram_sdk._forks import register_for_fork
from monogram_sdk.errors import ConfigError

_PROTOCOLS = ["http/1.1"]


def certificates() -> ssl.SSLContext:
    """Return an SSL context with the CA certificates that the environment names, or else with certifi's.

    Reading certificates takes longer than the handshake they are for, so all clients with the same ones share a
    context. It may be used by several threads and event loops at once.

    Raises:
        ConfigError: The certificates cannot be read.
    """
    try:
        return _CONTEXTS.get()
    except (OSError, ssl.SSLError) as exc:
        raise ConfigError(
            f"The certificates that SSL_CERT_FILE or SSL_CERT_DIR names cannot be read: {exc}.",
            hint="Correct the variable, or unset it.",
        ) from exc


class _Contexts:
    """The contexts that have been made, by where their certificates come from."""

    def __init__(self) -> None:
        self._made: dict[str, tuple[object, ssl.SSLContext]] = {}
        self._lock = threading.Lock()
        register_for_fork(self)

    def after_fork(self) -> None:
        """Replace the lock, which a thread of the parent may hold. A context has no connections, so it can stay."""
        self._lock = threading.Lock()

    def get(self) -> ssl.SSLContext:
        """Return the context for the present environment. A file that has changed is read again."""
        file, folder = os.environ.get("SSL_CERT_FILE"), os.environ.get("SSL_CERT_DIR")
        if folder and not file:  # OpenSSL looks there when it needs a certificate.
            return self._context(folder, None, lambda: ssl.create_default_context(capath=folder))
        path = file or certifi.where()
        found = os.stat(path)
        version = found.st_mtime_ns, found.st_size, found.st_ino
        return self._context(path, version, lambda: ssl.create_default_context(cafile=path))

    def _context(self, path: str, version: object, make: Callable[[], ssl.SSLContext]) -> ssl.SSLContext:
        with self._lock:
            made = self._made.get(path)
            if made is None or made[0] != version:
                context = make()
                context.set_alpn_protocols(_PROTOCOLS)
                # httpcore would set them again for each connection, and OpenSSL does not allow that while another
                # thread begins a connection.
                vars(context)["set_alpn_protocols"] = _keep
                made = self._made[path] = version, context
            return made[1]


def _keep(protocols: list[str]) -> None:
    assert protocols == _PROTOCOLS


_CONTEXTS = _Contexts()
