"""What the exchange is told and what it asks for. Times are monotonic milliseconds.

A peer is any bytes that name a linked device. Every `ReadBlock` and `FindBlocks` is answered once,
by the input with the same request number; every `StoreBlock` by one `BlockStored`; every
`SendTo` of a `Block` by one `BlockSent` when its last byte has left for the link (or `PeerDown`).
"""

from dataclasses import dataclass, field

from chat.blocks.messages import Message


@dataclass(frozen=True, slots=True)
class Want:
    """Fetch this file until it is whole.

    Attributes:
        size: plaintext bytes that the message names; a manifest of another size fails the file.
        limit: largest plaintext size to accept, for who cannot know it (relays).
        prefetch: nobody waits for it.
        manifest: the root manifest, when it came along with the message.
        in_order: it is used from its beginning while it comes; what is lacking first is asked for
            first. A later wish for the same file can ask for that, too.
    """

    root: bytes
    size: int | None = None
    limit: int | None = None
    prefetch: bool = False
    manifest: bytes | None = field(default=None, repr=False)
    in_order: bool = False


@dataclass(frozen=True, slots=True)
class Stop:
    """Fetch this file no more. What is here stays and is served."""

    root: bytes


@dataclass(frozen=True, slots=True)
class Hold:
    """This file is whole here (just put): tell who asked, and offer it to relays."""

    root: bytes
    size: int


@dataclass(frozen=True, slots=True)
class PeerUp:
    """A link with this device is open."""

    peer: bytes
    relay: bool = False


@dataclass(frozen=True, slots=True)
class PeerDown:
    """The last link with this device has ended."""

    peer: bytes


@dataclass(frozen=True, slots=True)
class Received:
    """A decoded message."""

    peer: bytes
    message: Message


@dataclass(frozen=True, slots=True)
class BlockStored:
    """A block is on disk; or the disk refused (`failure`, a sentence), or its bytes are `wrong`."""

    cid: bytes
    failure: str | None = None
    wrong: bool = False


@dataclass(frozen=True, slots=True)
class BlockRead:
    """The block, or None when it is not here."""

    request: int
    data: bytes | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class BlocksFound:
    """Those of the asked ids that are here."""

    request: int
    cids: frozenset[bytes]


@dataclass(frozen=True, slots=True)
class BlockSent:
    """The last byte of this block has left for the peer's link."""

    peer: bytes
    cid: bytes


@dataclass(frozen=True, slots=True)
class FileGone:
    """Blocks of this file were deleted here; what is left is read anew when somebody asks."""

    root: bytes


@dataclass(frozen=True, slots=True)
class Tick:
    """The time of the last `WakeAt` has come."""


Input = (
    Want
    | Stop
    | Hold
    | PeerUp
    | PeerDown
    | Received
    | BlockStored
    | BlockRead
    | BlocksFound
    | BlockSent
    | FileGone
    | Tick
)


@dataclass(frozen=True, slots=True)
class SendTo:
    """Give a message to a peer. Priority 4 for what somebody waits for, 5 for prefetching."""

    peer: bytes
    message: Message
    priority: int


@dataclass(frozen=True, slots=True)
class StoreBlock:
    """Write a block durably, unless its bytes are not what its id names.

    Hashing is left to the threads that write: it would take a fifth of the one that speaks.
    """

    cid: bytes
    data: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class ReadBlock:
    """Read a block; an absent or damaged one is None."""

    request: int
    cid: bytes


@dataclass(frozen=True, slots=True)
class FindBlocks:
    """Say which of these blocks are here, without reading them."""

    request: int
    cids: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a wanted file is.

    Attributes:
        done, total: plaintext bytes; total is 0 until it is known.
        sources: (peer, sealed bytes) that each holder gave so far.
        holders: peers that hold some of it now.
    """

    root: bytes
    done: int
    total: int
    sources: tuple[tuple[bytes, int], ...]
    holders: int


@dataclass(frozen=True, slots=True)
class Complete:
    """Every block of a wanted file is on disk."""

    root: bytes


@dataclass(frozen=True, slots=True)
class Failed:
    """A wanted file cannot be had; `reason` is a sentence. It is no longer wanted."""

    root: bytes
    reason: str


@dataclass(frozen=True, slots=True)
class SourceDropped:
    """A peer broke a rule about this file and is not asked for it any more."""

    root: bytes
    peer: bytes
    reason: str


@dataclass(frozen=True, slots=True)
class RootHeard:
    """A peer offers (`size` known) or wants (`size` None) a file that is not whole here.

    A relay answers with `Want(root, limit=..., prefetch=True)`.
    """

    root: bytes
    peer: bytes
    size: int | None


@dataclass(frozen=True, slots=True)
class WakeAt:
    """Give a `Tick` at this time; a later `WakeAt` replaces it."""

    at: int


Effect = (
    SendTo
    | StoreBlock
    | ReadBlock
    | FindBlocks
    | Progress
    | Complete
    | Failed
    | SourceDropped
    | RootHeard
    | WakeAt
)
