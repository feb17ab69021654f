"""What the database is to reach, as ratios."""

from __future__ import annotations

WRITES = {1: 0.6, 8: 0.4, 32: 0.35}
"""The least part of TPC-B's rate that a write reaches, by the number of connections."""

HOT = 0.6
"""The least part of the rate of gifts to many people that gifts to one person reach."""

READS = 1.3
"""The most that a read takes under the rules, as a multiple of the same read without any."""

MEMBERSHIPS = 1.3
"""Or, where a rule has to know somebody's spaces, the most bare reads of those that it takes on top."""

WAIT = 100.0
"""The most milliseconds that the clock's work for everybody keeps one person waiting."""
