"""A network's surface as a small picture: the grid as an image, training points above it."""

from __future__ import annotations

import base64
import json
import struct
import zlib

from markupsafe import Markup

from gp_cells.config.surface import Surface
from gp_cells.config.typed_json import decode

SIZE = 240  # of the picture, px
FIRST, MIDDLE, SECOND = (0xC2, 0x50, 0x0A), (0xFF, 0xFF, 0xFF), (0x2F, 0x6F, 0xB3)


def draw_surface(stored: str | None) -> Markup | None:
    """Return the picture of a surface as the tables have it, None where there is none."""
    if stored is None:
        return None
    surface: Surface = decode(Surface, json.loads(stored), "surface")
    shares = surface.shares
    pixels = [[_colour(share) for share in line] for line in reversed(shares)]
    picture = base64.b64encode(_png(pixels)).decode()
    points = "".join(
        f'<circle class="of-{number}" cx="{SIZE * x:.0f}" cy="{SIZE * (1 - y):.0f}" r="2.2"/>'
        for x, y, number in surface.placed()
    )
    (left, bottom), (right, top) = surface.low, surface.high
    said = (
        f"How probable the second class is, for the first number from {left:.2g} to {right:.2g} and the "
        f"second from {bottom:.2g} to {top:.2g}; the points are those of training"
    )
    return Markup(  # numbers alone
        f'<svg class="surface" role="img" aria-label="{said}" viewBox="0 0 {SIZE} {SIZE}">'
        f'<image href="data:image/png;base64,{picture}" width="{SIZE}" height="{SIZE}" '
        f'preserveAspectRatio="none"/>{points}</svg>'
    )


def _colour(share: float) -> tuple[int, ...]:
    """Return a colour from that of the first class over white to that of the second."""
    end, weight = (SECOND, 2 * share - 1) if share > 0.5 else (FIRST, 1 - 2 * share)
    return tuple(
        round(middle + 0.75 * weight * (other - middle))
        for middle, other in zip(MIDDLE, end, strict=True)
    )


def _png(pixels: list[list[tuple[int, ...]]]) -> bytes:
    """Return pixels, line by line from the top, as a PNG file."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        ends = struct.pack(">I", zlib.crc32(kind + content))
        return struct.pack(">I", len(content)) + kind + content + ends

    header = struct.pack(">IIBBBBB", len(pixels[0]), len(pixels), 8, 2, 0, 0, 0)
    lines = b"".join(b"\0" + bytes(value for pixel in line for value in pixel) for line in pixels)
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        chunk(kind, content)
        for kind, content in ((b"IHDR", header), (b"IDAT", zlib.compress(lines, 9)), (b"IEND", b""))
    )
