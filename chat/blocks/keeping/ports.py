"""What the keeping of files is told and what it asks for. Times are monotonic milliseconds."""

from dataclasses import dataclass

from chat.blocks.messages import AskHolding, Holding


@dataclass(frozen=True, slots=True)
class PeerUp:
    """A link with this device is open."""

    peer: bytes


@dataclass(frozen=True, slots=True)
class PeerDown:
    """The last link with this device has ended."""

    peer: bytes


@dataclass(frozen=True, slots=True)
class Received:
    """A decoded message about who holds what."""

    peer: bytes
    message: AskHolding | Holding


@dataclass(frozen=True, slots=True)
class Came:
    """A file is whole here now."""

    root: bytes


@dataclass(frozen=True, slots=True)
class Went:
    """A file is no longer whole here: dropped, or damaged."""

    root: bytes


@dataclass(frozen=True, slots=True)
class Fetches:
    """A peer said that it fetches a file now, or no longer: WANT-ROOT and UNWANT."""

    peer: bytes
    root: bytes
    on: bool


@dataclass(frozen=True, slots=True)
class Census:
    """Ask every linked peer that has not said so which of these it holds."""

    roots: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Shed:
    """Make room.

    Attributes:
        files: (root, bytes) of what may be dropped, in the order in which it may go.
        needed: bytes to free.
        copies: others that hold a file which goes before those with fewer; at least 1.
    """

    files: tuple[tuple[bytes, int], ...]
    needed: int
    copies: int


@dataclass(frozen=True, slots=True)
class Tick:
    """The time of the last `WakeAt` has come."""


Input = PeerUp | PeerDown | Received | Came | Went | Fetches | Census | Shed | Tick


@dataclass(frozen=True, slots=True)
class SendTo:
    """Give a message to a peer."""

    peer: bytes
    message: AskHolding | Holding


@dataclass(frozen=True, slots=True)
class Drop:
    """Drop this file now, before the next input; it is answered by `Went`.

    Who carries this out may still decide not to (the user keeps it since), and says nothing then.
    """

    root: bytes


@dataclass(frozen=True, slots=True)
class ShedEnded:
    """An attempt to make room is over; `freed` bytes of what was needed were dropped.

    `refused`: somebody else asked about the same file at the same time; try again after a while.
    """

    freed: int
    refused: bool


@dataclass(frozen=True, slots=True)
class WakeAt:
    """Give a `Tick` at this time; a later `WakeAt` replaces it."""

    at: float


Effect = SendTo | Drop | ShedEnded | WakeAt
