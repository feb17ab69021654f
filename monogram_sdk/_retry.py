"""When a call is tried again, how long it waits before that, and how long it may take in all."""

from __future__ import annotations

import random
import time
from typing import Self

from monogram_sdk._refusals import ROLLED_BACK
from monogram_sdk.errors import InvalidResponseError, MonogramError, RateLimitError

# Answers of gateways and proxies (the 520s are Cloudflare's). The server behind them may have acted or not.
_GATEWAY_STATUSES = frozenset({502, 503, 504, 520, 521, 522, 523, 524})

_FIRST_DELAY = 0.2
_LONGEST_DELAY = 8.0
_CONNECT_SECONDS = 5.0

# A file gets one more second for each 64 KiB: a phone's uplink on a bad day.
_BYTES_A_SECOND = 64 * 1024


class Deadline:
    """The moment by which a call must have ended, retries included."""

    __slots__ = ("_end", "_share", "seconds")

    def __init__(self, seconds: float, *, retries: int) -> None:
        self.seconds = seconds
        self._end = time.monotonic() + seconds
        # With retries left, no attempt waits for longer than half the time: a connection that hangs must not eat it
        # all.
        self._share = seconds if retries == 0 else seconds / 2

    def extend(self, seconds: float) -> None:
        """Allow more time, for a file."""
        self.seconds += seconds
        self._end += seconds
        self._share += seconds

    def left(self) -> float:
        """Return the seconds that are left, below 0 when it is over."""
        return self._end - time.monotonic()

    def timeouts(self) -> dict[str, float]:
        """Return the timeouts of an attempt, in the form of httpx's ``timeout`` extension."""
        return _Timeouts(self)

    def wait(self) -> float:
        """Return how long an attempt may wait for the network now."""
        return max(min(self.left(), self._share), 0.001)


class _Timeouts(dict[str, float]):
    """Timeouts that shrink: connecting, writing and reading ask when they begin, so their sum keeps the deadline."""

    def __init__(self, deadline: Deadline) -> None:
        super().__init__()
        self._deadline = deadline

    def get(self, key: str, _default: object = None) -> Allowance:
        wait = self._deadline.wait()
        return Allowance(min(wait, _CONNECT_SECONDS) if key == "connect" else wait, self._deadline)


class Allowance(float):
    """How long to wait for the network once, and what knows how long that is the next time.

    The headers of an answer may take any number of reads, and httpx gives each of them the same timeout.
    """

    __slots__ = ("_deadline",)
    _deadline: Deadline

    def __new__(cls, seconds: float, deadline: Deadline) -> Self:
        """Make one."""
        self = super().__new__(cls, seconds)
        self._deadline = deadline
        return self

    def now(self) -> float:
        """Return how long to wait now; 0 or less when the time is over."""
        return min(self, self._deadline.left())


def allowed(timeout: float | None) -> float | None:
    """Return how long to wait for the network now, of a timeout that was given for several waits."""
    return timeout.now() if isinstance(timeout, Allowance) else timeout


def seconds_for(size: int) -> float:
    """Return how much longer a call may take because of a file of this many bytes."""
    return size / _BYTES_A_SECOND


def is_unanswered(status: int) -> bool:
    """Whether an answer leaves open what the server did."""
    return status in _GATEWAY_STATUSES


def may_repeat(error: MonogramError, *, repeatable: bool, sent: bool) -> bool:
    """Whether to try a call again after an error.

    Args:
        error: What the last attempt came to.
        repeatable: Whether the call has the same effect when it is carried out twice.
        sent: Whether the server may have got the request.
    """
    if not sent or error.status == 429 or isinstance(error, RateLimitError) or error.code in ROLLED_BACK:
        return True
    unanswered = error.status is None or is_unanswered(error.status) or isinstance(error, InvalidResponseError)
    return repeatable and unanswered


def delay(attempt: int, wanted: float | None) -> float:
    """Return how many seconds to wait before the next attempt.

    Full jitter: many clients that failed together do not come back together.

    Args:
        attempt: How many attempts there were.
        wanted: What the server asked for with ``Retry-After``.
    """
    backoff = random.uniform(0.0, min(_LONGEST_DELAY, _FIRST_DELAY * 2 ** (attempt - 1)))
    return max(wanted or 0.0, backoff)
