"""Check the arguments of a call against its annotations before anything is sent.

The database would refuse most wrong arguments, but with its own messages, and misread others: ``None`` as "not given",
a text as a list of its characters. The annotations of the public methods are the only definition of what an argument
may be, so the checks are made from them.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from enum import Enum
from functools import wraps
from inspect import isasyncgenfunction, iscoroutinefunction, isfunction, isgeneratorfunction, signature
from types import NoneType, UnionType
from typing import Any, BinaryIO, Literal, Union, cast, get_args, get_origin, get_type_hints
from uuid import UUID

from monogram_sdk._config import shown
from monogram_sdk._values import NOT_GIVEN, NotGiven, as_uuid
from monogram_sdk.errors import InvalidValueError

# Arguments that the database stores in 64 bits; all other integers there have 32.
_WIDE = frozenset({"after", "amount", "job_id", "price"})

# Literals that are accepted in upper and lower case.
_ANY_CASE = frozenset({"paper", "size"})

# Texts that must not be blank, and what to pass instead.
_FILLED = {"email": "Pass an address such as ada@example.org."}

# Texts that must not be empty. A password may consist of spaces.
_NOT_EMPTY = {"password": "Pass the password, at least one character."}

Check = Callable[[Any], bool]


class Arguments:
    """The arguments that a function accepts.

    Args:
        function: A method; its first parameter, ``self``, is not checked.
    """

    __slots__ = ("_by_name", "_by_place", "_function")

    def __init__(self, function: Callable[..., Any]) -> None:
        self._function = function
        self._by_name: dict[str, _Parameter] | None = None
        self._by_place: tuple[_Parameter, ...] = ()

    def check(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> None:
        """Check the arguments of a call. Python itself checks whether there are too many or too few.

        Raises:
            InvalidValueError: An argument does not fit its annotation.
        """
        by_name = self._by_name
        if by_name is None:
            by_name = self._read()
        for parameter, value in zip(self._by_place, args, strict=False):
            if type(value) not in parameter.plain and not parameter.takes(value):
                raise parameter.refusal(value)
        for name, value in kwargs.items():
            known = by_name.get(name)
            if known is not None and type(value) not in known.plain and not known.takes(value):
                raise known.refusal(value)

    def _read(self) -> dict[str, _Parameter]:
        """Read the annotations, on the first call, because this takes longer than a check."""
        hints = get_type_hints(self._function)
        _, *parameters = signature(self._function).parameters.values()
        found = {
            one.name: _Parameter(one.name, hints[one.name], has_default=one.default is not one.empty)
            for one in parameters
        }
        self._by_place = tuple(found[one.name] for one in parameters if one.kind is not one.KEYWORD_ONLY)
        self._by_name = found
        return found


class ChecksArguments:
    """A class whose public methods check their arguments. Methods marked as calls do so already."""

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        for name, member in list(vars(cls).items()):
            is_plain = isfunction(member) and not (
                iscoroutinefunction(member) or isasyncgenfunction(member) or isgeneratorfunction(member)
            )
            if is_plain and not name.startswith("_") and not is_checked(member):
                setattr(cls, name, _checked(member))


def is_checked(function: object) -> bool:
    """Return True if a function checks its arguments."""
    return "_checks_arguments" in getattr(function, "__dict__", ())


def mark_checked(function: Callable[..., Any]) -> None:
    """Mark a function as one that checks its arguments."""
    function.__dict__["_checks_arguments"] = True


def _checked(function: Callable[..., Any]) -> Callable[..., Any]:
    arguments = Arguments(function)

    @wraps(function)
    def checked(self: object, /, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401
        arguments.check(args, kwargs)
        return function(self, *args, **kwargs)

    mark_checked(checked)
    return checked


class _Parameter:
    """A parameter.

    Attributes:
        plain: Types of which every value is accepted.
    """

    __slots__ = ("_checks", "_choices", "_has_default", "_name", "plain")

    def __init__(self, name: str, annotation: object, *, has_default: bool = False) -> None:
        self._name = name
        self._has_default = has_default
        self._choices = _choices(annotation)
        checked = name in _FILLED or name in _NOT_EMPTY
        self.plain = frozenset(one for one in self._choices if one in _PLAIN and not (one is str and checked))
        self._checks = [_check(one, name) for one in self._choices]

    def takes(self, value: object) -> bool:
        """Return True if the parameter accepts a value."""
        return any(check(value) for check in self._checks)

    def refusal(self, value: object) -> InvalidValueError:
        """Return the error for a value that the parameter does not accept."""
        name = self._name
        if UUID in self._choices and str in self._choices and value is not None:
            try:
                as_uuid(value, name)  # type: ignore[arg-type]
            except InvalidValueError as exc:
                return exc
        if isinstance(value, datetime) and datetime in self._choices:
            return InvalidValueError(
                f"{name} needs a time zone, and {shown(value)} has none.",
                detail=name,
                hint="Pass datetime.now(UTC), or value.astimezone() if it is in the zone of this machine.",
            )
        if name in _FILLED and isinstance(value, str):
            return InvalidValueError(f"{name} is blank.", detail=name, hint=_FILLED[name])
        if name in _NOT_EMPTY and isinstance(value, str):
            return InvalidValueError(f"{name} is empty.", detail=name, hint=_NOT_EMPTY[name])
        inner = next((_item(one) for one in self._choices if get_origin(one) is Sequence), None)
        if inner is not None and isinstance(value, Sequence) and not isinstance(value, str | bytes | bytearray):
            item = _Parameter(name, inner)
            wrong = next(one for one in cast("Sequence[object]", value) if not item.takes(one))
            return InvalidValueError(f"Each of {name} must be {item.wanted()}, not {item.shown(wrong)}.", detail=name)
        hint = None
        if value is None:
            if NotGiven in self._choices:
                hint = "It cannot be removed. Leave the argument out to keep it."
            elif self._has_default:
                hint = "Leave the argument out for the default."
        return InvalidValueError(f"{name} must be {self.wanted()}, not {self.shown(value)}.", detail=name, hint=hint)

    def shown(self, value: object) -> str:
        """Return a value in the form for messages: where text is expected only its type, as it may be a password."""
        if value is None or not self._is_private:
            return shown(value)
        return f"a value of the type {type(value).__name__}"

    @property
    def _is_private(self) -> bool:
        return any(one is str or _base(one) is Mapping or _base(one) is Sequence for one in self._choices)

    def wanted(self) -> str:
        """Return in words what the parameter accepts."""
        words: dict[str, None] = {}
        for one in self._choices:
            if one is NoneType or one is NotGiven:
                continue
            if one is str and UUID in self._choices:
                continue
            words[_words(one, wide=self._name in _WIDE)] = None
        *most, last = words
        return f"{', '.join(most)} or {last}" if most else last


_PLAIN = frozenset({str, bytes, bool, UUID, NoneType, NotGiven})


def _choices(annotation: object) -> tuple[Any, ...]:
    """Return the members of a union; for anything else, itself."""
    if get_origin(annotation) in (Union, UnionType):
        return tuple(choice for one in get_args(annotation) for choice in _choices(one))
    return (NoneType,) if annotation is None else (annotation,)


def _base(one: object) -> object:
    return get_origin(one) or one


def _item(one: object) -> object:
    return get_args(one)[0]


def _check(one: Any, name: str) -> Check:  # noqa: ANN401
    """Return the check for one type of a parameter."""
    base = _base(one)
    if one is str and name in _FILLED:
        return lambda value: isinstance(value, str) and bool(value.strip())
    if one is str and name in _NOT_EMPTY:
        return lambda value: isinstance(value, str) and value != ""
    if one is NotGiven:
        return lambda value: value is NOT_GIVEN
    if one is int:
        limit = 2**63 if name in _WIDE else 2**31
        return lambda value: isinstance(value, int) and not isinstance(value, bool) and -limit <= value < limit
    if one is float:
        return lambda value: isinstance(value, int | float) and not isinstance(value, bool)
    if one is datetime:
        return lambda value: isinstance(value, datetime) and value.tzinfo is not None
    if one is BinaryIO:
        return lambda value: callable(getattr(value, "read", None))
    if base is Literal and name in _ANY_CASE:
        return lambda value: isinstance(value, str) and value.lower() in [word.lower() for word in get_args(one)]
    if base is Literal:
        return lambda value: isinstance(value, str) and value in get_args(one)
    if base is Callable:
        return callable
    if base is Sequence:
        item = _Parameter("", _item(one))
        return lambda value: (
            isinstance(value, Sequence)
            and not isinstance(value, str | bytes | bytearray)
            and all(item.takes(member) for member in cast("Sequence[object]", value))
        )
    if isinstance(one, type) and issubclass(one, Enum):
        # A member that is not listed came from a newer database.
        return lambda value: isinstance(value, one) or (isinstance(value, str) and value in _values(one))
    return lambda value: isinstance(value, base)  # type: ignore[arg-type]


def _words(one: Any, *, wide: bool) -> str:  # noqa: ANN401
    base = _base(one)
    known: dict[object, str] = {
        str: "text",
        int: f"a whole number of up to {64 if wide else 32} bits",
        float: "a number",
        bool: "True or False",
        bytes: "bytes",
        datetime: "a datetime with a time zone",
        UUID: "a UUID",
        BinaryIO: "an open binary file",
        os.PathLike: "a path",
        Mapping: "a mapping",
        Sequence: "a list",
        Callable: "a function",
    }
    if base is Literal:
        return f"one of {', '.join(get_args(one))}"
    if isinstance(one, type) and issubclass(one, Enum):
        return f"one of {', '.join(_values(one))}"
    named = cast("object", one)
    return known.get(base) or str(getattr(named, "__name__", named))


def _values(kind: type[Enum]) -> list[str]:
    return [member.value for member in kind]
