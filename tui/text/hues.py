"""A stable colour for every member.

The hue comes from a hash of the member id (never of the nick, which may repeat or change), so a
person has one colour on every screen and every machine. A colour that the member chose wins when
it is a plain `#rrggbb`. Two palettes keep text readable: light tones on dark themes, deep ones
on light themes; each has a contrast of at least 4.5 against its background (tested).
"""

import re
from zlib import crc32

_DARK = (
    "#e8a87c", "#8fbcbb", "#b5a1e0", "#a3be8c", "#e59fb4", "#7fb3e0",
    "#d6c26b", "#6fc7a5", "#d99bd8", "#9db8f0", "#c9b08a", "#f0938a",
)  # fmt: skip
_LIGHT = (
    "#9a4a14", "#1f6665", "#5b3fa3", "#3f6b1e", "#9c2f55", "#1f5a96",
    "#6f5a00", "#156a48", "#8a2f8a", "#3450a8", "#6a4f20", "#a83226",
)  # fmt: skip
_ANSI = ("ansi_red", "ansi_green", "ansi_yellow", "ansi_blue", "ansi_magenta", "ansi_cyan")
_CHOSEN = re.compile(r"#[0-9a-fA-F]{6}")


def hue(member: str, dark: bool, chosen: str = "") -> str:
    """The colour of a member as `#rrggbb`."""
    if _CHOSEN.fullmatch(chosen):
        return readable(chosen.lower(), dark)
    palette = _DARK if dark else _LIGHT
    return palette[crc32(member.encode("utf-8", "replace")) % len(palette)]


def ansi(member: str) -> str:
    """The colour of a member among the terminal's own, all readable on its background."""
    return _ANSI[crc32(member.encode("utf-8", "replace")) % len(_ANSI)]


def readable(colour: str, dark: bool) -> str:
    """`colour`, moved towards white or black until it can be read on the theme's background."""
    channels = [int(colour[at : at + 2], 16) for at in (1, 3, 5)]
    goal = 255 if dark else 0
    while not _contrasts(channels, dark):
        channels = [round(channel + (goal - channel) * 0.2) for channel in channels]
    return "#" + "".join(f"{channel:02x}" for channel in channels)


def luminance(channels: list[int]) -> float:
    """Relative luminance of sRGB (WCAG 2.2)."""
    linear = [
        c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4
        for c in (channel / 255 for channel in channels)
    ]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def _contrasts(channels: list[int], dark: bool) -> bool:
    own = luminance(channels)
    return own >= 0.22 if dark else own <= 0.14


PALETTES = {"dark": _DARK, "light": _LIGHT}
