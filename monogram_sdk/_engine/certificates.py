"""The CA certificates that servers are checked against."""

from __future__ import annotations

import ssl

import httpx

from monogram_sdk.errors import ConfigError


def certificates() -> ssl.SSLContext:
    """Return an SSL context with the CA certificates that the environment names, or else those that httpx ships.

    Raises:
        ConfigError: The certificates cannot be read.
    """
    try:
        return httpx.create_ssl_context()
    except (OSError, ssl.SSLError) as exc:
        raise ConfigError(
            f"The certificates that SSL_CERT_FILE or SSL_CERT_DIR names cannot be read: {exc}.",
            hint="Correct the variable, or unset it.",
        ) from exc
