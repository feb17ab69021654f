"""What both libraries have in common: how the engine treats their requests, and what their own errors become."""

from __future__ import annotations

import json
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass

from pydantic import ValidationError

from monogram_sdk import _contents as contents
from monogram_sdk._contents import Content
from monogram_sdk.errors import InvalidReplyError, InvalidValueError


@dataclass(frozen=True, slots=True)
class RequestTraits:
    """How the engine treats a request of one of the libraries.

    Attributes:
        repeatable: Whether it may be sent twice.
        has_effect: Whether it changes something, or sends a message.
        content: The content that the reply must have.
    """

    repeatable: bool
    has_effect: bool
    content: Content = contents.JSON


@contextmanager
def translated(*, has_effect: bool = True) -> Generator[None]:
    """Turn what a library raises for a reply or a value that it cannot handle into the SDK's errors.

    Args:
        has_effect: Whether the request changes something, so that it is uncertain if the reply cannot be read.
    """
    try:
        yield
    except (json.JSONDecodeError, KeyError) as exc:
        raise InvalidReplyError(
            "The server's reply cannot be read.", hint="Update the SDK, or the server.", uncertain=has_effect
        ) from exc
    except ValidationError as exc:
        # Without the original error, which shows the reply; that may be a session.
        problems = "; ".join(f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in exc.errors()[:3])
        raise InvalidReplyError(
            f"The server's reply does not fit {exc.title}: {problems}.",
            hint="Update the SDK, or the server.",
            uncertain=has_effect,
        ) from None
    except (ValueError, RecursionError) as exc:  # For example, text that is not valid Unicode.
        raise InvalidValueError(
            "A value cannot be sent.", hint="Use text in valid Unicode, without lone surrogates."
        ) from exc
