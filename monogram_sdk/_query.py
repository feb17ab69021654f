"""Requests to the Data API (PostgREST), as values: nothing here sends anything."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Any
from urllib.parse import quote
from uuid import UUID

from pydantic_core import to_json

REST = "/rest/v1"


@dataclass(slots=True)
class Call:
    """A request that has not been sent.

    Attributes:
        method: The HTTP method.
        path: The path below the project's URL, with its query.
        body: The body, as JSON.
        prefer: The ``Prefer`` header, with which PostgREST is told what to answer.
        repeatable: Whether sending it twice has the effect of sending it once, so that it may be tried again after an
            attempt that went unanswered.
    """

    method: str
    path: str
    body: bytes | None = None
    prefer: str | None = None
    repeatable: bool = True


def text(value: object) -> str:
    """Write a value as PostgREST reads it in a filter, before escaping."""
    if isinstance(value, Enum):
        return str(value.value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        return value.isoformat()
    return str(value)


def equals(column: str, value: object) -> str:
    """Return the filter ``column = value``."""
    return f"{column}=eq.{value if isinstance(value, UUID) else quote(text(value), safe='')}"


def is_null(column: str) -> str:
    """Return the filter ``column is null``."""
    return f"{column}=is.null"


def beyond(columns: Sequence[str], values: Sequence[object], *, descending: bool) -> str:
    """Return the filter for the rows after a place in a sorted list: ``(a, b) > (x, y)``, column by column.

    PostgREST compares no tuples, so it is written out: ``a > x or (a = x and b > y)``.
    """
    operator = "lt" if descending else "gt"
    quoted = [_quoted(value) for value in values]
    if len(columns) == 1:
        return f"{columns[0]}={operator}.{quote(text(values[0]), safe='')}"
    branches = [
        ",".join([*(f"{columns[j]}.eq.{quoted[j]}" for j in range(i)), f"{columns[i]}.{operator}.{quoted[i]}"])
        for i in range(len(columns))
    ]
    alternatives = [branch if index == 0 else f"and({branch})" for index, branch in enumerate(branches)]
    return "or=" + quote(f"({','.join(alternatives)})", safe="(),.")


def select(
    table: str,
    columns: str,
    filters: Iterable[str] = (),
    *,
    order: str | None = None,
    limit: int | None = None,
) -> Call:
    """Read rows of a table."""
    return Call("GET", f"{REST}/{table}?{_query(columns, filters, order, limit)}")


def insert(table: str, rows: Mapping[str, Any] | Sequence[Mapping[str, Any]], columns: str) -> Call:
    """Insert one row or several, and read them back."""
    return Call("POST", f"{REST}/{table}?select={columns}", to_json(rows), "return=representation")


def update(table: str, values: Mapping[str, Any], columns: str, filters: Iterable[str]) -> Call:
    """Change the rows that the filters leave, and read them back."""
    return Call("PATCH", f"{REST}/{table}?{_query(columns, filters)}", to_json(values), "return=representation")


def delete(table: str, columns: str, filters: Iterable[str]) -> Call:
    """Delete the rows that the filters leave, and answer what they were."""
    return Call("DELETE", f"{REST}/{table}?{_query(columns, filters)}", prefer="return=representation")


def rpc(name: str, arguments: Mapping[str, Any], *, repeatable: bool = True, counted: bool = False) -> Call:
    """Call a function of the database; if `counted`, the answer says how many rows there are in all."""
    prefer = "count=exact" if counted else None
    return Call("POST", f"{REST}/rpc/{name}", to_json(arguments), prefer, repeatable=repeatable)


def rpc_rows(
    name: str,
    arguments: Mapping[str, Any],
    columns: str,
    filters: Iterable[str] = (),
    *,
    order: str | None = None,
    limit: int | None = None,
) -> Call:
    """Call a function that answers rows, and sort, filter and limit them."""
    return Call("POST", f"{REST}/rpc/{name}?{_query(columns, filters, order, limit)}", to_json(arguments))


def _query(columns: str, filters: Iterable[str], order: str | None = None, limit: int | None = None) -> str:
    parts = [f"select={columns}", *filters]
    if order:
        parts.append(f"order={order}")
    if limit is not None:
        parts.append(f"limit={limit}")
    return "&".join(parts)


def _quoted(value: object) -> str:
    """Write a value for use inside ``or=(...)``, where commas, dots and brackets mean something."""
    escaped = text(value).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
