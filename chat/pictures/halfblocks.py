"""Pictures as text: two pixels a cell, the upper one in front and the lower one behind.

A cell of a terminal is about twice as high as wide, so `▀` with a foreground and a background
colour is two square pixels. Pure; works on RGB bytes from the decoder.
"""

from collections.abc import Callable
from functools import lru_cache

Colour = tuple[int, int, int]
Cell = tuple[Colour, Colour]
"""Upper and lower pixel."""

UPPER_HALF = "▀"
ASCII_RAMP = " .:-=+*#%@"
"""From no ink to the most."""
_CUBE = (0, 95, 135, 175, 215, 255)
_RESET = "\x1b[0m"


def fit(width: int, height: int, columns: int, rows: int) -> tuple[int, int]:
    """The box in pixels to ask the decoder for, so that a picture fits so many cells."""
    box = (max(1, columns), max(1, rows) * 2)
    if width <= 0 or height <= 0:
        return box
    scale = min(box[0] / width, box[1] / height, 1.0)
    return max(1, round(width * scale)), max(1, round(height * scale))


def half_block_rows(
    width: int, height: int, rgb: bytes, background: Colour = (0, 0, 0)
) -> list[list[Cell]]:
    """The cells of a picture, rows from the top; an odd last row stands on `background`."""
    assert len(rgb) == width * height * 3
    stride = 3 * width
    lines = [_pixels(rgb[row * stride : (row + 1) * stride]) for row in range(height)]
    if height % 2:
        lines.append([background] * width)
    return [
        list(zip(upper, lower, strict=True))
        for upper, lower in zip(lines[::2], lines[1::2], strict=True)
    ]


def _pixels(line: bytes) -> list[Colour]:
    return list(zip(line[::3], line[1::3], line[2::3], strict=True))


def truecolor_lines(rows: list[list[Cell]]) -> list[str]:
    """ANSI text with 24-bit colours; a colour is written only where it changes."""
    return [_line(row, lambda colour: "2;{};{};{}".format(*colour)) for row in rows]


def indexed_lines(rows: list[list[Cell]]) -> list[str]:
    """ANSI text with the 256 colours that nearly every terminal has."""
    return [_line(row, lambda colour: f"5;{nearest_index(colour)}") for row in rows]


def ascii_lines(width: int, height: int, rgb: bytes) -> list[str]:
    """Plain characters by brightness, one cell for two pixels; for terminals without colours."""
    return [
        "".join(
            ASCII_RAMP[brightness(upper, lower) * (len(ASCII_RAMP) - 1) // 255]
            for upper, lower in row
        )
        for row in half_block_rows(width, height, rgb)
    ]


def brightness(upper: Colour, lower: Colour) -> int:
    """0 to 255 by the weights of Rec. 601, the mean of both pixels."""
    red, green, blue = (upper[i] + lower[i] for i in range(3))
    return (299 * red + 587 * green + 114 * blue) // 2000


def _line(row: list[Cell], written: Callable[[Colour], str]) -> str:
    parts: list[str] = []
    shown: tuple[str, str] = ("", "")
    for upper, lower in row:
        colours = (written(upper), written(lower))
        codes = []
        if colours[0] != shown[0]:
            codes.append("38;" + colours[0])
        if colours[1] != shown[1]:
            codes.append("48;" + colours[1])
        if codes:
            parts.append("\x1b[" + ";".join(codes) + "m")
        shown = colours
        parts.append(UPPER_HALF)
    return "".join(parts) + _RESET


@lru_cache(maxsize=4096)
def nearest_index(colour: Colour) -> int:
    """The nearest of xterm's 6 x 6 x 6 colours and 24 greys, as its index from 16 to 255."""
    steps = [min(range(6), key=lambda step: abs(_CUBE[step] - value)) for value in colour]
    cube = (_CUBE[steps[0]], _CUBE[steps[1]], _CUBE[steps[2]])
    grey = min(23, max(0, (sum(colour) // 3 - 3) // 10))
    level = 8 + 10 * grey
    if _distance(colour, (level, level, level)) < _distance(colour, cube):
        return 232 + grey
    return 16 + 36 * steps[0] + 6 * steps[1] + steps[2]


def _distance(one: Colour, other: Colour) -> int:
    return sum((a - b) ** 2 for a, b in zip(one, other, strict=True))
