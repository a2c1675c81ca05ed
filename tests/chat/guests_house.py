"""Guests and hosts in memory: both machines with nothing but a list of effects between them."""

import io
from collections.abc import Callable, Iterator, Sequence

from chat.effects import CloseLink, Send
from chat.guests.channel_link import ChannelLink
from chat.guests.doors import doors, link_to
from chat.guests.host import Host
from chat.guests.messages import AnyGuest, decode
from chat.guests.visit import Anew, Took, Visit, VisitEffect, Whole
from chat.proofs.checking import Checker, check
from chat.proofs.exported import EpochKey
from chat.proofs.writing import excerpt
from tests.chat.engine_team import START_MS, Desk, seeded

Changed = Callable[[bytes], bytes]
"""What a host that lies makes of a file."""


class Door:
    """A desk that answers guests, as its node does; `lie` changes what it gives."""

    def __init__(self, desk: Desk, lie: Changed | None = None) -> None:
        self.desk = desk
        self.lie = lie
        self.host = Host(self.exported)

    def exported(self, channel: bytes, newest: int) -> Iterator[bytes]:
        pieces = excerpt(self.desk.workspace, channel, START_MS, newest)
        return pieces if self.lie is None else iter([self.lie(b"".join(pieces))])

    def channel_of(self, link: ChannelLink) -> bytes | None:
        """Whom the link's door is of; None when it is not answered."""
        open_doors = {door.key: door.channel for door in doors(self.desk.workspace)}
        return open_doors.get(link.door.key)


def link_of(desk: Desk, channel: str) -> ChannelLink:
    return link_to(desk.workspace, desk.workspace.find_channel(channel), ())


def said(effects: Sequence[Send | CloseLink]) -> list[AnyGuest]:
    """The messages among a machine's effects."""
    return [decode(effect.payload) for effect in effects if isinstance(effect, Send)]


def fetched(link: ChannelLink, *hosts: Door, newest: int = 0) -> bytes | None:
    """The file that the first host gives that says it is whole; None when there is none."""
    visit, data, now = Visit(newest), bytearray(), 1_000
    to_host: list[tuple[int, bytes]] = []
    to_guest: list[tuple[int, bytes]] = []
    whole = False

    def carry_out(effects: Sequence[VisitEffect]) -> None:
        nonlocal whole
        for effect in effects:
            if isinstance(effect, Took):
                data.extend(effect.data)
            elif isinstance(effect, Anew):
                data.clear()
            elif isinstance(effect, Whole):
                whole = True
            elif isinstance(effect, Send):
                to_host.append((effect.link, effect.payload))

    for number, door in enumerate(hosts):
        channel = door.channel_of(link)
        if channel is not None:
            assert door.host.link_up(number, link.door.key, channel, "10.0.0.9", now) == []
            carry_out(visit.link_up(number, now))
    while not whole and (to_host or to_guest):
        while to_host:
            number, payload = to_host.pop(0)
            for effect in hosts[number].host.receive(number, payload, now):
                assert isinstance(effect, Send), effect
                to_guest.append((number, effect.payload))
        while to_guest and not whole:
            carry_out(visit.receive(*to_guest.pop(0), now))
    return bytes(data) if whole else None


def judged(link: ChannelLink, data: bytes) -> Checker:
    """What the guest makes of a file."""
    known = EpochKey(link.epoch, link.key) if link.key else None
    return check(io.BytesIO(data), seeded("guest"), known)


def read(link: ChannelLink, *hosts: Door, newest: int = 0) -> list[str]:
    """The texts that a guest reads, from a file without faults."""
    data = fetched(link, *hosts, newest=newest)
    assert data is not None
    with judged(link, data) as checker:
        assert checker.proof().faults == ()
        since = checker.complete_since(link.channel) if newest else 0
        return [message.text for message in checker.messages(link.channel, since)]
