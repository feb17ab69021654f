"""When a request is sent again, and how long to wait before trying anything again."""

from __future__ import annotations

import random

from monogram_sdk._engine.refusals import ROLLED_BACK, is_from_service
from monogram_sdk._engine.reply import Reply
from monogram_sdk._engine.request import Request
from monogram_sdk.errors import MonogramError, RateLimitError

# Whoever says so, the service behind it may have acted or not.
_GATEWAY_STATUSES = frozenset({502, 503, 504})

# A file gets one more second for each 64 KiB: a phone's uplink on a bad day.
_BYTES_A_SECOND = 64 * 1024

REQUEST_PAUSE = 0.2
LONGEST_REQUEST_PAUSE = 8.0


def backoff(failures: int, *, first: float, longest: float, least: float = 0.5) -> float:
    """Return how many seconds to wait before trying again: twice as long each time, and not all the same.

    Those who failed together must not come back together, so it is a random part of the pause.

    Args:
        failures: How many attempts have failed, 1 or more.
        first: The longest pause after the first.
        longest: The longest pause at all.
        least: The smallest part of the pause, 0 to 1.
    """
    return min(longest, first * 2.0 ** min(max(failures, 1) - 1, 32)) * random.uniform(least, 1.0)


def pause(failures: int, wanted: float | None) -> float:
    """Return how many seconds to wait before sending a request again.

    Args:
        failures: How many attempts have failed.
        wanted: What the server asked for with ``Retry-After``.
    """
    return max(wanted or 0.0, backoff(failures, first=REQUEST_PAUSE, longest=LONGEST_REQUEST_PAUSE, least=0.0))


def seconds_for(size: int) -> float:
    """Return how much longer a call may take because of a file of this many bytes."""
    return size / _BYTES_A_SECOND


def is_unanswered(reply: Reply, request: Request) -> bool:
    """Return True if a reply outside 2xx leaves open what the server did.

    Whatever does not have the form of a service's refusal comes from something in between, which may have passed the
    request on. Only "too many requests" says by itself that it has not.
    """
    if reply.status == 429:
        return False
    return reply.status in _GATEWAY_STATUSES or not is_from_service(reply, request)


def may_repeat(error: MonogramError, *, repeatable: bool, sent: bool, unanswered: bool) -> bool:
    """Return True if a request may be sent again after an error.

    Args:
        error: What the last attempt came to.
        repeatable: Whether the request has the same effect when it is carried out twice.
        sent: Whether the server may have got it.
        unanswered: Whether it is open what the server did.
    """
    if not sent or error.status == 429 or isinstance(error, RateLimitError) or error.code in ROLLED_BACK:
        return True
    return repeatable and unanswered
