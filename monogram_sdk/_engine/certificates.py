"""The certificates that connections are checked with."""

from __future__ import annotations

import ssl

import httpx

from monogram_sdk.errors import ConfigError


def certificates() -> ssl.SSLContext:
    """Return the certificates that the environment names, or else those that come with httpx.

    Raises:
        ConfigError: They cannot be read.
    """
    try:
        return httpx.create_ssl_context()
    except (OSError, ssl.SSLError) as exc:
        raise ConfigError(
            f"The certificates that SSL_CERT_FILE or SSL_CERT_DIR names cannot be read: {exc}.",
            hint="Correct the variable, or take it out of the environment.",
        ) from exc
