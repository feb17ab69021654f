"""Find free TCP ports on the loopback interface."""

from __future__ import annotations

import random
import socket
from collections.abc import Collection

from supabase_embedded.errors import LocalStackError, PortInUseError

LOOPBACK = "127.0.0.1"

# Below the range from which Linux (32768 and up) and macOS (49152 and up) take the ports of outgoing connections:
# a port from that range may be taken by the time the stack starts again.
_LOWEST, _HIGHEST = 20_000, 32_000


def is_free(port: int) -> bool:
    """Return True if a server could listen on `port` now."""
    return _refusal(port) is None


def _refusal(port: int) -> str | None:
    """Return why a server could not listen on `port` now; None if it could."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        # As servers do: a port whose last connections are still in TIME_WAIT counts as free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except PermissionError:
            return "may not be used by this account"
        except OSError:
            return "is taken by another program"
    return None


def check_port(requested: int | None, *, purpose: str, option: str, taken: Collection[int] = ()) -> None:
    """Raise an error if the port that the user asked for is not available. None is always accepted.

    Raises:
        PortInUseError: The number is not a port, or the port is taken, or this account may not use it.
    """
    if requested is None:
        return
    if not 0 < requested < 65_536:
        raise PortInUseError(f"{requested} is not a port; choose one between 1 and 65535 with {option}.")
    refusal = "is taken by another server of this stack" if requested in taken else _refusal(requested)
    if refusal is not None:
        raise PortInUseError(
            f"Port {requested} for {purpose} {refusal}. "
            f"Choose another one with {option}, or leave {option} out to get a free one."
        )


def pick_port(
    *, requested: int | None, remembered: int | None, purpose: str, option: str, taken: Collection[int] = ()
) -> int:
    """Choose the port for one of the stack's servers.

    Args:
        requested: The port that the user asked for; it is used or refused, never replaced.
        remembered: The port of the last run; it is used if it is still free.
        purpose: What the port is for, in words, for the error message.
        option: The option that chooses the port, for the error message.
        taken: Ports that are already assigned to other servers of the same stack.

    Raises:
        PortInUseError: `requested` is taken.
    """
    if requested is not None:
        check_port(requested, purpose=purpose, option=option, taken=taken)
        return requested
    if remembered is not None and remembered not in taken and is_free(remembered):
        return remembered
    for port in random.sample(range(_LOWEST, _HIGHEST), 200):
        if port not in taken and is_free(port):
            return port
    raise LocalStackError(f"No free port for {purpose} was found between {_LOWEST} and {_HIGHEST}; set {option}.")
