"""`monogram dev`, what works beside the stack, and an installed wheel."""

from __future__ import annotations
