"""Run the command as `python -m monogram_sdk.cli`."""

from __future__ import annotations

from monogram_sdk.cli import main

main()
