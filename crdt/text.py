"""What a string from another machine may put on a screen.

Terminals obey escape sequences, and Textual and Rich pass them on. So every string enters the
model through one of these two functions: control characters, bidirectional overrides and stacks
of combining marks go, letters of every script and emoji sequences stay.
"""

import unicodedata

COMBINING_MAX = 4
"""Marks kept on one letter; no orthography in Unicode stacks more than a few."""

_DROPPED = {
    *range(0x00, 0x20),
    *range(0x7F, 0xA0),  # DEL and C1: 0x9B alone starts a control sequence in some terminals
    0x061C,
    0x200E,
    0x200F,
    *range(0x202A, 0x202F),  # bidirectional embeddings and overrides
    *range(0x2066, 0x206A),  # bidirectional isolates
    *range(0xD800, 0xE000),  # lone surrogates
    *range(0xFFF9, 0xFFFC),  # interlinear annotation
    0xFEFF,
}
_LINE_TABLE: dict[int, int | str | None] = {
    **dict.fromkeys(_DROPPED),
    0x09: " ",
    0x0A: " ",
    0x0D: " ",
    0x2028: " ",
    0x2029: " ",
}
_TEXT_TABLE: dict[int, int | str | None] = {
    **dict.fromkeys(_DROPPED),
    0x09: "    ",
    0x0A: "\n",
    0x2028: "\n",
    0x2029: "\n",
}


def clean_line(text: str, max_chars: int) -> str:
    """One line of at most `max_chars` characters, for names, topics and captions."""
    if text.isascii() and text.isprintable():
        return text[:max_chars].strip()
    return _limit_marks(text.translate(_LINE_TABLE))[:max_chars].strip()


def clean_text(text: str, max_chars: int) -> str:
    """Text of several lines, at most `max_chars` characters."""
    if text.isascii() and text.isprintable():
        return text[:max_chars]
    return _limit_marks(text.translate(_TEXT_TABLE))[:max_chars]


def _limit_marks(text: str) -> str:
    if text.isascii():
        return text
    kept: list[str] = []
    marks = 0
    for character in text:
        if unicodedata.category(character) in ("Mn", "Me"):
            marks += 1
            if marks > COMBINING_MAX:
                continue
        else:
            marks = 0
        kept.append(character)
    return "".join(kept)
