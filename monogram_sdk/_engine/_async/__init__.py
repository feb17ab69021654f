"""The parts of the engine that wait. This is what is written by hand; `_sync` is generated from it."""

from __future__ import annotations
