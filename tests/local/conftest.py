"""Fixtures for `monogram dev` and what works beside the stack: those of the stack itself."""

from __future__ import annotations

from tests.embedded.conftest import embedded, project, ready_data, ready_stack

__all__ = ["embedded", "project", "ready_data", "ready_stack"]
