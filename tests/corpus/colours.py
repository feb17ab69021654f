"""Colour profiles, and the same colours in the numbers of another one."""

from __future__ import annotations

import struct
from collections.abc import Sequence

from PIL import Image

# Red, green and blue of Display P3 and of sRGB, for white of 50 degrees, as profiles have them.
_P3_COLOURS = ((0.51512, 0.24120, -0.00105), (0.29198, 0.69225, 0.04189), (0.15710, 0.06657, 0.78407))
_SRGB_COLOURS = ((0.43607, 0.22249, 0.01392), (0.38515, 0.71687, 0.09708), (0.14307, 0.06061, 0.71410))


def profile(colours: Sequence[Sequence[float]]) -> bytes:
    """Return a colour profile of three colours with sRGB's curve."""
    curve = struct.pack(
        ">4s4xHxx5i",
        b"para",
        3,
        *(round(value * 65536) for value in (2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045)),
    )
    points = [struct.pack(">4s4x3i", b"XYZ ", *(round(value * 65536) for value in colour)) for colour in colours]
    tags = list(
        zip((b"rXYZ", b"gXYZ", b"bXYZ", b"rTRC", b"gTRC", b"bTRC"), [*points, curve, curve, curve], strict=True)
    )
    at = 128 + 4 + 12 * len(tags)
    table, bodies = struct.pack(">I", len(tags)), b""
    for name, body in tags:
        table += struct.pack(">4sII", name, at + len(bodies), len(body))
        bodies += body
    head = bytearray(128)
    struct.pack_into(">I4xI4s4s4s", head, 0, at + len(bodies), 0x04000000, b"mntr", b"RGB ", b"XYZ ")
    head[36:40] = b"acsp"
    return bytes(head) + table + bodies


P3 = profile(_P3_COLOURS)


def in_p3(image: Image.Image) -> Image.Image:
    """Return a picture of sRGB in the numbers of Display P3: it looks the same with the profile `P3`."""

    def change(colour: tuple[int, int, int]) -> tuple[int, int, int]:
        light = [_linear(value / 255) for value in colour]
        point = [sum(light[i] * _SRGB_COLOURS[i][axis] for i in range(3)) for axis in range(3)]
        red, green, blue = (round(255 * _curved(value)) for value in _solve(_P3_COLOURS, point))
        return red, green, blue

    pixels = image.get_flattened_data()
    changes = {colour: change(colour) for colour in set(pixels)}
    changed = Image.new("RGB", image.size)
    changed.putdata([changes[pixel] for pixel in pixels])
    return changed


def _solve(columns: Sequence[Sequence[float]], point: Sequence[float]) -> list[float]:
    """Solve three equations by Cramer's rule."""

    def determinant(a: Sequence[float], b: Sequence[float], c: Sequence[float]) -> float:
        return (
            a[0] * (b[1] * c[2] - b[2] * c[1]) - b[0] * (a[1] * c[2] - a[2] * c[1]) + c[0] * (a[1] * b[2] - a[2] * b[1])
        )

    whole = determinant(*columns)
    return [
        determinant(*(point if index == replaced else column for index, column in enumerate(columns))) / whole
        for replaced in range(3)
    ]


def _linear(value: float) -> float:
    return value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4


def _curved(light: float) -> float:
    light = min(1.0, max(0.0, light))
    return light * 12.92 if light <= 0.0031308 else 1.055 * light ** (1 / 2.4) - 0.055
