"""Whether to send a request again, and how long to wait before that."""

from __future__ import annotations

import random

from monogram_sdk._engine.refusals import ROLLED_BACK, is_from_service
from monogram_sdk._engine.reply import Reply
from monogram_sdk._engine.request import Request
from monogram_sdk.errors import MonogramError, RateLimitError

# Statuses after which it is not known whether the service behind the gateway carried out the request.
_GATEWAY_STATUSES = frozenset({502, 503, 504})

# A file gets one more second for each 64 KiB: the upload speed of a phone with poor reception.
_BYTES_A_SECOND = 64 * 1024

REQUEST_PAUSE = 0.2
LONGEST_REQUEST_PAUSE = 8.0


def backoff(failures: int, *, first: float, longest: float, least: float = 0.5) -> float:
    """Return how many seconds to wait before trying again: a random part of a pause that doubles each time.

    It is random so that clients that failed at the same moment do not all come back at the same moment.

    Args:
        failures: How many attempts have failed, 1 or more.
        first: The pause after the first failure.
        longest: The limit of the pause.
        least: The smallest part of the pause to return, 0 to 1.
    """
    return min(longest, first * 2.0 ** min(max(failures, 1) - 1, 32)) * random.uniform(least, 1.0)


def pause(failures: int, wanted: float | None) -> float:
    """Return how many seconds to wait before sending a request again.

    Args:
        failures: How many attempts have failed.
        wanted: The seconds that the server asked for with ``Retry-After``.
    """
    return max(wanted or 0.0, backoff(failures, first=REQUEST_PAUSE, longest=LONGEST_REQUEST_PAUSE, least=0.0))


def seconds_for(size: int) -> float:
    """Return by how many seconds a file of this many bytes extends the deadline of its call."""
    return size / _BYTES_A_SECOND


def leaves_outcome_open(reply: Reply, request: Request) -> bool:
    """Return True if a reply outside 2xx does not tell whether the service carried out the request.

    A reply that does not have the form of a service's error comes from a proxy or a gateway, which may have forwarded
    the request. Only 429 says that it was not forwarded.
    """
    if reply.status == 429:
        return False
    return reply.status in _GATEWAY_STATUSES or not is_from_service(reply, request)


def may_repeat(error: MonogramError, *, repeatable: bool, sent: bool, outcome_open: bool) -> bool:
    """Return True if a request may be sent again after an error.

    Args:
        error: The error of the last attempt.
        repeatable: Whether carrying out the request twice has the same effect as once.
        sent: Whether the server may have received it.
        outcome_open: Whether it is unknown if the server carried it out.
    """
    if not sent or error.status == 429 or isinstance(error, RateLimitError) or error.code in ROLLED_BACK:
        return True
    return repeatable and outcome_open
