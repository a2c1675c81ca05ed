"""What a string from another machine may put on a screen.

Terminals obey escape sequences, and Textual and Rich pass them on. So every string enters the
model through one of these functions: control characters, bidirectional overrides and stacks
of combining marks go, letters of every script and emoji sequences stay. In names, by which people
know each other, nothing stays that cannot be seen.
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
_JOINERS = "\u200c\u200d"
_BEFORE_JOINER = ("Lo", "Mn", "Mc", "So", "Sk")
"""Letters without case, their marks, emoji and skin tones."""
_BEHIND_JOINER = ("Lo", "So")
_SEEN_FORMATS = {*range(0x0600, 0x0606), 0x06DD, 0x070F, 0x0890, 0x0891, 0x08E2, 0x110BD, 0x110CD}
"""Signs around numbers: of category Cf, and drawn all the same."""
_BLANKS = {0x034F, 0x115F, 0x1160, 0x17B4, 0x17B5, *range(0x180B, 0x1810), 0x2800, 0x3164, 0xFFA0}
"""Letters, marks and a symbol that are drawn as nothing."""
_SELECTORS = {*range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0)}
"""Variation selectors: they change how the character before is drawn, if at all."""


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


def clean_name(text: str, max_chars: int) -> str:
    """One line without characters that nobody sees, for nicks and names of channels.

    Joiners stay where scripts and emoji need them.
    """
    line = clean_line(text, max_chars)
    if line.isascii():
        return line
    # What is not seen goes first: else a joiner would stay for the sake of a neighbour that goes.
    seen = "".join(c for c in line if c in _JOINERS or not _is_unseen(c))
    kept = (c for at, c in enumerate(seen) if c not in _JOINERS or _joins(seen, at))
    return _limit_marks("".join(kept)).strip()


def look(name: str) -> str:
    """What people compare names by: two with the same are taken for one. Empty when unseen.

    Letter case, compatibility forms, spaces and all that cannot be seen make no difference.
    Letters of two scripts that are drawn alike do.
    """
    if name.isascii():
        return " ".join(name.lower().split())
    wide = unicodedata.normalize("NFKC", name).casefold()
    seen = (c for c in wide if not _is_unseen(c) and ord(c) not in _SELECTORS)
    return " ".join("".join(seen).split())


def _is_unseen(character: str) -> bool:
    code = ord(character)
    if unicodedata.category(character) == "Cf":
        return code not in _SEEN_FORMATS
    return code in _BLANKS


def _joins(line: str, at: int) -> bool:
    """Whether a joiner stands between what it joins."""
    if not 0 < at < len(line) - 1:
        return False
    before, behind = unicodedata.category(line[at - 1]), unicodedata.category(line[at + 1])
    return before in _BEFORE_JOINER and behind in _BEHIND_JOINER


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
