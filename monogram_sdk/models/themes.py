"""Themes: how newsletters look."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, StringConstraints, model_validator

Colour = Annotated[str, StringConstraints(pattern=r"^#[0-9A-Fa-f]{6}$")]
"""A colour as ``"#rrggbb"``."""

Numerals = Literal["lining", "oldstyle", "roman", "ringed"]
"""How numbers are written: as high as capitals; in italics of different heights; as I, II, III; or in a ring."""
Ornament = Literal["rule", "dots", "diamond", "asterism", "wave", "none"]
"""What separates two responses: a short line, a drawing in the accent colour, or nothing."""
Initial = Literal["plain", "drop", "raised"]
"""How the first character is set: like any other, over two lines, or large on its line. Short texts have no initial."""

READABLE = 4.5
"""The contrast that text needs with its background, by WCAG 2."""


class _Part(BaseModel):
    """A part of a theme. Unlike in values from the server, unknown fields are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)


class ThemeColours(_Part):
    """Three colours, from which all others on a page are mixed."""

    paper: Colour
    """The background."""
    ink: Colour
    """The text. Its contrast on the paper is at least 4.5 to 1."""
    accent: Colour
    """For numerals, the seal and links. If it is too faint for small text, it is mixed with the ink."""

    @model_validator(mode="after")
    def _is_readable(self) -> ThemeColours:
        if contrast(self.paper, self.ink) < READABLE:
            raise ValueError("the contrast of ink on paper is below 4.5 to 1, which is hard to read")
        return self


class Theme(ThemeColours):
    """The metadata of a store item of kind ``THEME``. The database makes the same checks."""

    dark: ThemeColours | None = None
    """The colours for dark mode; without them, a newsletter has no dark mode."""
    numerals: Numerals = "lining"
    """How the numbers of the questions are written."""
    ornament: Ornament = "rule"
    """What separates two responses."""
    initial: Initial = "plain"
    """How the first long response to a question begins."""

    def metadata(self) -> dict[str, object]:
        """Return the theme as the metadata of a store item: for `store.create_item`."""
        return self.model_dump(mode="json", exclude_defaults=True)


def contrast(one: str, other: str) -> float:
    """Return the contrast of two colours by WCAG 2, from 1 to 21.

    Args:
        one: A colour, as ``"#rrggbb"``.
        other: Another one.
    """
    dark, light = sorted((_luminance(one), _luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def _luminance(colour: str) -> float:
    red, green, blue = (int(colour[start : start + 2], 16) / 255 for start in (1, 3, 5))
    linear = [share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4 for share in (red, green, blue)]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
