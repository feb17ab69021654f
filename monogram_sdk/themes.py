"""Themes for the store, which change how the newsletters of their buyers look.

from monogram_sdk.themes import THEMES

look = THEMES["herbarium"].metadata()
service.store.create_item(code="herbarium", name="Herbarium", kind=StoreItemKind.THEME, price=120, metadata=look)
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from monogram_sdk.models.themes import Theme, ThemeColours

__all__ = ["THEMES"]

THEMES: Mapping[str, Theme] = MappingProxyType(
    {
        "midnight": Theme(paper="#12131a", ink="#f2efe6", accent="#e8b64c", numerals="oldstyle", ornament="diamond"),
        "riso": Theme(
            paper="#fbf6ea",
            ink="#1f3a5f",
            accent="#e4572e",
            dark=ThemeColours(paper="#131c2b", ink="#f3ead7", accent="#ff7a52"),
            ornament="dots",
            initial="drop",
        ),
        "herbarium": Theme(
            paper="#f2f4e6",
            ink="#22301f",
            accent="#4b7a35",
            dark=ThemeColours(paper="#141a13", ink="#e5ead8", accent="#9cc47f"),
            numerals="roman",
            ornament="wave",
            initial="raised",
        ),
        "ledger": Theme(
            paper="#edf2f4",
            ink="#15212b",
            accent="#0f6a80",
            dark=ThemeColours(paper="#0f161b", ink="#dfe8ec", accent="#62c0d6"),
            numerals="ringed",
            ornament="none",
        ),
        "blossom": Theme(
            paper="#fbeef0",
            ink="#43182f",
            accent="#b8326b",
            dark=ThemeColours(paper="#22111a", ink="#f6dfe6", accent="#f08fb4"),
            numerals="oldstyle",
            ornament="asterism",
            initial="drop",
        ),
    }
)
"""Five themes. The first two are in the store of every project; add others with `store.create_item`."""
