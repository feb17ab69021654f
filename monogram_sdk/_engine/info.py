"""What the client says about itself."""

from __future__ import annotations

import platform
from functools import cache
from importlib import metadata


@cache
def client_info() -> str:
    """Return what the client says about itself, as Supabase's clients do."""
    version = metadata.version("monogram-sdk")
    return f"monogram-sdk/{version}; runtime=python; runtime-version={platform.python_version()}"
