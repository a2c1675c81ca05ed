"""The two themes of the house; all of Textual's own can be chosen too (Ctrl+P, theme).

Calm on purpose: one warm accent for what is mine or needs me, muted greys for everything that
repeats on each row, colour for people.
"""

from textual.color import Color, ColorParseError
from textual.theme import Theme

DARK = Theme(
    name="clowder",
    primary="#e8a87c",
    secondary="#8fbcbb",
    accent="#e8a87c",
    foreground="#d5d8df",
    background="#14161b",
    surface="#1a1d24",
    panel="#252933",
    success="#a3be8c",
    warning="#d6c26b",
    error="#e57a7a",
    dark=True,
    variables={
        "border": "#3a4050",
        "border-blurred": "#252933",
        "block-cursor-background": "#2d323e",
        "block-cursor-foreground": "#ffffff",
        "block-cursor-blurred-background": "#252933",
        "block-cursor-blurred-foreground": "#d5d8df",
        "block-cursor-text-style": "none",
        "input-selection-background": "#e8a87c 30%",
        "scrollbar": "#2d323e",
        "scrollbar-hover": "#3a4050",
        "scrollbar-active": "#e8a87c",
        "scrollbar-background": "#14161b",
        "scrollbar-background-hover": "#14161b",
        "scrollbar-background-active": "#14161b",
        "footer-key-foreground": "#e8a87c",
    },
)

LIGHT = Theme(
    name="clowder-light",
    primary="#a8501a",
    secondary="#1f6665",
    accent="#a8501a",
    foreground="#2b2e35",
    background="#fbfaf7",
    surface="#f2f0ea",
    panel="#e5e2d9",
    success="#3f6b1e",
    warning="#8a6a00",
    error="#b3312b",
    dark=False,
    variables={
        "border": "#c9c4b6",
        "border-blurred": "#e5e2d9",
        "block-cursor-background": "#e5e2d9",
        "block-cursor-foreground": "#101114",
        "block-cursor-blurred-background": "#eceae3",
        "block-cursor-blurred-foreground": "#2b2e35",
        "block-cursor-text-style": "none",
        "input-selection-background": "#a8501a 25%",
        "scrollbar": "#d8d4c9",
        "scrollbar-hover": "#c9c4b6",
        "scrollbar-active": "#a8501a",
        "scrollbar-background": "#fbfaf7",
        "scrollbar-background-hover": "#fbfaf7",
        "scrollbar-background-active": "#fbfaf7",
        "footer-key-foreground": "#a8501a",
    },
)

THEMES = (DARK, LIGHT)
ANSI_DARK, ANSI_LIGHT = "ansi-dark", "ansi-light"
"""Textual's themes of the terminal's own colours."""
MUTED, FAINT = 0.66, 0.46
"""How far secondary and decorative text stand out of the background."""


def quiet_colours(foreground: str, background: str) -> dict[str, str]:
    """`$muted` and `$faint` for any theme.

    Textual's own `$text-muted` is relative to what is behind it and cannot be used in Content.
    Themes that leave the colours to the terminal get its own grey.
    """
    try:
        front, back = Color.parse(foreground), Color.parse(background)
    except ColorParseError:
        return {"muted": "ansi_bright_black", "faint": "ansi_bright_black"}
    if front.ansi is not None or back.ansi is not None:
        return {"muted": "ansi_bright_black", "faint": "ansi_bright_black"}
    return {"muted": back.blend(front, MUTED).hex6, "faint": back.blend(front, FAINT).hex6}


DEFAULT = DARK.name
