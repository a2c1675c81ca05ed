"""Which devices link directly, when too many are online for all to link with all. Pure.

Up to OVERLAY_MESH_MAX devices all link with all. Above that each *chooses* the few others that a
hash of both ids ranks highest for it (rendezvous hashing), and a link stands between two if either
chose the other. Nobody has to ask or to be told: who knows the same devices online comes to the
same links, and one device more or less changes only the choices it is part of.

What that gives, by tests/transport/test_overlay.py: with 200 devices each has some 12 links instead
of 199, five hops lead from anybody to everybody, and the rest stays connected when three in ten
vanish at once, before anybody has noticed. Views that differ for a moment cost a link more or less
on one side, never the connection of the whole.

Relays are no part of it. A few devices keep a link to each, again by hash: the *bridges*.
"""

from bisect import insort
from collections.abc import Collection, Iterable, Iterator
from hashlib import blake2b
from heapq import nlargest

from transport.proto.limits import (
    OVERLAY_BRIDGES,
    OVERLAY_CHOICES,
    OVERLAY_CHOICES_LARGE,
    OVERLAY_LARGE_FROM,
    OVERLAY_MESH_MAX,
)

_LABEL = b"x1.overlay"
_WEIGHT_BYTES = 8  # ties are broken by the id behind it

_Ranked = tuple[bytes, bytes]
"""A weight and the device that has it."""


class Overlay:
    """The devices that are online, and the links there should be between them.

    A device that comes costs one hash for each other; one that goes, for each that had chosen it,
    one hash for each other.
    """

    def __init__(self, devices: Iterable[bytes] = ()) -> None:
        self._rows: dict[bytes, list[_Ranked]] = {}
        """Of each device its highest, in ascending order."""
        for device in devices:
            self.come(device)

    def __len__(self) -> int:
        return len(self._rows)

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._rows)

    def __contains__(self, device: object) -> bool:
        return device in self._rows

    @property
    def is_mesh(self) -> bool:
        """Whether so few are online that all link with all."""
        return len(self._rows) <= OVERLAY_MESH_MAX

    def come(self, device: bytes) -> None:
        """A device is online."""
        if device in self._rows:
            return
        for other, row in self._rows.items():
            ranked = (_weight(other, device), device)
            if len(row) < OVERLAY_CHOICES_LARGE:
                insort(row, ranked)
            elif ranked > row[0]:
                row[0] = ranked
                row.sort()
        self._rows[device] = self._row(device)

    def go(self, device: bytes) -> None:
        """A device is online no more."""
        if self._rows.pop(device, None) is None:
            return
        for other, row in self._rows.items():
            if any(chosen == device for _, chosen in row):
                self._rows[other] = self._row(other)

    def follow(self, online: Collection[bytes]) -> bool:
        """Exactly these are online now; gives whether that is news."""
        gone = [device for device in self._rows if device not in online]
        come = [device for device in online if device not in self._rows]
        for device in gone:
            self.go(device)
        for device in come:
            self.come(device)
        return bool(gone or come)

    def are_linked(self, left: bytes, right: bytes) -> bool:
        """Whether there should be a link between two devices; the same seen from both."""
        if left == right or left not in self._rows or right not in self._rows:
            return False
        return self.is_mesh or right in self._choices(left) or left in self._choices(right)

    def neighbours(self, device: bytes) -> frozenset[bytes]:
        """Those that it should be linked with."""
        return frozenset(other for other in self._rows if self.are_linked(device, other))

    def _choices(self, device: bytes) -> list[bytes]:
        large = len(self._rows) >= OVERLAY_LARGE_FROM
        count = OVERLAY_CHOICES_LARGE if large else OVERLAY_CHOICES
        return [chosen for _, chosen in self._rows[device][-count:]]

    def _row(self, device: bytes) -> list[_Ranked]:
        ranked = ((_weight(device, each), each) for each in self._rows if each != device)
        return nlargest(OVERLAY_CHOICES_LARGE, ranked)[::-1]


def bridges(relay: bytes, devices: Collection[bytes]) -> frozenset[bytes]:
    """Those of the devices online that should be linked with a relay."""
    if len(devices) <= OVERLAY_MESH_MAX:
        return frozenset(devices)
    ranked = nlargest(OVERLAY_BRIDGES, ((_weight(relay, each), each) for each in devices))
    return frozenset(device for _, device in ranked)


def _weight(chooser: bytes, candidate: bytes) -> bytes:
    """How highly a device ranks another; uniform, and the same for whoever asks."""
    return blake2b(chooser + candidate, digest_size=_WEIGHT_BYTES, person=_LABEL).digest()
