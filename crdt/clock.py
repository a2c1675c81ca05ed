"""Hybrid logical clock: wall time that never runs backwards and follows what it has seen.

A reading is one integer, `milliseconds since the Unix epoch << 16 | counter` (Kulkarni et al.,
"Logical Physical Clocks", 2014). Messages are ordered by it, so a reply sorts after what it
answers even when the two machines' clocks disagree. A remote reading moves ours at most an hour
ahead of now: a broken or hostile clock can make its own messages look late, not everybody's.
"""

from crdt.limits import CLOCK_MERGE_MAX_MS

COUNTER_BITS = 16
READING_MAX = 2**63 - 1


def reading(milliseconds: int, counter: int = 0) -> int:
    """The reading at a wall time."""
    return milliseconds << COUNTER_BITS | counter


def milliseconds(hlc: int) -> int:
    """The wall-time part of a reading."""
    return hlc >> COUNTER_BITS


class HybridClock:
    """One device's clock. `last` is the newest reading given out or accepted."""

    def __init__(self, last: int = 0) -> None:
        self.last = last

    def tick(self, now_ms: int) -> int:
        """A reading for a new entry, larger than every one before it."""
        self.last = max(self.last + 1, reading(now_ms))
        return self.last

    def merge(self, remote: int, now_ms: int) -> None:
        """Follow a reading from elsewhere, at most `CLOCK_MERGE_MAX_MS` ahead of now."""
        bounded = min(remote, reading(now_ms + CLOCK_MERGE_MAX_MS))
        self.last = max(self.last, bounded)
