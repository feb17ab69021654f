"""The client for asyncio. This is what is written by hand; `_sync` is generated from it."""

from __future__ import annotations
