"""The Monogram SDK."""
from __future__ import annotations
