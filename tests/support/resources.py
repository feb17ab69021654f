"""The resources of a client."""

from __future__ import annotations

from functools import cached_property

from monogram_sdk import AsyncMonogram, Monogram


def resources(client: Monogram | AsyncMonogram) -> dict[str, object]:
    """Return the resources of a client by name; this loads them all."""
    made_late = [name for name, member in vars(type(client)).items() if isinstance(member, cached_property)]
    return {name: getattr(client, name) for name in sorted(made_late)}
