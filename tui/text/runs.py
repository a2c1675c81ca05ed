"""What a row of the timeline is made of: runs of text with a look, named and not yet coloured.

The pure half says *what* a piece is (a nick, a time, code); `timeline.paint` knows the theme and
says how that looks. So layout is tested without a terminal, and a theme change lays out nothing.
"""

from enum import Enum, IntFlag
from typing import NamedTuple


class Look(Enum):
    """The role of a piece of text; each has a component class in the timeline's style sheet."""

    TEXT = "text"
    NICK = "nick"
    TIME = "time"
    LATE = "late"
    DIM = "dim"
    RULE = "rule"
    DAY = "day"
    UNREAD = "unread"
    MENTION = "mention"
    CODE = "code"
    CODE_BLOCK = "code-block"
    CODE_WORD = "code-word"
    CODE_STRING = "code-string"
    CODE_NUMBER = "code-number"
    CODE_COMMENT = "code-comment"
    CODE_ADDED = "code-added"
    CODE_REMOVED = "code-removed"
    QUOTE = "quote"
    LINK = "link"
    FILE = "file"
    PROGRESS = "progress"
    REACTION = "reaction"
    MY_REACTION = "my-reaction"
    DONE = "done"
    WARNING = "warning"


class Emphasis(IntFlag):
    """Emphasis on top of a look."""

    NONE = 0
    BOLD = 1
    ITALIC = 2
    STRIKE = 4


class Run(NamedTuple):
    """A piece of one row.

    `hue` is a member id whose colour the run takes; `link` an address it points to.
    """

    text: str
    look: Look = Look.TEXT
    emphasis: Emphasis = Emphasis.NONE
    hue: str = ""
    link: str = ""


class PictureSlice(NamedTuple):
    """One row of a preview: two rows of pixels of the file's picture, `columns` wide."""

    file: str
    row: int
    columns: int
    rows: int
    indent: int


Row = tuple[Run, ...] | PictureSlice
"""One row of cells."""
