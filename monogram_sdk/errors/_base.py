"""The root of all errors, and the registry of their codes."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, ClassVar

_PUBLIC_MODULE = "monogram_sdk.errors"
"""The module that the classes name as theirs, in tracebacks and when they are pickled."""

_OWN_CODE = re.compile(r"MG\d{3}|HISTORY_REPLACED")

_BLANK_LINE = re.compile(r"\n\s*\n")

_SECRETS = re.compile(r"sb_(?:secret|publishable)_[\w-]+|eyJ[\w-]{8,}\.[\w-]+(?:\.[\w-]*)?")


def scrub(text: str, secrets: Iterable[str] = ()) -> str:
    """Replace API keys, tokens and the given secrets in a text by ``[secret]``."""
    for secret in secrets:
        text = text.replace(secret, "[secret]")
    return _SECRETS.sub("[secret]", text)


class MonogramError(Exception):
    """Something went wrong in Monogram.

    Attributes:
        message: What happened, in a sentence.
        code: The stable code, such as ``MG501``; ``None`` if the server sent no code.
        status: The HTTP status; ``None`` without a reply.
        detail: Details from the server, for example the name of the column.
        hint: What to do about it.
        method: The HTTP method of the request.
        path: The path of the request, without its query.
        request_id: The server's id of the request, for support.
        uncertain: Whether no reply came to an attempt of this call, so that the server may have carried it out.
    """

    default_code: ClassVar[str | None] = None
    """Monogram's own code of the rule, if it has one: the code of errors that the SDK raises itself."""
    _by_code: ClassVar[dict[str, type[MonogramError]]] = {}

    def __init_subclass__(cls, *, code: str | tuple[str, ...] | None = None, **kwargs: object) -> None:
        super().__init_subclass__(**kwargs)
        if cls.__module__.startswith(f"{_PUBLIC_MODULE}."):
            cls.__module__ = _PUBLIC_MODULE
        codes = (code,) if isinstance(code, str) else code or ()
        cls.default_code = codes[0] if codes and _OWN_CODE.fullmatch(codes[0]) else None
        for one in codes:
            if one in cls._by_code:
                raise TypeError(f"{cls.__name__} and {cls._by_code[one].__name__} both claim the code {one}")
            cls._by_code[one] = cls

    def __init__(
        self,
        message: str | None = None,
        *,
        code: str | None = None,
        status: int | None = None,
        detail: str | None = None,
        hint: str | None = None,
        method: str | None = None,
        path: str | None = None,
        request_id: str | None = None,
        uncertain: bool = False,
    ) -> None:
        self.message = scrub(message or self.default_message())
        super().__init__(self.message)
        self.code = code or self.default_code
        self.status = status
        self.detail = scrub(detail) if detail else None
        self.hint = scrub(hint) if hint else None
        self.method = method
        self.path = path
        self.request_id = request_id
        self.uncertain = uncertain

    @classmethod
    def default_message(cls) -> str:
        """Return the first paragraph of the docstring, in one line."""
        first = _BLANK_LINE.split((cls.__doc__ or cls.__name__).strip(), maxsplit=1)[0]
        return " ".join(first.split())

    def __str__(self) -> str:
        text = self.message
        if self.hint and self.hint != text:
            text += f"{'' if text.endswith(('.', '!', '?')) else '.'} {self.hint}"
        facts = [self.code, f"HTTP {self.status}" if self.status else None]
        if self.method and self.path:
            facts.append(f"{self.method} {self.path}")
        known = ", ".join(fact for fact in facts if fact)
        return f"{text} [{known}]" if known else text

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuild, (type(self), self.__dict__.copy())


MonogramError.__module__ = _PUBLIC_MODULE


def _rebuild(cls: type[MonogramError], state: dict[str, Any]) -> MonogramError:
    error = cls.__new__(cls, state["message"])
    error.__dict__.update(state)
    return error


def from_code(code: str) -> type[MonogramError] | None:
    """Return the class that stands for a code; ``None`` for an unknown code."""
    return MonogramError._by_code.get(code)  # pyright: ignore[reportPrivateUsage]


def known_codes() -> dict[str, type[MonogramError]]:
    """Return every registered code with its class."""
    return dict(MonogramError._by_code)  # pyright: ignore[reportPrivateUsage]
