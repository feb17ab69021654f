"""Fixtures for `monogram dev` and its workers: those of the stack itself."""

from __future__ import annotations

from tests.embedded.conftest import embedded, project, ready_data, ready_stack

__all__ = ["embedded", "project", "ready_data", "ready_stack"]
