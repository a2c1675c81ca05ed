"""A node at the doors of its channels, whose links let somebody outside read.

What is said there is a machine's (`chat.guests.host`); here are its links, its clock, and which
doors are open. Members and relays do the same. A device that is not in (any more) opens none.
"""

from __future__ import annotations

import asyncio
import ipaddress
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from chat.effects import Send
from chat.errors import StoreError
from chat.guests.doors import Door, doors
from chat.guests.host import Host, HostEffect
from chat.node.team import Team, now
from chat.proofs.writing import excerpt
from transport.proto.closing import CloseCode
from transport.proto.hints import GUEST_CONTEXT, LinkSecret

if TYPE_CHECKING:
    from chat.links import LinkHandle

NETWORK_BITS = 64
"""Of IPv6 addresses whoever has one has as many as they like."""


class NodeGuests:
    """Links of guests of one node.

    Args:
        team: the workspace, once it is known.
    """

    def __init__(self, team: Callable[[], Team | None]) -> None:
        self._team = team
        self._host = Host(self._exported)
        self._links: dict[int, LinkHandle] = {}
        self._doors: tuple[bytes, tuple[Door, ...]] = (b"", ())
        self._timer: asyncio.TimerHandle | None = None

    def secrets(self) -> Sequence[LinkSecret]:
        """The doors that this device answers."""
        return [LinkSecret(door.key, GUEST_CONTEXT, "channel") for door in self._open_doors()]

    def up(self, handle: LinkHandle) -> None:
        """A guest's link is open."""
        self._links[handle.number] = handle
        for door in self._open_doors():
            if door.key == handle.secret.key:
                address = network_of(handle.host)
                self._carry_out(self._host.link_up(handle.number, *door, address, now().mono))
                return
        handle.close(CloseCode.GOING_AWAY)

    def receive(self, handle: LinkHandle, payload: bytes) -> None:
        """Something came on a guest's link. Raises StoreError."""
        self._carry_out(self._host.receive(handle.number, payload, now().mono))

    def down(self, handle: LinkHandle) -> None:
        """A guest's link is over."""
        del self._links[handle.number]
        self._host.link_down(handle.number)
        self._set_timer()

    def roster_grew(self) -> None:
        """Channels or their epochs may be others now: guests of what is closed go."""
        if self._links:
            self._carry_out(self._host.doors_changed({door.key for door in self._open_doors()}))

    def close(self) -> None:
        """The node ends."""
        if self._timer is not None:
            self._timer.cancel()

    # Inside -------------------------------------------------------------------------------------

    def _open_doors(self) -> tuple[Door, ...]:
        """As the roster stands; looked for once for each state of it, as every dial asks."""
        team = self._team()
        if team is None or team.workspace.level is None:
            return ()
        stands = team.workspace.roster.heads_hash
        if self._doors[0] != stands:
            self._doors = (stands, tuple(doors(team.workspace)))
        return self._doors[1]

    def _exported(self, channel: bytes, newest: int) -> Iterator[bytes]:
        team = self._team()
        assert team is not None, "there is no door before there is a workspace"
        return excerpt(team.workspace, channel, now().wall, newest)

    def _carry_out(self, effects: Iterable[HostEffect]) -> None:
        for effect in effects:
            handle = self._links.get(effect.link)
            if handle is None:
                continue
            if isinstance(effect, Send):
                handle.send(effect.kind, effect.priority, effect.payload)
            else:
                handle.close(CloseCode.REFUSED, effect.reason)
        self._set_timer()

    def _set_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        due = self._host.due()
        if due is not None:
            seconds = max(0, due - now().mono) / 1000
            self._timer = asyncio.get_running_loop().call_later(seconds, self._tick)

    def _tick(self) -> None:
        self._timer = None
        try:
            self._carry_out(self._host.tick(now().mono))
        except StoreError:
            for handle in list(self._links.values()):
                handle.close()  # Not theirs to mend; they ask somebody else, or again.


def network_of(host: str) -> str:
    """What one person's addresses have in common: an IPv4 address, or an IPv6 network."""
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return host
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is not None:
            return str(address.ipv4_mapped)
        return str(ipaddress.ip_network((address.packed, NETWORK_BITS), strict=False))
    return str(address)
