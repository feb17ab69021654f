"""What a client may do at the same moment as something else."""

from __future__ import annotations

from dataclasses import dataclass

from tests.races.withdrawals import Withdrawal


@dataclass(frozen=True)
class Command:
    """Something that a client may do, and what concerns it."""

    who: str
    name: str
    statement: str
    against: tuple[Withdrawal, ...]
    refusals: frozenset[str] = frozenset()
    """SQLSTATEs that are not ours and that one of the two may end in: an item that was bought cannot be deleted."""

    def __str__(self) -> str:
        return f"{self.who} {self.name}".replace(" ", "_")
