"""What the SDK costs a program, beside what it could use instead."""

from __future__ import annotations
