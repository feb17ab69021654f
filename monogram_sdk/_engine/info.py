"""The name and version that the client sends with every request."""

from __future__ import annotations

import platform
from functools import cache
from importlib import metadata


@cache
def client_info() -> str:
    """Return the value of ``User-Agent`` and ``X-Client-Info``, in the form of Supabase's clients."""
    version = metadata.version("monogram-sdk")
    return f"monogram-sdk/{version}; runtime=python; runtime-version={platform.python_version()}"
