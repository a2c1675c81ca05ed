"""What can go wrong on a link.

    TransportError
    ├── RemoteFault            their bytes or their silence break a rule; costs the link only
    │   └── HandshakeRefused   one side will not talk to the other, and `reason` says why
    ├── LocalFault             our own misuse of this package: a bug on this side
    └── AddressFault           nobody answers at that address, or it is not one

Every error carries a machine-readable `reason` and a sentence. The sentence is ours: it never
repeats text that came from the other side.
"""

from enum import StrEnum


class Reason(StrEnum):
    """Why a link failed or never came to be. The values are stable: logs and `doctor` show them."""

    FORMAT = "format"
    """Bytes that no rule of the frame format allows."""
    OVERSIZED = "oversized"
    """A frame, message, payload or text beyond its limit."""
    DECRYPT = "decrypt"
    """A message that does not open: changed, replayed, reordered, or under another key."""
    PUBLIC_KEY = "public-key"
    """A Diffie-Hellman value that gives no secret (a low-order point)."""
    ORDER = "order"
    """A message at a moment when the protocol has none."""
    CREDIT = "credit"
    """More bulk bytes than were granted, or more credit than makes sense."""
    FLOOD = "flood"
    """More pings than we can have answers waiting for."""
    SILENT = "silent"
    """No answer within the time allowed."""
    VERSION = "version"
    """The link version is not one this build speaks."""
    NO_MATCH = "no-match"
    """No workspace or invite here answers to that hint."""
    SELF = "self"
    """The device at the other end is this one."""
    BUSY = "busy"
    """Too many connections at the moment."""
    UNREACHABLE = "unreachable"
    """No connection could be opened."""
    ADDRESS = "address"
    """Not an address a link can be dialled at."""
    MISUSE = "misuse"
    """A call that this package does not allow here."""
    QUEUE_FULL = "queue-full"
    """More waits to be sent on one link than a link may hold."""


class TransportError(Exception):
    """Root of this package's errors.

    Attributes:
        reason: for programs.
    """

    def __init__(self, reason: Reason, text: str) -> None:
        super().__init__(text)
        self.reason = reason


class RemoteFault(TransportError):
    """The other side broke a rule. The link is lost; it can be dialled again."""


class HandshakeRefused(RemoteFault):
    """The handshake was turned down, by us or by them, before any key was agreed."""


class LocalFault(TransportError):
    """This side used the package wrongly."""

    def __init__(self, text: str, reason: Reason = Reason.MISUSE) -> None:
        super().__init__(reason, text)


class AddressFault(TransportError):
    """An address cannot be dialled or listened at."""
