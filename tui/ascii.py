"""For terminals and readers of ASCII only: signs become letters, nothing moves by a cell.

Two steps. Emoji in what people wrote become `:names:` before rows are laid out, because they take
more room. Everything else is replaced cell by cell when a line is painted, whoever painted it:
lines of boxes, marks, accents, and `?` for each cell of what has no likeness.
"""

import re
import unicodedata
from functools import lru_cache

from msgspec.structs import replace
from rich.segment import Segment
from textual.color import Color
from textual.filter import LineFilter

from chat.model import Author, Message
from tui.input.emoji import EMOJI
from tui.text.cells import width_of

_SIGNS = {
    **dict.fromkeys("─━╌╍┄┅┈┉═▁▔╴╶╸╺‐‑‒–—―−", "-"),
    **dict.fromkeys("│┃╎╏┆┇┊┋║▎▏▌▐▕╵╷▍▋▊▉", "|"),
    **dict.fromkeys("┌┐└┘├┤┬┴┼╭╮╰╯┏┓┗┛┣┫┳┻╋╔╗╚╝╠╣╦╩╬", "+"),
    **dict.fromkeys("█▀▄▇▆▅▃▂■▪▣▤", "#"),
    **dict.fromkeys("●•◉∙", "*"),
    **dict.fromkeys("○◯◦", "o"),
    **dict.fromkeys("‘’‚ʼ′", "'"),
    **dict.fromkeys("“”„″«»", '"'),
    "◐": "-",
    "◌": "~", "·": "-", "…": ".", "✓": "v", "✔": "v", "✗": "x", "×": "x", "↳": ">", "→": ">",
    "←": "<", "↑": "^", "↓": "v", "▲": "^", "▼": "v", "▶": ">", "◀": "<", "░": ".", "▒": ":",
    "▓": "#", "ß": "s", "æ": "a", "Æ": "A", "ø": "o", "Ø": "O", "ł": "l", "Ł": "L", "đ": "d",
    "\xa0": " ",
}  # fmt: skip
_NAMES = {sign: name for name, sign in reversed(EMOJI.items())}
_PICTURE = (
    "[\U0001f000-\U0001faff\u2600-\u27bf\u2b00-\u2bff\u231a\u231b\u23e9-\u23fa]"
    "[\ufe0f\U0001f3fb-\U0001f3ff]*"
)
_EMOJI = re.compile(f"{_PICTURE}(?:\u200d{_PICTURE})*")


def named(text: str) -> str:
    """`text` with `:names:` in place of emoji."""
    return text if text.isascii() else _EMOJI.sub(_name, text)


def _name(found: re.Match[str]) -> str:
    sign = found[0]
    if sign in _SIGNS:
        return sign
    # Of several joined ones, the first says what it is.
    known = _NAMES.get(sign) or _NAMES.get(sign[0])
    if known is None:
        known = unicodedata.name(sign[0], "emoji").lower().replace(" ", "_").replace("-", "_")
    return f":{known}:"


def spelled(message: Message) -> Message:
    """A message whose text and reactions show no emoji."""
    reactions: dict[str, tuple[Author, ...]] = {}
    for emoji, authors in message.reactions.items():
        name = named(emoji)
        reactions[name] = (*reactions.get(name, ()), *authors)
    return replace(message, text=named(message.text), reactions=reactions)


@lru_cache(4096)
def flat(text: str) -> str:
    """`text` in ASCII, as many cells wide."""
    if text.isascii():
        return text
    width = width_of(text)
    made = "".join(map(_likeness, text))
    return made[:width].ljust(width)


def _likeness(character: str) -> str:
    if character.isascii():
        return character
    sign = _SIGNS.get(character)
    if sign is not None:
        return sign
    if unicodedata.category(character) in ("Mn", "Me", "Cf"):
        return ""
    letter = unicodedata.normalize("NFKD", character)[:1]
    if letter.isascii() and letter.isprintable():
        return letter.ljust(width_of(character))
    return "?" * width_of(character)


class AsciiFilter(LineFilter):
    """Makes every painted line ASCII."""

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        return [
            segment if segment.control or segment.text.isascii()
            else Segment(flat(segment.text), segment.style)
            for segment in segments
        ]  # fmt: skip
