"""The base class of all models."""

from __future__ import annotations

from functools import cache
from typing import ClassVar

from pydantic import BaseModel, ConfigDict


class Model(BaseModel):
    """A value from the server. It is immutable; fields that this version of the SDK does not know are ignored."""

    # Building the validators of all models would take half of the time of `import monogram_sdk`. Each is built when it
    # is first needed.
    model_config = ConfigDict(frozen=True, extra="ignore", defer_build=True, hide_input_in_errors=True)

    embedded: ClassVar[dict[str, str]] = {}
    """How to read the fields that come from another table: field name -> PostgREST's ``alias:table(columns)``."""

    @classmethod
    def columns(cls) -> str:
        """Return the columns to select for this model."""
        return _columns(cls)


@cache
def _columns(model: type[Model]) -> str:
    return ",".join(model.embedded.get(name, name) for name in model.model_fields)
