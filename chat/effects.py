"""What the engine asks the world to do. The shell commits the store, then carries these out.

Times are milliseconds. A link is the shell's number for one connection.
"""

from dataclasses import dataclass
from typing import Literal

from crdt.ops import FileInfo

KIND_SYNC = 1
KIND_BLOCKS = 2
KIND_LOBBY = 3
KIND_EPHEMERAL = 4
KIND_GUEST = 5
KIND_NEARBY = 7
"""Payload kinds on a link; docs/protocol/README.md lists them."""

PRIORITY_LIVE = 0
"""What is small and waited for: lobby, cursors, typing. Sync and blocks choose their own."""
PRIORITY_GUEST = 5
"""What somebody outside reads comes behind everything that members do."""

View = Literal["channels", "members", "status", "transfers"]


@dataclass(frozen=True, slots=True)
class Send:
    """Give a payload to a link."""

    link: int
    kind: int
    priority: int
    payload: bytes


@dataclass(frozen=True, slots=True)
class CloseLink:
    """End a link; `reason` is a sentence for the log and the other side.

    With `parting`, what was sent before still goes out: whoever was removed is told so.
    """

    link: int
    reason: str
    parting: bool = False


@dataclass(frozen=True, slots=True)
class Grant:
    """Bulk payload bytes of a link are stored: it may send as much again."""

    link: int
    size: int


@dataclass(frozen=True, slots=True)
class WakeAt:
    """Call `tick` at this monotonic time; replaces every earlier one."""

    at: int


@dataclass(frozen=True, slots=True)
class MessageTouched:
    """A message is new here, or what is shown of it changed."""

    channel: bytes
    message: bytes
    new: bool


@dataclass(frozen=True, slots=True)
class FilesNamed:
    """A message that just came in carries these files."""

    files: tuple[FileInfo, ...]


@dataclass(frozen=True, slots=True)
class NotesArrived:
    """A channel's notes log grew; replay it in the notes worker.

    With `anew`, all of it: something in it that counted does not any more, or the other way.
    """

    channel: bytes
    anew: bool = False


@dataclass(frozen=True, slots=True)
class ChannelRemade:
    """All of a channel was read anew: messages that were shown may be gone."""

    channel: bytes


@dataclass(frozen=True, slots=True)
class ReachGrew:
    """Own entries of this channel are known to be held by more devices."""

    channel: bytes


@dataclass(frozen=True, slots=True)
class ViewChanged:
    """Something small that the shell turns into an event at its own pace."""

    what: View


@dataclass(frozen=True, slots=True)
class RosterGrew:
    """Who is in, or which invites are open, changed: look again at links and doors."""


Effect = (
    Send
    | CloseLink
    | Grant
    | WakeAt
    | MessageTouched
    | FilesNamed
    | NotesArrived
    | ChannelRemade
    | ReachGrew
    | ViewChanged
    | RosterGrew
)
