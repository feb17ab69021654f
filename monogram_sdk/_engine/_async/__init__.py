"""The async half of the engine. It is written by hand; `_sync` is generated from it."""

from __future__ import annotations
