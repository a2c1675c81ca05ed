"""Why links end."""

from enum import IntEnum
from typing import NamedTuple


class CloseCode(IntEnum):
    """Codes 0..63 belong to the link, 64..255 to the application."""

    GOING_AWAY = 0
    """The device goes offline or no longer wants this link; dial again when it suits."""
    FAULT = 1
    """The other side broke a rule of the protocol."""
    DUPLICATE = 2
    """Another link to the same device stays."""
    REFUSED = 3
    """The other device may not talk here: unknown, or removed."""
    BUSY = 4
    """As many links as this device wants to hold."""
    TOO_SLOW = 5
    """More waited for this peer than a link may hold; what was not sent is still in the store."""
    LOST = 32
    """Never sent: the connection broke."""
    SILENT = 33
    """Never sent: no sign of life in time."""


class LinkEnd(NamedTuple):
    """How a link ended.

    Attributes:
        code: a `CloseCode`, or one of the application's.
        text: a sentence; when `by_peer`, it is theirs and to be sanitised before it is shown.
        by_peer: they said goodbye, not we.
    """

    code: int
    text: str
    by_peer: bool
