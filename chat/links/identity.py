"""Who is at the other end of a link: what the handshake shows, and what the node makes of it."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Literal, NamedTuple

from transport.proto.hints import LinkSecret

if TYPE_CHECKING:
    from chat.links.handle import LinkHandle


class PeerHello(NamedTuple):
    """What a finished handshake shows of the other device.

    Attributes:
        static: its X25519 link key, proven.
        device: its device id, as it claims.
        secret: what the link was opened with, the workspace's or an invite's.
        relay: it says that it is a relay.
        initiator: this side dialled.
    """

    static: bytes
    device: bytes
    secret: LinkSecret
    relay: bool
    initiator: bool


class Identity(NamedTuple):
    """Who that is, by the roster.

    Attributes:
        known: a live device of the roster with exactly that link key. Otherwise it may do what
            newcomers may, on a link opened with an invite.
        relay: by the roster, or for strangers by their word.
    """

    device: bytes
    known: bool
    relay: bool = False


class Refusal(NamedTuple):
    """There will be no link; `reason` is a sentence that the other side is told as well."""

    reason: str


ContactState = Literal["linked", "dialling", "waiting"]


class Contact(NamedTuple):
    """One line of `clowder peers`.

    Attributes:
        handle: the link, while there is one.
        reason: why there is none, a sentence; empty before the first try.
    """

    url: str
    state: ContactState
    handle: "LinkHandle | None"
    reason: str


Identify = Callable[[PeerHello], Identity | Refusal]
