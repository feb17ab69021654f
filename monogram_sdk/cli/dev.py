"""`monogram dev`: Monogram's backend on this machine. The commands are those of `supabase_embedded`."""

from __future__ import annotations

from monogram_sdk.local._application import MONOGRAM
from supabase_embedded.cli import commands

app = commands(MONOGRAM)
