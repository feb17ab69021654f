"""Build requests to the Data API (PostgREST). Nothing here sends them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from enum import Enum
from typing import Any
from urllib.parse import quote
from uuid import UUID

from monogram_sdk import _contents as contents
from monogram_sdk._contents import Content
from monogram_sdk._engine.request import JSON, Request, as_json, check_text
from monogram_sdk.errors import InvalidValueError

REST = "/rest/v1"

READING: frozenset[str] = frozenset(
    {
        "badge_progress",
        "dead_letters",
        "email_subscription",
        "email_suppressions",
        "export_account",
        "export_parts",
        "is_newsletter_gone",
        "leaderboard",
        "ledger_proof",
        "mail_state",
        "member_profiles",
        "my_spaces",
        "newsletter_delivery",
        "newsletter_mail",
        "outbox_state",
        "preview_rotation",
        "space_emails",
        "space_responses",
        "space_week",
        "verify_ledger",
        "verify_newsletter",
        "weekly_earnings",
    }
)
"""The functions of the database that only read (``stable``), among those that the SDK calls."""

# Asks PostgREST to return the changed rows.
_REPRESENTATION = {**JSON, "prefer": "return=representation"}
_COUNTED = {**JSON, "prefer": "count=exact"}


def text(value: object) -> str:
    """Return a value in PostgREST's format for filters, before escaping."""
    if isinstance(value, Enum):
        return str(value.value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        return value.isoformat()
    try:
        written = str(value)
    except (ValueError, RecursionError) as exc:  # For example, a number with thousands of digits, or deep nesting.
        raise InvalidValueError(f"A value cannot be sent: {exc}.") from exc
    return check_text(written)


def equals(column: str, value: object) -> str:
    """Return the filter ``column = value``."""
    return f"{column}=eq.{value if isinstance(value, UUID) else quote(text(value), safe='')}"


def is_null(column: str) -> str:
    """Return the filter ``column is null``."""
    return f"{column}=is.null"


def beyond(columns: Sequence[str], values: Sequence[object], *, descending: bool) -> tuple[str, ...]:
    """Return the filters for the rows after a position in a sorted list: ``(a, b) > (x, y)``.

    PostgREST cannot compare tuples, so it is written as ``a >= x and (a > x or (a = x and b > y))``. With the first
    bound, which the second one implies, the database begins to read its index at the position.
    """
    operator = "lt" if descending else "gt"
    first = quote(text(values[0]), safe="")
    if len(columns) == 1:
        return (f"{columns[0]}={operator}.{first}",)
    quoted = [_quoted(value) for value in values]
    branches = [
        ",".join([*(f"{columns[j]}.eq.{quoted[j]}" for j in range(i)), f"{columns[i]}.{operator}.{quoted[i]}"])
        for i in range(len(columns))
    ]
    alternatives = [branch if index == 0 else f"and({branch})" for index, branch in enumerate(branches)]
    return f"{columns[0]}={operator}e.{first}", "or=" + quote(f"({','.join(alternatives)})", safe="(),.")


def select(
    table: str,
    columns: str,
    filters: Iterable[str] = (),
    *,
    order: str | None = None,
    limit: int | None = None,
) -> Request:
    """Read rows of a table."""
    return Request("GET", f"{REST}/{table}?{_query(columns, filters, order, limit)}", content=contents.ROWS)


def insert(table: str, rows: Mapping[str, Any] | Sequence[Mapping[str, Any]], columns: str) -> Request:
    """Insert one row or several, and read them back."""
    return Request("POST", f"{REST}/{table}?select={columns}", as_json(rows), _REPRESENTATION, content=contents.ROWS)


def update(table: str, values: Mapping[str, Any], columns: str, filters: Iterable[str]) -> Request:
    """Change the rows that match the filters, and read them back."""
    path = f"{REST}/{table}?{_query(columns, filters)}"
    return Request("PATCH", path, as_json(values), _REPRESENTATION, content=contents.ROWS)


def delete(table: str, columns: str, filters: Iterable[str]) -> Request:
    """Delete the rows that match the filters, and return them."""
    path = f"{REST}/{table}?{_query(columns, filters)}"
    return Request("DELETE", path, headers={"prefer": "return=representation"}, content=contents.ROWS)


def rpc(
    name: str,
    arguments: Mapping[str, Any],
    *,
    repeatable: bool = True,
    counted: bool = False,
    has_result: bool = True,
    content: Content = contents.JSON,
) -> Request:
    """Call a function of the database.

    Args:
        name: The function.
        arguments: Its arguments.
        repeatable: Whether calling it twice has the same effect as once.
        counted: Whether the reply is to include the total number of rows.
        has_result: Whether it returns something. For a function that returns ``void`` the reply is 204 with no body.
        content: The kind of result.
    """
    return Request(
        "POST",
        f"{REST}/rpc/{name}",
        as_json(arguments),
        _COUNTED if counted else JSON,
        repeatable=repeatable,
        has_effect=name not in READING,
        content=content if has_result else contents.NOTHING,
    )


def rpc_rows(
    name: str,
    arguments: Mapping[str, Any],
    columns: str,
    filters: Iterable[str] = (),
    *,
    order: str | None = None,
    limit: int | None = None,
) -> Request:
    """Call a function that returns rows, and sort, filter and limit them."""
    path = f"{REST}/rpc/{name}?{_query(columns, filters, order, limit)}"
    return Request("POST", path, as_json(arguments), JSON, has_effect=name not in READING, content=contents.ROWS)


def _query(columns: str, filters: Iterable[str], order: str | None = None, limit: int | None = None) -> str:
    parts = [f"select={columns}", *filters]
    if order:
        parts.append(f"order={order}")
    if limit is not None:
        parts.append(f"limit={limit}")
    return "&".join(parts)


def _quoted(value: object) -> str:
    """Quote a value for use inside ``or=(...)``, where commas, dots and parentheses have a meaning."""
    escaped = text(value).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
