"""Which links to a device stand, and the one of them that counts. Pure.

Of two links to one device one is closed by its own initiator (`transport.proto.duplicates`), and
the node sees one at a time: `Opened` and `Ended` alternate for a device, so what runs on a link
begins and ends with it. When a second link is established, either

- it is ours to close one: done at once. If the older goes, its end is told before the newer's
  beginning; if the newer goes, the node never hears of it;
- or the other side's: the newer is *parked*. What arrives on it waits. Usually one of the two is
  closed within a round trip, and if it is the parked one the node never hears of it. But the
  other side may have lost the older without this side's knowing; so the older is asked for a
  sign of life (`Doubted`), and without one it makes way.

Links opened with an invite stand beside those of the workspace and have no part in this: they
are for one conversation, and whoever leads it closes them.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Generic, NamedTuple, TypeVar

from chat.links.limits import PARKED_MAX
from transport.proto.duplicates import Surplus, surplus_link


class Place(NamedTuple):
    """Of links at one place only one counts.

    Attributes:
        static: the link key of the device; strangers may claim the same device id.
        lobby: opened with an invite.
    """

    device: bytes
    static: bytes
    lobby: bool


LinkT = TypeVar("LinkT")


@dataclass(frozen=True, slots=True)
class Opened(Generic[LinkT]):
    """The link counts from now on."""

    link: LinkT


@dataclass(frozen=True, slots=True)
class Ended(Generic[LinkT]):
    """The link that counted does so no more."""

    link: LinkT


@dataclass(frozen=True, slots=True)
class Closing(Generic[LinkT]):
    """Close this one as a duplicate."""

    link: LinkT


@dataclass(frozen=True, slots=True)
class Doubted(Generic[LinkT]):
    """Ask this one for a sign of life; without one, say `silent`."""

    link: LinkT


Verdict = Opened[LinkT] | Ended[LinkT] | Closing[LinkT] | Doubted[LinkT]


@dataclass(slots=True)
class _Standing(Generic[LinkT]):
    """The link that counts, and later ones, oldest first; with whether this side dialled."""

    active: LinkT
    ours: bool
    parked: list[tuple[LinkT, bool]] = field(default_factory=list)

    def promote(self) -> LinkT:
        """Let the newest parked one count."""
        self.active, self.ours = self.parked.pop()
        return self.active


class Standings(Generic[LinkT]):
    """All links of one device, by place.

    Args:
        own_id: of this device, 32 bytes.
    """

    def __init__(self, own_id: bytes) -> None:
        self._own_id = own_id
        self._places: dict[Place, _Standing[LinkT]] = {}

    def __len__(self) -> int:
        return len(self._places)

    def active(self, place: Place) -> LinkT | None:
        """The link that counts there."""
        standing = self._places.get(place)
        return None if standing is None else standing.active

    def parked(self, place: Place) -> int:
        """How many wait there."""
        standing = self._places.get(place)
        return 0 if standing is None else len(standing.parked)

    def arrived(self, place: Place, link: LinkT, *, ours: bool) -> Sequence[Verdict[LinkT]]:
        """A link was established; `ours` if this side dialled."""
        standing = self._places.get(place)
        if standing is None:
            self._places[place] = _Standing(link, ours)
            return [Opened(link)]

        def surplus(older_is_ours: bool) -> Surplus:
            return surplus_link(
                self._own_id, place.device, older_is_ours=older_is_ours, newer_is_ours=ours
            )

        if surplus(standing.ours) is Surplus.NEWER:
            return [Closing(link), Doubted(standing.active)]
        verdicts: list[Verdict[LinkT]] = []
        for older, older_is_ours in list(standing.parked):
            if surplus(older_is_ours) is Surplus.OLDER:
                standing.parked.remove((older, older_is_ours))
                verdicts.append(Closing(older))
        if surplus(standing.ours) is Surplus.OLDER:
            older = standing.active
            standing.active, standing.ours = link, ours
            return [*verdicts, Ended(older), Closing(older), Opened(link)]
        standing.parked.append((link, ours))
        if len(standing.parked) > PARKED_MAX:
            verdicts.append(Closing(standing.parked.pop(0)[0]))
        return [*verdicts, Doubted(standing.active)]

    def ended(self, place: Place, link: LinkT) -> Sequence[Verdict[LinkT]]:
        """A link is over; one that does not stand here any more is no news."""
        standing = self._places.get(place)
        if standing is None:
            return []
        if standing.active is not link:
            standing.parked = [pair for pair in standing.parked if pair[0] is not link]
            return []
        if standing.parked:
            return [Ended(link), Opened(standing.promote())]
        del self._places[place]
        return [Ended(link)]

    def silent(self, place: Place, link: LinkT) -> Sequence[Verdict[LinkT]]:
        """The link in doubt gave no sign of life: a parked one takes its place."""
        standing = self._places.get(place)
        if standing is None or standing.active is not link or not standing.parked:
            return []
        return [Ended(link), Closing(link), Opened(standing.promote())]

    def settled(self, place: Place, link: LinkT) -> Sequence[Verdict[LinkT]]:
        """The link in doubt is alive after all, and nobody closed the parked ones: they go."""
        standing = self._places.get(place)
        if standing is None or standing.active is not link:
            return []
        parked, standing.parked = standing.parked, []
        return [Closing(each) for each, _ in parked]
