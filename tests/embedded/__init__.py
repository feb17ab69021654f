"""The embedded stack: its database server, its platform schema, its processes and its commands."""

from __future__ import annotations
