"""The last line of defence: what a terminal gets to see is inert.

The model already cleans every string of a peer. This module trusts that no further than it
must: terminals obey escape sequences wherever they come from, and Textual passes them on
(Label, OptionList, TextArea and raw Strips all do). So every text that becomes a Segment goes
through `inert`, and `InertFilter` does it once more for whatever a widget painted by itself.
"""

import unicodedata

from rich.segment import Segment
from textual.color import Color
from textual.filter import LineFilter

from tui.limits import COMBINING_MAX

_DROPPED = dict.fromkeys(
    (
        *range(0x00, 0x20),
        *range(0x7F, 0xA0),  # DEL and C1; a lone 0x9B is CSI in some terminals
        0x061C,
        0x200E,
        0x200F,
        *range(0x202A, 0x202F),  # bidirectional embeddings and overrides
        *range(0x2066, 0x206A),  # bidirectional isolates
        0x2028,
        0x2029,
        *range(0xD800, 0xE000),  # lone surrogates cannot be encoded
        *range(0xFFF9, 0xFFFC),
        0xFEFF,
    )
)


def inert(text: str) -> str:
    """`text` without anything a terminal would act on: no controls, no bidi overrides.

    Printable text comes back unchanged; line ends are controls too, so callers split first.
    """
    if text.isascii():
        return text if text.isprintable() else text.translate(_DROPPED)
    text = text.translate(_DROPPED)
    return text if _marks_are_few(text) else _limit_marks(text)


def inert_lines(text: str) -> str:
    """`inert` for text of several lines."""
    return "\n".join(map(inert, text.split("\n"))) if "\n" in text else inert(text)


def _marks_are_few(text: str) -> bool:
    run = 0
    for character in text:
        run = run + 1 if unicodedata.category(character) in ("Mn", "Me") else 0
        if run > COMBINING_MAX:
            return False
    return True


def _limit_marks(text: str) -> str:
    kept: list[str] = []
    run = 0
    for character in text:
        run = run + 1 if unicodedata.category(character) in ("Mn", "Me") else 0
        if run <= COMBINING_MAX:
            kept.append(character)
    return "".join(kept)


class InertFilter(LineFilter):
    """Makes every painted line inert, whichever widget painted it."""

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        if all(text.isascii() and text.isprintable() for text, _, _ in segments):
            return segments
        return [
            segment if control else Segment(inert(text), style)
            for segment in segments
            for text, style, control in (segment,)
        ]
