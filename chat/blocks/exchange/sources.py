"""What is known of the peers that blocks come from: how quick, how busy, what they hold.

`Source` is a linked peer, across all files; `Holder` is that peer for one file.
"""

import heapq
from dataclasses import dataclass, field

from chat.blocks.limits import (
    LATE_MAX,
    OUTSTANDING_MAX,
    OUTSTANDING_PER_HOLDER,
    RETRY_MIN_MS,
    STRIKE_MAX_MS,
    STRIKE_MS,
)

_GAP_WEIGHT = 0.125  # how much one arrival moves the smoothed distance between arrivals


@dataclass(slots=True)
class Source:
    """A linked peer.

    Attributes:
        outstanding: requests on their way to it.
        busy_until: it is not asked before.
        asked: block id to file, for everything it was asked and has not answered, also what was
            given up since: a late answer is welcome.
        subscriptions: files it wants to hear about.
    """

    peer: bytes
    relay: bool
    outstanding: int = 0
    busy_until: float = 0.0
    strikes: int = 0
    asked: dict[bytes, bytes] = field(default_factory=dict)
    subscriptions: set[bytes] = field(default_factory=set)
    node_reads: int = 0
    _quickest: float = 0.0
    _gap: float = 0.0
    _last_arrival: float | None = None

    def remember(self, cid: bytes, root: bytes) -> None:
        self.asked.pop(cid, None)
        self.asked[cid] = root
        if len(self.asked) > LATE_MAX:
            del self.asked[next(iter(self.asked))]

    def arrived(self, took: float, now: float) -> None:
        """A requested chunk came after `took` milliseconds. (Manifests are too small to tell.)"""
        took = max(took, 0.001)
        self._quickest = min(self._quickest * 1.02, took) if self._quickest else took
        if self._last_arrival is not None:
            gap = now - self._last_arrival
            self._gap = self._gap + _GAP_WEIGHT * (gap - self._gap) if self._gap else gap
        self._last_arrival = now if self.outstanding else None

    @property
    def limit(self) -> int:
        """How many requests keep the path full: its delay in units of block times, and one more.

        Two on a LAN; as many as it takes where the path is long for its rate.
        """
        if not self._gap:
            return OUTSTANDING_PER_HOLDER
        wanted = round(self._quickest / self._gap) + 1
        return min(max(wanted, OUTSTANDING_PER_HOLDER), OUTSTANDING_MAX)

    def free(self, now: float) -> bool:
        return self.busy_until <= now and self.outstanding < self.limit

    def busy(self, retry_ms: float, now: float) -> None:
        """It said BUSY."""
        self.busy_until = max(self.busy_until, now + max(retry_ms, RETRY_MIN_MS))

    def strike(self, now: float) -> None:
        """A request timed out: let it rest, longer each time."""
        self.strikes += 1
        rest = min(STRIKE_MS << min(self.strikes - 1, 8), STRIKE_MAX_MS)
        self.busy_until = max(self.busy_until, now + rest)


@dataclass(slots=True)
class Holder:
    """A peer as a source of one file.

    Attributes:
        bitmap: its HAVE as received, until the layout is known.
        has: the pieces it holds.
        origin: as far as it said, its pieces came from no peer.
    """

    source: Source
    bitmap: bytes | None = None
    has: int = 0
    more: list[int] = field(default_factory=list)
    origin: bool = False
    _deferred: int = 0
    _deferrals: list[tuple[float, int]] = field(default_factory=list)

    @property
    def rank(self) -> int:
        """Who is asked first: whoever fetched it as well, then the origin, then relays."""
        if self.source.relay:
            return 2
        return 1 if self.origin else 0

    def defer(self, piece: int, until: float) -> None:
        """It gave this piece to somebody else; do not ask it again before `until`."""
        self._deferred |= 1 << piece
        heapq.heappush(self._deferrals, (until, piece))

    def offers(self, now: float) -> int:
        """The pieces it holds and would give now."""
        while self._deferrals and self._deferrals[0][0] <= now:
            _, piece = heapq.heappop(self._deferrals)
            self._deferred &= ~(1 << piece)
        return self.has & ~self._deferred

    def next_offer(self) -> float | None:
        """When the next deferred piece may be asked for again."""
        return self._deferrals[0][0] if self._deferrals else None
