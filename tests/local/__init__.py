"""`monogram dev`, its workers, and an installed wheel."""

from __future__ import annotations
