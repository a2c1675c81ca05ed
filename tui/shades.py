"""Pictures where there are no colours, or no half blocks: each cell is as dense as it is bright.

A picture is painted as half blocks with two colours a cell (tui.pictures). Without colours those
are all the same sign, so here, when a line is painted, they become shades, and for readers of ASCII
signs of more or less ink. On a light ground ink is dark, and the shades are turned round.
"""

from functools import lru_cache
from itertools import groupby

from rich.color import Color as RichColor
from rich.color import ColorType
from rich.segment import Segment
from rich.style import Style
from textual.color import Color
from textual.filter import LineFilter

from chat.pictures.halfblocks import ASCII_RAMP, UPPER_HALF, Colour, brightness

BLOCKS_RAMP = " ░▒▓█"


class ShadesFilter(LineFilter):
    """Draws pictures without half blocks."""

    def __init__(self, ramp: str, *, dark: bool) -> None:
        """`ramp`: signs from no ink to the most; `dark`: whether the ground is."""
        super().__init__()
        self._ramp = ramp if dark else ramp[::-1]

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        return [self._shade(segment, background) for segment in segments]

    def _shade(self, segment: Segment, background: Color) -> Segment:
        upper, lower = _colours(segment)
        if upper is None or lower is None:
            return segment
        at = brightness(upper, lower) * len(self._ramp) // 256
        return Segment(self._ramp[at] * len(segment.text), _style(upper, lower, background))


def _colours(segment: Segment) -> tuple[Colour | None, Colour | None]:
    """The two pixels of a part of a picture; None of anything else."""
    text, style, control = segment
    if control or style is None or [sign for sign, _ in groupby(text)] != [UPPER_HALF]:
        return None, None
    return _exact(style.color), _exact(style.bgcolor)


def _exact(colour: RichColor | None) -> Colour | None:
    """A colour that is not the terminal's own."""
    if colour is None or colour.type is not ColorType.TRUECOLOR or colour.triplet is None:
        return None
    return (colour.triplet.red, colour.triplet.green, colour.triplet.blue)


@lru_cache(4096)
def _style(upper: Colour, lower: Colour, background: Color) -> Style:
    """Ink of the mean of both colours, for terminals that have some."""
    mean = [(one + other) // 2 for one, other in zip(upper, lower, strict=True)]
    return Style.from_color(RichColor.from_rgb(*mean), background.rich_color)


@lru_cache(4)
def shades(*, ascii: bool, dark: bool) -> ShadesFilter:
    """The filter for a ground; always the same one, since painted lines are kept by it."""
    return ShadesFilter(ASCII_RAMP if ascii else BLOCKS_RAMP, dark=dark)
