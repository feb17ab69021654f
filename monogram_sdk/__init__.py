"""Monogram: private groups that write a weekly newsletter together.

`Monogram` is the client, `AsyncMonogram` the same for asyncio:

    from monogram_sdk import Monogram

    with Monogram() as client:
        client.auth.sign_in_with_password(email="ada@example.com", password="...")
        space = client.spaces.create(name="Test Book Club")

The errors are in `monogram_sdk.errors`, the values that calls answer in `monogram_sdk.models`.
"""

from __future__ import annotations

from monogram_sdk import errors, models
from monogram_sdk._async._pages import AsyncPages
from monogram_sdk._async.client import AsyncMonogram
from monogram_sdk._images import ImageSource
from monogram_sdk._paging import Page
from monogram_sdk._sync._pages import Pages
from monogram_sdk._sync.client import Monogram
from monogram_sdk._values import NOT_GIVEN, NotGiven
from monogram_sdk.errors import MonogramError
from monogram_sdk.models.enums import AuthEvent, MembershipRole, NewsletterVisibility, RotationType, StoreItemKind
from monogram_sdk.models.responses import Music
from monogram_sdk.session_storage import (
    AsyncSessionStorage,
    FileSessionStorage,
    MemorySessionStorage,
    SessionStorage,
)

__all__ = [
    "NOT_GIVEN",
    "AsyncMonogram",
    "AsyncPages",
    "AsyncSessionStorage",
    "AuthEvent",
    "FileSessionStorage",
    "ImageSource",
    "MembershipRole",
    "MemorySessionStorage",
    "Monogram",
    "MonogramError",
    "Music",
    "NewsletterVisibility",
    "NotGiven",
    "Page",
    "Pages",
    "RotationType",
    "SessionStorage",
    "StoreItemKind",
    "errors",
    "models",
]
