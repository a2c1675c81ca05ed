"""Hybrid logical clock: wall time that follows what it has seen.

A reading is one integer, `milliseconds since the Unix epoch << 16 | counter` (Kulkarni et al.,
"Logical Physical Clocks", 2014). Messages are ordered by it, so a reply sorts after what it
answers even when the two machines' clocks disagree. A reading more than an hour ahead of now is
not followed at all: a broken or hostile clock puts its own messages into the future, not
everybody's, and nobody could sort behind it anyway.

That holds for our own readings, too. When the wall clock was wrong and is set right, the last
reading may be years ahead; then it is given up, and the clock begins anew at now. So readings
rise along a log while its author's clock is sound, and nothing relies on it where it is not.
"""

from crdt.limits import CLOCK_MERGE_MAX_MS, CLOCK_RETURN_MS

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
        """A reading for a new entry, larger than every one that is followed."""
        self.last = max(self.followed(now_ms) + 1, reading(now_ms))
        return self.last

    def merge(self, remote: int, now_ms: int) -> None:
        """Follow a reading, unless it is more than `CLOCK_MERGE_MAX_MS` ahead of now."""
        if remote <= reading(now_ms + CLOCK_MERGE_MAX_MS):
            self.last = max(self.followed(now_ms), remote)

    def followed(self, now_ms: int) -> int:
        """The newest reading that a new one comes after, 0 when `last` is too far ahead of now."""
        return self.last if milliseconds(self.last) <= now_ms + CLOCK_RETURN_MS else 0
