"""Who is online, and which of them this device should be linked with. Pure.

`transport.proto.overlay` says which links there should be between members. Here that meets what is
so: links that stand, targets of which nobody knows whom they lead to, relays, and devices known
through a relay alone, which are dialled whatever the overlay says, since they may be in another
building with nobody else to link with.

Links beyond those are let go, slowly, by either side, and only where the wanted ones stand; links
that a person asked for are kept.
"""

from collections.abc import Collection, Mapping
from typing import NamedTuple

from chat.links.limits import LET_GO_ABOVE, LET_GO_AFTER_SECONDS, MESH_LINKS_MAX
from chat.links.targets import Target
from transport.proto.limits import OVERLAY_CHOICES
from transport.proto.overlay import Overlay, bridges


class Whereabouts(NamedTuple):
    """A device of the roster that is online.

    Attributes:
        urls: where it can be dialled.
        relay: it stores and holds no keys.
        near: known from members; otherwise a relay told of it.
    """

    urls: tuple[str, ...]
    relay: bool
    near: bool


class Standing(NamedTuple):
    """A link that stands.

    Attributes:
        since: when it came, in seconds.
        kept: somebody asked for it, or it is busy.
    """

    device: bytes
    relay: bool
    since: float
    kept: bool


class Neighbours:
    """Whom one device links with.

    Args:
        own: its id.
        relay: it is a relay, and links with whoever wants to.
    """

    def __init__(self, own: bytes, *, relay: bool) -> None:
        self._own = own
        self._relay = relay
        self._overlay = Overlay([own])
        self._relays: frozenset[bytes] = frozenset()
        self._claims: dict[str, list[bytes]] = {}

    def follow(self, online: Mapping[bytes, Whereabouts], linked: Mapping[bytes, bool]) -> None:
        """These are online, and these are linked, with whether they are relays."""
        told = {device for device, where in online.items() if where.relay}
        self._relays = frozenset(told | {device for device, relay in linked.items() if relay})
        near = {device for device, where in online.items() if where.near}
        members = ((near | linked.keys()) - self._relays) | {self._own}
        self._overlay.follow(members)
        self._claims = {}
        for device, where in online.items():
            for url in where.urls:
                self._claims.setdefault(url, []).append(device)

    def wants(self, device: bytes) -> bool:
        """Whether there should be a link to a device of the roster."""
        if self._relay or self._overlay.is_mesh:
            return True
        if device in self._relays:
            return self._own in bridges(device, self._overlay)
        # Who is not near is worth a dial all the same, and finds its place when it is linked.
        return device not in self._overlay or self._overlay.are_linked(self._own, device)

    def wants_target(self, target: Target, links: int) -> bool:
        """Whether a target is worth a dial while so many links stand."""
        if target.asked:
            return True
        if links >= MESH_LINKS_MAX:
            return False
        if target.device is not None:
            return self.wants(target.device)
        # Whom it leads to nobody knows; those who say that they listen there are asked for it.
        claimants = [each for url in target.urls for each in self._claims.get(url, ())]
        return not claimants or any(self.wants(each) for each in claimants)

    def surplus(self, standing: Collection[Standing], now: float) -> bytes | None:
        """A device whose link is to be let go now."""
        if self._relay or len(self._overlay) <= LET_GO_ABOVE:
            return None
        wanted = sum(not each.relay and self.wants(each.device) for each in standing)
        if wanted < OVERLAY_CHOICES:
            return None
        for each in standing:
            stood = now - each.since >= LET_GO_AFTER_SECONDS
            if stood and not each.kept and not self.wants(each.device):
                return each.device
        return None
