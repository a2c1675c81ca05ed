"""What the rows of a message depend on besides the message, and how wide they are."""

from bisect import bisect_left
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import NamedTuple

from chat.model import Message
from tui.limits import TEXT_MEASURE_COLUMNS
from tui.text.moments import Calendar

GUTTER = 8
"""Columns before the text: a space, `09:41`, two spaces."""
WIDE_FROM = 70
"""From this width on, delivery is spelled out."""
TEXT_COLUMNS_MIN = 8


class Progress(NamedTuple):
    """How far a file's transfer is: the share that is here and a word to it."""

    share: float
    text: str


class Frame(NamedTuple):
    """What rows depend on besides the message.

    Attributes:
        width: columns of the timeline.
        unread_from: the first message that is new to the reader; "" when none is.
        me: this member's id.
        parent: the message with an id, when it is at hand.
        progress: how far a file's transfer is, None without one.
        now: when the timeline was opened, for names of days.
        small: the view has few rows, so previews are small.
        root: the first message of the thread that is shown; its replies need not say so.
        ascii: emoji are spelled.
        opened: ids of folded messages that the reader opened.
        gaps: places behind what is closed to the reader, in order.
    """

    width: int
    calendar: Calendar
    unread_from: str = ""
    me: str = ""
    pictures: bool = True
    parent: Callable[[str], Message | None] = lambda _: None
    progress: Callable[[str], Progress | None] = lambda _: None
    now: int = 0
    small: bool = False
    root: str = ""
    ascii: bool = False
    opened: frozenset[str] = frozenset()
    gaps: tuple[str, ...] = ()

    def parted(self, message: Message, previous: Message | None) -> bool:
        """Whether something that is closed to the reader was said between the two."""
        return previous is not None and parted(self.gaps, previous, message)

    def folds(self, message: Message) -> bool:
        """Whether one line stands in place of a message."""
        return bool(message.folded) and message.id not in self.opened


def parted(gaps: Sequence[str], previous: Message, message: Message) -> bool:
    """Whether one of the places, which are in order, is between two messages."""
    return bisect_left(gaps, previous.order) < bisect_left(gaps, message.order)


@lru_cache(64)
def text_width(width: int, mine: bool) -> int:
    """Columns of running text in a timeline of `width` columns."""
    room = min(width - GUTTER - 1, TEXT_MEASURE_COLUMNS)
    return max(room - delivery_width(width) if mine else room, TEXT_COLUMNS_MIN)


def delivery_width(width: int) -> int:
    """Columns kept free at the right of own messages: ` 12 of 15` or ` 12/15`."""
    return 10 if width >= WIDE_FROM else 6
