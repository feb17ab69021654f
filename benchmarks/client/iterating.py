"""What iterating over a long list holds in memory. Runs itself in a fresh process, whose memory is all its own."""

from __future__ import annotations

import subprocess
import sys
import tracemalloc
from pathlib import Path

from monogram_sdk import Monogram
from monogram_sdk._paging import Listing
from monogram_sdk.models import Transaction

MEGABYTE = 1024 * 1024


def report(url: str, entries: int) -> str:
    """Measure, and return a sentence."""
    command = [sys.executable, "-m", __name__, url, str(entries)]
    resident = subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    traced = subprocess.run([*command, "traced"], capture_output=True, text=True, check=True).stdout.strip()
    return (
        f"Iterating over {entries:,} rows, 1,000 a page, took at most {resident} MB of resident memory above the start "
        f"({traced} MB of Python's objects, by tracemalloc)."
    )


def main(url: str, length: int, *, traced: bool) -> None:
    """Iterate, and print how many megabytes that took at most."""
    with Monogram(url=url, key="sb_publishable_benchmark") as client:
        # As `tokens.statement()`, but for nobody in particular.
        listing = Listing(
            "transactions", Transaction, ("seq",), descending=True, filters=(f"balance_after=lte.{length}",)
        )
        entries = client.tokens._pages(listing, None, 1_000)
        client.tokens._pages(
            listing, None, 1
        ).first()  # What is imported with the first reply does not depend on the length.
        if traced:
            tracemalloc.start()
        start = most = _resident()
        count = 0
        for entry in entries:
            count += entry.amount > 0
            if not traced and count % 250 == 0:
                most = max(most, _resident())
        assert count == length, count
        print(f"{(tracemalloc.get_traced_memory()[1] if traced else most - start) / MEGABYTE:.1f}")


def _resident() -> int:
    pages = int(Path("/proc/self/statm").read_text("ascii").split()[1])
    return pages * 4096


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), traced=len(sys.argv) > 3)
