"""What the tests share: people who act on a database, and the stories they set up."""

from __future__ import annotations
