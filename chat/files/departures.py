"""When has a block left? What the exchange needs to know of the links, without watching them.

The exchange counts blocks on its uplink and measures how fast they go, so it must hear when the
last byte of each has left. A link only tells how many payload bytes of a priority are not on the
wire yet (`Link.queued_bytes`). That is enough: messages of one priority leave in order, so of all
bytes ever given to a link, all but the last `queued` have left. Each block remembers the count at
which it ends; it has left when the count of what left has come that far.

Should anything else ever use the same priorities, blocks are reported later, never too early.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

Unsent = Callable[[bytes, int], int]
"""`unsent(device, priority)`: payload bytes given to the device's link and not on the wire yet."""


@dataclass(slots=True)
class _Lane:
    """One priority of one peer: bytes given so far, and (end, block id) of blocks on their way."""

    given: int = 0
    blocks: deque[tuple[int, bytes]] = field(default_factory=deque)


class Departures:
    """Blocks that were given to links and have not left yet."""

    def __init__(self) -> None:
        self._lanes: dict[tuple[bytes, int], _Lane] = {}
        self._waiting = 0

    @property
    def waiting(self) -> bool:
        """Whether there is a block to look for."""
        return self._waiting > 0

    def gave(self, peer: bytes, priority: int, size: int, cid: bytes | None) -> None:
        """A message of `size` bytes went to a link; `cid` when it carries a block."""
        lane = self._lanes.setdefault((peer, priority), _Lane())
        lane.given += size
        if cid is not None:
            lane.blocks.append((lane.given, cid))
            self._waiting += 1

    def left(self, unsent: Unsent) -> list[tuple[bytes, bytes]]:
        """(peer, block id) of what has left since the last call."""
        found: list[tuple[bytes, bytes]] = []
        for (peer, priority), lane in self._lanes.items():
            if not lane.blocks:
                continue
            gone = lane.given - unsent(peer, priority)
            while lane.blocks and lane.blocks[0][0] <= gone:
                found.append((peer, lane.blocks.popleft()[1]))
        self._waiting -= len(found)
        return found

    def peer_gone(self, peer: bytes) -> None:
        """Its link ended with what was queued; a new one counts from nothing."""
        for key in [key for key in self._lanes if key[0] == peer]:
            self._waiting -= len(self._lanes.pop(key).blocks)
