"""What gossip needs to know of the roster, what it gives, and what it asks for."""

from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from chat.engine.ephemeral import AnyEphemeral, Signed


class Company(Protocol):
    """Who is in, by the roster as it is now."""

    def is_member(self, device: bytes) -> bool:
        """A device of a member."""

    def is_relay(self, device: bytes) -> bool:
        """A relay."""

    def member(self, device: bytes) -> bytes:
        """Whose device this is; it is one of the roster."""

    def sees(self, device: bytes, channel: bytes) -> bool:
        """Whether a member's device may see a channel."""


class Pass(NamedTuple):
    """Give this to a link, as an ephemeral payload."""

    link: int
    payload: bytes


class Shown(NamedTuple):
    """A member's device does something that is to be shown."""

    device: bytes
    said: AnyEphemeral


class OnlineChanged(NamedTuple):
    """`Gossip.online` gives something else now."""


class AwayChanged(NamedTuple):
    """`Gossip.away` gives something else now."""


Effect = Pass | Shown | OnlineChanged | AwayChanged


@dataclass(slots=True)
class Link:
    """A link to a device of the roster; `had` are the stamps of cards that passed on it."""

    device: bytes
    host: str
    introduced: bool = False
    had: dict[bytes, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Card:
    """A device that is online.

    Attributes:
        message: its `Here`, as it came.
        urls: where it accepts links.
        until: monotonic milliseconds.
        near: it came from its device and members all the way; otherwise a relay told of it.
        host: where the link it came by leads to.
    """

    message: Signed
    urls: tuple[str, ...]
    until: int
    near: bool
    host: str
