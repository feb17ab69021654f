"""Emails that the server has sent, and the codes and links in them."""

from __future__ import annotations

import re
from datetime import timedelta

import psycopg

from tests.embedded.server.conftest import Server


def latest_email(server: Server, address: str) -> dict[str, str]:
    """Return the newest email to an address."""
    http = server.http(key="")
    found = http.get("/api/v1/search", params={"query": f"to:{address}"}).json()["messages"]
    assert found, f"no email to {address}"
    message: dict[str, str] = http.get(f"/api/v1/message/{found[0]['ID']}").json()
    return message


def code_in(message: dict[str, str]) -> str:
    found = re.search(r"code: (\d{6})$", message["Text"], re.MULTILINE)
    assert found
    return found.group(1)


def link_in(message: dict[str, str]) -> str:
    found = re.search(r"https?://\S+/auth/v1/verify\S+", message["Text"])
    assert found
    return found.group(0)


def age_emails(server: Server, email: str, seconds: int = 5) -> None:
    """Move the time at which emails to an account were sent into the past, or into the future if it is negative."""
    with psycopg.connect(server.superuser_dsn) as connection:
        connection.execute(
            "update auth.users set confirmation_sent_at = confirmation_sent_at - %(age)s,"
            " email_change_sent_at = email_change_sent_at - %(age)s where email = %(email)s",
            {"age": timedelta(seconds=seconds), "email": email},
        )
