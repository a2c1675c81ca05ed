"""What the engine asks the world to do. The shell commits the store, then carries these out.

Times are milliseconds. A link is the shell's number for one connection.
"""

from dataclasses import dataclass

from chat.events import Event

KIND_SYNC = 1
KIND_BLOCKS = 2
KIND_LOBBY = 3
KIND_EPHEMERAL = 4
"""Payload kinds on a link; docs/protocol/README.md lists them."""

PRIORITY_LIVE = 0
PRIORITY_PAGE = 1
PRIORITY_BACKFILL = 3
PRIORITY_BLOCKS = 4


@dataclass(frozen=True, slots=True)
class Send:
    """Give a payload to a link."""

    link: int
    kind: int
    priority: int
    payload: bytes


@dataclass(frozen=True, slots=True)
class CloseLink:
    """End a link; `reason` is a sentence for the log and the other side."""

    link: int
    reason: str


@dataclass(frozen=True, slots=True)
class Emit:
    """Tell the face."""

    event: Event


@dataclass(frozen=True, slots=True)
class WakeAt:
    """Call `tick` at this monotonic time."""

    at: int


@dataclass(frozen=True, slots=True)
class StoreBlock:
    """Write a block; then give the engine `BlockWritten`."""

    cid: bytes
    data: bytes


@dataclass(frozen=True, slots=True)
class ReadBlock:
    """Read a block; then give the engine `BlockLoaded` with the same request."""

    request: int
    cid: bytes


@dataclass(frozen=True, slots=True)
class NotesArrived:
    """A channel's notes log grew; replay it in the notes worker."""

    channel: bytes


@dataclass(frozen=True, slots=True)
class ViewChanged:
    """Something small that the shell turns into an event at its own pace.

    `what` is one of "channels", "members", "status", "transfers".
    """

    what: str


@dataclass(frozen=True, slots=True)
class SecretsChanged:
    """The keys this node answers links for changed: an invite was made, used or ran out."""


Effect = (
    Send
    | CloseLink
    | Emit
    | WakeAt
    | StoreBlock
    | ReadBlock
    | NotesArrived
    | ViewChanged
    | SecretsChanged
)
