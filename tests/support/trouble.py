"""What tests of a stack in trouble share: waiting until it has mended itself, and finding what they mean to break."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import httpx
import psutil
import psycopg


def eventually(look: Callable[[], Any]) -> Any:
    """Return what is found once there is something; whoever cannot look yet looks again."""
    give_up = time.monotonic() + 60
    while True:
        try:
            if found := look():
                return found
        except (httpx.HTTPError, psycopg.Error):
            pass
        assert time.monotonic() < give_up, "it did not happen in time"
        time.sleep(0.05)


def listener(port: int | None) -> psutil.Process:
    """Return the child of ours that listens at a port."""
    for child in psutil.Process().children():
        if any(one.laddr.port == port and one.status == psutil.CONN_LISTEN for one in child.net_connections()):
            return child
    raise AssertionError("nobody listens there")
