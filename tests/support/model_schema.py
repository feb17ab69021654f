"""Compare the SDK's models with a database: what a table or function returns, and what a model reads."""

from __future__ import annotations

import re
import types
from collections.abc import Iterator
from datetime import date, datetime
from enum import Enum
from functools import cache
from typing import Any, Union, get_args, get_origin
from uuid import UUID

import psycopg
from pydantic import BaseModel

from monogram_sdk import models
from monogram_sdk._export import ExportedRow
from monogram_sdk.models import Model
from scripts.actions_page import actions, resources

# What calls read their rows as: the public models, and those that only the client sees.
SHAPES = {**vars(models), **{name: getattr(models, name) for name in models.__all__}, "ExportedRow": ExportedRow}

# What a client writes and never reads, and what is for the database itself.
NOT_READ = {
    ("memberships", "invite_code"),
    ("memberships", "invite_id"),
    ("notifications", "dedupe_key"),
    ("transactions", "hash"),
}

_PLAIN: dict[Any, str] = {
    Any: "jsonb",
    UUID: "uuid",
    bool: "boolean",
    date: "date",
    datetime: "timestamp with time zone",
    dict: "jsonb",
    int: "number",
    str: "text",
}
_CHECKED_SETS = {"mail_fault", "mail_state"}
_NUMBERS = {"smallint", "integer", "bigint"}

Columns = dict[str, tuple[str, bool | None]]
"""Name -> type, and whether it may be null (``None``: that is not known)."""


@cache
def reads() -> dict[tuple[str, str], set[Any]]:
    """Return what the client reads: ("table" or "function", its name) -> the models or plain types it is read as."""
    found: dict[tuple[str, str], set[Any]] = {}
    for resource, api in resources().items():
        for action in actions(resource, api):
            for request in action.requests:
                if request.model is None:
                    continue
                shape = eval(request.model, SHAPES)  # Such as `Space`, `int` or `list[str]`.
                if get_origin(shape) is list and issubclass(get_args(shape)[0], Model):
                    (shape,) = get_args(shape)  # All rows in one reply.
                kind = "function" if request.verb == "call" else "table"
                found.setdefault((kind, request.target), set()).add(shape)
    return found


def differences(connection: psycopg.Connection[Any]) -> list[str]:
    """Return in what the models differ from a database: nothing, if they fit."""
    found = list(_enum_differences(connection))
    for (kind, name), shapes in sorted(reads().items(), key=str):
        returned = table_columns(connection, name) if kind == "table" else function_columns(connection, name)
        if not returned:
            found.append(f"{kind} {name}: it is not there")
            continue
        for shape in sorted(shapes, key=str):
            found += _shape_differences(f"{getattr(shape, '__name__', shape)} of {kind} {name}", shape, returned)
    return found


def table_columns(connection: psycopg.Connection[Any], table: str) -> Columns:
    """Return the columns of a table that clients read."""
    rows = connection.execute(
        "select attname, format_type(atttypid, atttypmod), not attnotnull from pg_catalog.pg_attribute"
        " where attrelid = to_regclass('public.' || %s::text) and attnum > 0 and not attisdropped",
        [table],
    ).fetchall()
    return {name: (_type(form), nullable) for name, form, nullable in rows if (table, name) not in NOT_READ}


def function_columns(connection: psycopg.Connection[Any], name: str) -> Columns:
    """Return the columns of what a function returns; of a single value, one without a name."""
    row = connection.execute(
        "select format_type(prorettype, null), proargnames, proargmodes::text[],"
        " (select array_agg(format_type(one, null) order by place)"
        "  from unnest(proallargtypes) with ordinality as list (one, place)),"
        " (select relname from pg_catalog.pg_class where pg_class.reltype = prorettype), proretset"
        " from pg_catalog.pg_proc where proname = %s and pronamespace = 'public'::regnamespace",
        [name],
    ).fetchone()
    if row is None:
        return {}
    form, names, modes, forms, table, is_set = row
    if table is not None:
        return table_columns(connection, table)
    if modes is not None and "t" in modes:
        columns = zip(names, modes, forms, strict=True)
        return {column: (_type(kind), None) for column, mode, kind in columns if mode == "t"}
    return {"": (_type(f"{form}[]" if is_set else form), None)}


def _shape_differences(what: str, shape: Any, returned: Columns) -> Iterator[str]:
    if get_origin(shape) or not issubclass(shape, Model):
        kind, _ = _type_of(shape)
        if returned != {"": (kind, None)}:
            yield f"{what}: it returns {returned}"
        return
    if returned == {"": ("jsonb", None)}:
        return  # What is in it is compared with a result: `json_differences`.
    fields = {
        name: _type_of(field.annotation) for name, field in shape.model_fields.items() if name not in shape.embedded
    }
    for name in sorted(fields.keys() | returned.keys()):
        if name not in returned:
            yield f"{what}: there is no column {name}"
        elif name not in fields:
            yield f"{what}: there is no field {name}"
        else:
            (kind, nullable), (wanted, may_be_null) = fields[name], returned[name]
            # A set of values that is closed by a check rather than by a type of its own is text.
            if kind != wanted and not (wanted == "text" and kind in _CHECKED_SETS):
                yield f"{what}: {name} is {wanted}, read as {kind}"
            if may_be_null is not None and nullable != may_be_null:
                yield f"{what}: {name} {'may' if may_be_null else 'may not'} be null"


def json_differences(shape: Any, value: object, place: str = "result") -> Iterator[str]:
    """Yield in what a model differs from a result that is JSON: what is in one and not in the other, at any depth."""
    if value is None:
        return
    kinds = [kind for kind in get_args(shape) if kind is not types.NoneType] if get_args(shape) else [shape]
    if isinstance(value, list):
        for index, item in enumerate(value):
            yield from json_differences(kinds[0], item, f"{place}[{index}]")
    elif isinstance(value, dict) and isinstance(kinds[0], type) and issubclass(kinds[0], BaseModel):
        fields = kinds[0].model_fields
        for name in sorted(fields.keys() ^ value.keys()):
            required = name not in fields or fields[name].is_required()
            if required:
                yield f"{place}.{name}: {'no such field' if name in value else 'not in the result'}"
        for name in sorted(fields.keys() & value.keys()):
            yield from json_differences(fields[name].annotation, value[name], f"{place}.{name}")


def _enum_differences(connection: psycopg.Connection[Any]) -> Iterator[str]:
    rows = connection.execute(
        "select typname, array_agg(enumlabel::text order by enumlabel) from pg_catalog.pg_enum"
        " join pg_catalog.pg_type on pg_type.oid = enumtypid where typnamespace = 'public'::regnamespace group by 1"
    ).fetchall()
    for name, labels in rows:
        enum = getattr(models, _camel(name), None)
        if enum is None or sorted(enum) != sorted(labels):
            yield f"type {name}: {', '.join(labels)}"


def _type(form: str) -> str:
    """Return a database's type in the words of this module."""
    if form.endswith("[]"):
        return f"array of {_type(form[:-2])}"
    form = re.sub(r"^public\.|^\"|\"$|\(.*\)$", "", form)
    return "number" if form in _NUMBERS else form


def _type_of(annotation: Any) -> tuple[str, bool]:
    """Return the type that a field is read from, and whether it may be null."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin in (Union, types.UnionType):
        (one,) = [argument for argument in arguments if argument is not types.NoneType]
        return _type_of(one)[0], True
    if origin in (list, tuple):
        kind, _ = _type_of(arguments[0])
        return ("jsonb" if kind == "jsonb" else f"array of {kind}"), False
    kind = origin or annotation
    if kind in _PLAIN:
        return _PLAIN[kind], False
    if issubclass(kind, BaseModel):
        return "jsonb", False
    if issubclass(kind, Enum):
        return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", kind.__name__).lower(), False
    raise TypeError(f"no column is read as {annotation}")


def _camel(name: str) -> str:
    return "".join(part.capitalize() for part in name.split("_"))
