"""Whoever holds a channel, at its door: a pure machine that answers guests.

A guest asks once, and is given an export part by part, as fast as it takes them and no faster than
all guests together may. It changes nothing here: of what it can say, only numbers are read.

What guests can cost is bounded: how many there are, in all and of one address; bytes by second for
all, and by hour for an address; time. Beginning an answer counts as bytes, too. Who is refused is
told so; who breaks a rule loses the link. When a door closes, its guests go.
"""

from collections import OrderedDict
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field

from chat.effects import CloseLink, Send
from chat.guests.limits import (
    ADDRESS_MS,
    ADDRESSES_MAX,
    ASK_COST_BYTES,
    BURST_BYTES,
    BYTES_PER_ADDRESS_MAX,
    BYTES_PER_SECOND,
    GUESTS_MAX,
    GUESTS_PER_ADDRESS_MAX,
    IDLE_MS,
    PART_MAX_BYTES,
    VISIT_MS,
    WINDOW_PARTS,
)
from chat.guests.messages import (
    BUSY,
    CLOSED,
    NEWER,
    VERSION,
    GuestAsk,
    GuestEnd,
    GuestMore,
    GuestPart,
    answer,
    decode,
)
from crdt.errors import Invalid, TooNew

HostEffect = Send | CloseLink
Exported = Callable[[bytes, int], Iterator[bytes]]
"""`exported(channel, newest)`: an export of a channel's newest entries, 0 for all, in pieces."""


@dataclass(eq=False)
class _Visit:
    """One guest's link: which door, from where, since when, and how far it is."""

    link: int
    door: bytes
    channel: bytes
    address: str
    since: int
    heard: int
    parts: Iterator[bytes] | None = None
    room: int = WINDOW_PARTS
    ended: bool = False


@dataclass
class _Spent:
    """What an address had of this hour's bytes."""

    since: int
    size: int = 0


@dataclass
class _Bucket:
    """Bytes that may go to guests now; refilled with the time."""

    at: int
    size: int = field(default=BURST_BYTES)

    def fill(self, now: int) -> None:
        gained = (now - self.at) * BYTES_PER_SECOND // 1000
        if gained > 0:
            self.at, self.size = now, min(BURST_BYTES, self.size + gained)

    def ready_at(self) -> int:
        """When it is not empty any more."""
        return self.at + max(1, (1 - self.size) * 1000 // BYTES_PER_SECOND + 1)


class Host:
    """Answers at doors; times are monotonic milliseconds.

    Args:
        exported: what a guest is given.
    """

    def __init__(self, exported: Exported) -> None:
        self._exported = exported
        self._visits: dict[int, _Visit] = {}
        self._spent: OrderedDict[str, _Spent] = OrderedDict()
        self._bucket = _Bucket(0)

    def __len__(self) -> int:
        """How many guests there are."""
        return len(self._visits)

    def link_up(
        self, link: int, door: bytes, channel: bytes, address: str, now: int
    ) -> list[HostEffect]:
        """A link was opened with a channel's door, from this address or network."""
        here = sum(visit.address == address for visit in self._visits.values())
        if len(self._visits) >= GUESTS_MAX or here >= GUESTS_PER_ADDRESS_MAX:
            return [answer(link, GuestEnd(BUSY)), CloseLink(link, "too many guests at once")]
        self._visits[link] = _Visit(link, door, channel, address, now, now)
        return []

    def link_down(self, link: int) -> None:
        """A guest's link ended."""
        self._visits.pop(link, None)

    def receive(self, link: int, payload: bytes, now: int) -> list[HostEffect]:
        """What a guest says."""
        visit = self._visits.get(link)
        if visit is None:
            return []
        visit.heard = now
        try:
            message = decode(payload)
            if isinstance(message, GuestAsk):
                return self._begin(visit, message, now)
            if not isinstance(message, GuestMore):
                raise Invalid("a guest does not give, and does not end")
            if visit.parts is None or visit.room + message.parts > WINDOW_PARTS:
                raise Invalid("a guest took parts that it was not given")
            visit.room += message.parts
            return self._serve(now)
        except TooNew:
            return []
        except Invalid as error:
            del self._visits[link]
            return [CloseLink(link, str(error))]

    def doors_changed(self, doors: Collection[bytes]) -> list[HostEffect]:
        """These doors are open; guests of others go."""
        gone = [visit for visit in self._visits.values() if visit.door not in doors]
        effects: list[HostEffect] = []
        for visit in gone:
            del self._visits[visit.link]
            effects += [answer(visit.link, GuestEnd(CLOSED)), CloseLink(visit.link, "closed")]
        return effects

    def tick(self, now: int) -> list[HostEffect]:
        """Time has passed: who waited for bytes gets some, who does nothing goes."""
        over = [visit for visit in self._visits.values() if now >= self._ends_at(visit)]
        for visit in over:
            del self._visits[visit.link]
        gone = [CloseLink(visit.link, "a guest's time is over") for visit in over]
        return [*gone, *self._serve(now)]

    def due(self) -> int | None:
        """When `tick` is to be called again; None without guests."""
        times = [self._ends_at(visit) for visit in self._visits.values()]
        if any(self._waits(visit) for visit in self._visits.values()):
            times.append(self._bucket.ready_at())
        return min(times, default=None)

    # Inside -------------------------------------------------------------------------------------

    def _begin(self, visit: _Visit, ask: GuestAsk, now: int) -> list[HostEffect]:
        if visit.parts is not None or visit.ended:
            raise Invalid("a guest asks once")
        if ask.version != VERSION:
            visit.ended = True
            return [answer(visit.link, GuestEnd(NEWER))]
        if not self._pay(visit, ASK_COST_BYTES, now):
            visit.ended = True
            return [answer(visit.link, GuestEnd(BUSY))]
        visit.parts = _parts(self._exported(visit.channel, ask.newest))
        return self._serve(now)

    def _serve(self, now: int) -> list[HostEffect]:
        """Give what guests have room for and all of them together may have now: one part at a
        time, to whoever waits since longest, so that a fast one has no more than a slow one."""
        effects: list[HostEffect] = []
        self._bucket.fill(now)
        while self._bucket.size > 0:
            visit = next(filter(self._waits, self._visits.values()), None)
            if visit is None:
                break
            self._visits[visit.link] = self._visits.pop(visit.link)
            assert visit.parts is not None
            part = next(visit.parts, b"")
            if part and self._pay(visit, len(part), now):
                visit.heard, visit.room = now, visit.room - 1
                effects.append(answer(visit.link, GuestPart(part)))
            else:
                visit.ended = True
                effects.append(answer(visit.link, GuestEnd(BUSY if part else "")))
        return effects

    def _waits(self, visit: _Visit) -> bool:
        """Whether a guest could take more now."""
        return visit.parts is not None and not visit.ended and visit.room > 0

    def _ends_at(self, visit: _Visit) -> int:
        return min(visit.heard + IDLE_MS, visit.since + VISIT_MS)

    def _pay(self, visit: _Visit, size: int, now: int) -> bool:
        """Count bytes; False when the guest's address had all of this hour's."""
        self._bucket.fill(now)
        spent = self._spent.get(visit.address)
        if spent is None or now - spent.since >= ADDRESS_MS:
            spent = self._spent[visit.address] = _Spent(now)
            self._spent.move_to_end(visit.address)
            if len(self._spent) > ADDRESSES_MAX:
                self._spent.popitem(last=False)
        if spent.size + size > BYTES_PER_ADDRESS_MAX:
            return False
        spent.size += size
        self._bucket.size -= size
        return True


def _parts(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """The same bytes in parts of the size in which they travel."""
    waiting = bytearray()
    for piece in pieces:
        waiting += piece
        while len(waiting) >= PART_MAX_BYTES:
            yield bytes(waiting[:PART_MAX_BYTES])
            del waiting[:PART_MAX_BYTES]
    if waiting:
        yield bytes(waiting)
