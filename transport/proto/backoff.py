"""When to dial a peer again.

Exponential back-off with full jitter: a delay is drawn from the whole range, so that twenty
devices that lost the same peer do not come back in step. A peer that was here within the last
ten minutes is probably rebooting its router, not gone: its delays end at 1.5 s instead of 30 s.
Anything that changes where we are (another network, waking up) starts over.
"""

from dataclasses import dataclass, replace

from transport.proto.limits import (
    BACKOFF_FIRST_MAX_SECONDS,
    BACKOFF_FIRST_MIN_SECONDS,
    BACKOFF_MAX_SECONDS,
    BACKOFF_RECENT_MAX_SECONDS,
    SEEN_RECENTLY_SECONDS,
)

_DOUBLINGS_MAX = 16
"""Beyond this every range has met its cap; more would only make large numbers."""


def next_delay(attempt: int, seen_recently: bool, rand: float) -> float:
    """Seconds to wait before dialling again.

    Args:
        attempt: how often it failed in a row, 0 after the first failure.
        seen_recently: whether the peer was linked or announced within ten minutes.
        rand: uniformly drawn from [0, 1).
    """
    assert attempt >= 0
    assert 0.0 <= rand < 1.0
    cap = BACKOFF_RECENT_MAX_SECONDS if seen_recently else BACKOFF_MAX_SECONDS
    longest = min(cap, BACKOFF_FIRST_MAX_SECONDS * float(1 << min(attempt, _DOUBLINGS_MAX)))
    return BACKOFF_FIRST_MIN_SECONDS + (longest - BACKOFF_FIRST_MIN_SECONDS) * rand


@dataclass(frozen=True, slots=True)
class Redial:
    """How it stands with dialling one peer; times are monotonic seconds.

    Attributes:
        failures: in a row.
        seen: when the peer was last linked or announced.
        due: when to dial; None while linked.
    """

    failures: int = 0
    seen: float | None = None
    due: float | None = 0.0

    def failed(self, now: float, rand: float) -> "Redial":
        """A dial came to nothing, or the link was lost."""
        recently = self.seen is not None and now - self.seen < SEEN_RECENTLY_SECONDS
        delay = next_delay(self.failures, recently, rand)
        return replace(self, failures=self.failures + 1, due=now + delay)

    def linked(self, now: float) -> "Redial":
        """A link stands."""
        return Redial(failures=0, seen=now, due=None)

    def announced(self, now: float) -> "Redial":
        """The peer was found on the LAN: dial now, or very soon if dialling failed before.

        So a device whose announcements come with an address that fails makes nobody busy.
        """
        if self.due is None:
            return replace(self, seen=now)
        soon = now + BACKOFF_FIRST_MAX_SECONDS if self.failures else now
        return replace(self, seen=now, due=min(self.due, soon))

    def network_changed(self, now: float) -> "Redial":
        """We are somewhere else, or were asleep: earlier failures say nothing any more."""
        if self.due is None:
            return self
        return replace(self, failures=0, due=now)
