"""A link as the node holds it: the transport's, with who is there and what passed by kind."""

from collections import Counter

from chat.links.addresses import host_of
from chat.links.identity import Identity
from transport.net.link import Link
from transport.proto.closing import CloseCode
from transport.proto.hints import LinkSecret


class LinkHandle:
    """One link to one device, from `on_up` to `on_down`.

    Sending on a link that is over does nothing. `close` is followed by `on_down` in a later turn.

    Attributes:
        number: of this handle, never used again while the process lives.
        device: its id; proven when `known`, else a claim.
        known: a device of the roster; others are limited to the lobby.
        relay: it stores and holds no keys.
        url: what was dialled, or where the accepted link comes from.
        kind_bytes_in, kind_bytes_out: payload bytes by message kind.
        link: the transport's own.
    """

    def __init__(self, number: int, link: Link, identity: Identity, url: str) -> None:
        self.number = number
        self.link = link
        self.device = identity.device
        self.known = identity.known
        self.relay = identity.relay
        self.url = url
        self.kind_bytes_in: Counter[int] = Counter()
        self.kind_bytes_out: Counter[int] = Counter()

    def __repr__(self) -> str:
        return f"<link {self.number} to {self.device.hex()[:8]} at {self.url}>"

    @property
    def secret(self) -> LinkSecret:
        """What the link was opened with."""
        return self.link.secret

    @property
    def host(self) -> str:
        """Where the other end is, without its port."""
        return host_of(self.link.remote_address)

    @property
    def initiator(self) -> bool:
        """Whether this side dialled."""
        return self.link.initiator

    @property
    def is_closed(self) -> bool:
        """Whether the link is over; `on_down` may still be on its way."""
        return self.link.is_closed

    @property
    def bytes_in(self) -> int:
        """Frame bytes received."""
        return self.link.bytes_in

    @property
    def bytes_out(self) -> int:
        """Frame bytes sent."""
        return self.link.bytes_out

    @property
    def rtt(self) -> float | None:
        """The latest round trip in seconds."""
        return self.link.rtt

    def queued_bytes(self, priority: int) -> int:
        """Payload bytes of this priority not yet on the wire."""
        return self.link.queued_bytes(priority)

    def send(self, kind: int, priority: int, payload: bytes) -> None:
        """Queue a message.

        Raises:
            LocalFault: no such kind or priority, or the payload is too long for its kind.
        """
        if not self.link.is_closed:
            self.link.send(kind, priority, payload)
            self.kind_bytes_out[kind] += len(payload)

    def grant(self, size: int) -> None:
        """Say that `size` payload bytes of bulk messages are stored.

        Raises:
            LocalFault: more than was received.
        """
        self.link.grant(size)

    def close(self, code: int = CloseCode.GOING_AWAY, text: str = "") -> None:
        """End the link and tell the other side why.

        After `FAULT`, `REFUSED` or a code of the application the device is not dialled again
        before a cool-down.
        """
        self.link.close(code, text)
